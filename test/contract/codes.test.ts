/*
 * "Codes": what their owners create, read, change and delete, how codes route, and how they are found.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Code } from "../../contracts/code.ts";
import { problemOf, type Running, startRunning } from "./running.ts";

const IPHONE =
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1";
const PIXEL =
	"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36";
const DAY_MS = 86_400_000;
const at = (ms: number) => new Date(Date.now() + ms).toISOString();

let running: Running;

beforeAll(async () => {
	running = await startRunning();
});

const target = async (code: Code, headers: Record<string, string> = {}) =>
	(await running.phone(`/q/${code.slug}`, headers)).headers.get("location");

describe("a code", () => {
	test("is created with what it was given and standards for the rest, and is where Location says", async () => {
		const answer = await running.admin.request("POST", "/api/v1/codes", { url: "https://example.org/a" });
		expect(answer.status).toBe(201);
		const code = (await answer.json()) as Code;
		expect(code).toEqual({
			...{ id: expect.any(String), slug: expect.any(String), url: "https://example.org/a", name: expect.any(String) },
			...{ tags: [], active: true, rules: [], variants: [], placements: [] },
			...{ createdAt: expect.stringMatching(/^\d{4}-.*Z$/), updatedAt: expect.stringMatching(/^\d{4}-.*Z$/) },
		});
		expect(code.slug).toMatch(/^[A-Za-z0-9_-]{7}$/);
		const where = new URL(answer.headers.get("location") as string, running.url);
		expect(where.pathname).toBe(`/api/v1/codes/${code.id}`);
		expect(await running.admin.get(where.pathname)).toEqual(code);
	});

	test("keeps every field that it was given", async () => {
		const input = {
			...{
				slug: "whole-Code_1",
				url: "https://example.org/?a=1#b",
				name: "Whole",
				tags: ["a", "B c", "ä"],
				active: false,
			},
			...{ expiresAt: "2030-01-01T00:00:00Z", maxScans: 7, fallbackUrl: "http://example.org/gone" },
			rules: [
				{
					if: {
						country: "DE",
						device: "tablet",
						os: "iOS",
						language: "de",
						after: "2026-01-01T00:00:00Z",
						before: "2030-01-01T00:00:00Z",
					},
					url: "https://example.org/1",
				},
				{ if: {}, url: "https://example.org/2" },
			],
			variants: [{ url: "https://example.org/v", weight: 3 }],
			placements: [
				{ key: "door", name: "Door", lat: 52.5, lon: -13.4 },
				{ key: "wall", name: "Wall" },
			],
		} as const;
		const code = await running.admin.post<Code>("/api/v1/codes", input);
		expect(code).toMatchObject(input);
		expect(await running.admin.get(`/api/v1/codes/${code.id}`)).toEqual(code);
	});

	test("gets a slug of seven characters without look-alikes", async () => {
		const slugs = (await Promise.all(Array.from({ length: 60 }, () => running.code()))).map(({ slug }) => slug);
		expect(new Set(slugs).size).toBe(60);
		for (const slug of slugs) expect(slug).toMatch(/^[A-Za-z0-9]{7}$/);
		expect(slugs.join("")).not.toMatch(/[0O1lI]/);
	});

	test("has a slug of its own for ever: taken is 409, also when two ask at once or its code was deleted", async () => {
		const { id } = await running.code({ slug: "mine" });
		const problem = await problemOf(
			await running.admin.request("POST", "/api/v1/codes", { url: "https://example.org/", slug: "mine" }),
			409,
			"slug_taken",
		);
		expect(problem.errors?.map(({ path }) => path) ?? ["slug"]).toEqual(["slug"]);
		expect((await running.code({ slug: "Mine" })).slug).toBe("Mine");
		const other = await running.code();
		await problemOf(
			await running.admin.request("PATCH", `/api/v1/codes/${other.id}`, { slug: "mine" }),
			409,
			"slug_taken",
		);
		await running.admin.delete(`/api/v1/codes/${id}`);
		expect(
			(await running.admin.refused("POST", "/api/v1/codes", { url: "https://example.org/", slug: "mine" })).status,
		).toBe(409);
		const answers = await Promise.all(
			Array.from({ length: 8 }, () =>
				running.admin.request("POST", "/api/v1/codes", { url: "https://example.org/", slug: "race" }),
			),
		);
		expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409, 409, 409, 409, 409]);
	});

	test("is changed field by field: absent stays, null clears what is optional, and the redirect knows at once", async () => {
		const code = await running.code({
			name: "Before",
			tags: ["t"],
			expiresAt: at(DAY_MS),
			maxScans: 5,
			fallbackUrl: "https://example.org/f",
		});
		const patch = (changes: unknown) => running.admin.patch<Code>(`/api/v1/codes/${code.id}`, changes);
		const renamed = await patch({ name: "After", url: "https://example.org/new" });
		expect(renamed).toEqual({ ...code, name: "After", url: "https://example.org/new", updatedAt: expect.any(String) });
		expect(Date.parse(renamed.updatedAt)).toBeGreaterThanOrEqual(Date.parse(code.updatedAt));
		expect(await target(code)).toBe("https://example.org/new");
		const cleared = await patch({ expiresAt: null, maxScans: null, fallbackUrl: null });
		for (const field of ["expiresAt", "maxScans", "fallbackUrl"]) expect(cleared).not.toHaveProperty(field);
		expect(cleared).toMatchObject({ name: "After", tags: ["t"] });
		expect(await patch({ tags: [], rules: [], variants: [], placements: [] })).toMatchObject({ tags: [] });
		expect(await patch({})).toMatchObject({ name: "After" });
		for (const field of ["name", "url", "tags", "active", "slug", "rules", "variants", "placements"]) {
			const problem = await running.admin.refused("PATCH", `/api/v1/codes/${code.id}`, { [field]: null });
			expect({ field, status: problem.status, paths: problem.errors?.map(({ path }) => path) }).toEqual({
				field,
				status: 422,
				paths: [field],
			});
		}
		for (const field of ["id", "createdAt", "updatedAt", "organisation", "deleted"])
			expect(
				(await running.admin.refused("PATCH", `/api/v1/codes/${code.id}`, { [field]: "x" })).errors?.[0]?.path,
			).toBe(field);
	});

	test("with a new slug answers at the new one", async () => {
		const code = await running.code({ slug: "old-name", url: "https://example.org/renamed" });
		await running.admin.patch(`/api/v1/codes/${code.id}`, { slug: "new-name" });
		expect(await target({ ...code, slug: "new-name" })).toBe("https://example.org/renamed");
		// Nobody else gets what is printed already.
		expect(
			(await running.admin.refused("POST", "/api/v1/codes", { url: "https://example.org/", slug: "old-name" })).status,
		).toBe(409);
	});

	test("that was deleted answers 404 everywhere, its scans stay in the organisation's numbers", async () => {
		const code = await running.code({ name: "Deleted" });
		await running.admin.post("/api/v1/scans", { code: code.slug, utm: { campaign: "of-the-deleted" } });
		const query = { "filter.utm_campaign": "of-the-deleted" };
		expect(await running.counted(query)).toMatchObject({ scans: 1 });
		const answer = await running.admin.request("DELETE", `/api/v1/codes/${code.id}`);
		expect([answer.status, await answer.text()]).toEqual([204, ""]);
		for (const [method, path] of [
			["GET", ""],
			["PATCH", ""],
			["DELETE", ""],
			["GET", "/qr.svg"],
			["GET", "/qr.png"],
		] as const)
			expect(
				(await running.admin.refused(method, `/api/v1/codes/${code.id}${path}`, method === "PATCH" ? {} : undefined))
					.status,
			).toBe(404);
		expect((await running.phone(`/q/${code.slug}`)).status).toBe(404);
		expect(await running.counted(query)).toMatchObject({ scans: 1 });
		expect((await running.admin.get<{ total: number }>("/api/v1/codes?search=Deleted")).total).toBe(0);
	});
});

describe("a rule", () => {
	const URLS = { rule: "https://example.org/rule", second: "https://example.org/second", url: "https://example.org/" };
	const ruled = (condition: object) =>
		running.admin.post<Code>("/api/v1/codes", {
			url: URLS.url,
			rules: [{ if: condition, url: URLS.rule }],
		});

	test.each<[condition: object, holds: Record<string, string>, fails: Record<string, string>]>([
		[{ country: "US" }, { "x-forwarded-for": "8.8.8.8" }, { "x-forwarded-for": "10.0.0.1" }],
		[{ country: "us" }, { "x-forwarded-for": "8.8.8.8" }, {}],
		[
			{ device: "mobile" },
			{ "user-agent": IPHONE },
			{ "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0" },
		],
		[{ os: "iOS" }, { "user-agent": IPHONE }, { "user-agent": PIXEL }],
		[{ os: "ios" }, { "user-agent": IPHONE }, { "user-agent": PIXEL }],
		[{ language: "de" }, { "accept-language": "de-AT,en;q=0.5" }, { "accept-language": "en,de;q=0.5" }],
		[{ language: "de-AT" }, { "accept-language": "de-AT" }, { "accept-language": "fr" }],
		[
			{ os: "iOS", language: "de" },
			{ "user-agent": IPHONE, "accept-language": "de" },
			{ "user-agent": IPHONE, "accept-language": "en" },
		],
	])("of %j decides where it holds", async (condition, holds, fails) => {
		const code = await ruled(condition);
		expect(await target(code, holds)).toBe(URLS.rule);
		expect(await target(code, fails)).toBe(URLS.url);
	});

	test("of a time holds from its first instant until before its last", async () => {
		expect(await target(await ruled({ after: at(-1_000) }))).toBe(URLS.rule);
		expect(await target(await ruled({ after: at(60_000) }))).toBe(URLS.url);
		expect(await target(await ruled({ before: at(60_000) }))).toBe(URLS.rule);
		expect(await target(await ruled({ before: at(-1) }))).toBe(URLS.url);
		expect(await target(await ruled({ after: at(-60_000), before: at(60_000) }))).toBe(URLS.rule);
	});

	test("before others decides first, and one without conditions always", async () => {
		const code = await running.admin.post<Code>("/api/v1/codes", {
			url: URLS.url,
			rules: [
				{ if: { os: "iOS" }, url: URLS.rule },
				{ if: {}, url: URLS.second },
			],
			variants: [{ url: "https://example.org/variant", weight: 1 }],
		});
		expect(await target(code, { "user-agent": IPHONE })).toBe(URLS.rule);
		expect(await target(code, { "user-agent": PIXEL })).toBe(URLS.second);
	});
});

describe("variants", () => {
	test("share visitors by weight, and stick to each", async () => {
		const code = await running.admin.post<Code>("/api/v1/codes", {
			url: "https://example.org/",
			variants: [
				{ url: "https://example.org/a", weight: 3 },
				{ url: "https://example.org/b", weight: 1 },
			],
		});
		const visitors = Array.from({ length: 400 }, (_, n) => ({
			"x-forwarded-for": `198.51.${n % 200}.${n}`.replace(/\d+$/, String(n % 250)),
			"user-agent": IPHONE,
		}));
		const seen = { "https://example.org/a": 0, "https://example.org/b": 0 };
		for (const visitor of visitors) {
			const first = (await target(code, visitor)) as keyof typeof seen;
			seen[first]++;
			expect(await target(code, visitor)).toBe(first);
		}
		// 300 of 400 are expected; five standard deviations to each side.
		expect(seen["https://example.org/a"]).toBeGreaterThan(255);
		expect(seen["https://example.org/a"]).toBeLessThan(345);
	});
});

describe("codes", () => {
	test("are found by any part of name, slug, address or tag, whatever its case", async () => {
		const code = await running.code({
			name: "Sommer FEST (2026)",
			slug: "Zebra_77",
			url: "https://shop.example.org/Kiwi?x=1",
			tags: ["Plakat", "straße"],
		});
		const found = async (query: string) =>
			(await running.admin.get<{ rows: Code[] }>(`/api/v1/codes?${query}`)).rows.some(({ id }) => id === code.id);
		for (const search of [
			"sommer",
			"FEST",
			"fest (2026)",
			"zebra_",
			"bra_77",
			"SHOP.example",
			"kiwi?x",
			"plakat",
			"STRAßE",
			"LAKA",
		])
			expect({ search, found: await found(new URLSearchParams({ search }).toString()) }).toEqual({
				search,
				found: true,
			});
		for (const search of [
			"winter",
			".*",
			"zebra%77",
			"^Sommer",
			"sommer.fest",
			"$where",
			"[",
			"\\",
			`(${"x".repeat(20)}`,
		])
			expect({ search, found: await found(new URLSearchParams({ search }).toString()) }).toEqual({
				search,
				found: false,
			});
		expect(await found("tag=Plakat")).toBe(true);
		expect(await found("tag=Plak")).toBe(false);
		expect(await found("search=(2026)&tag=Plakat&active=true")).toBe(true);
		expect(await found("search=sommer&active=false")).toBe(false);
		await running.admin.patch(`/api/v1/codes/${code.id}`, { active: false });
		expect(await found("search=sommer&active=false")).toBe(true);
	});

	test("may lead to private hosts where the configuration allows it", async () => {
		const open = await startRunning({ env: { ALLOW_PRIVATE_DESTINATIONS: "on" } });
		for (const url of ["http://localhost:3000/", "http://192.168.1.1/", "http://[::1]/"]) {
			const code = await open.code({ url });
			expect((await open.phone(`/q/${code.slug}`)).headers.get("location")).toBe(url);
		}
		const body = { url: "http://user:pass@localhost/" };
		expect((await open.admin.refused("POST", "/api/v1/codes", body)).errors?.[0]?.path).toBe("url");
	});
});
