import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Code, CodeInput } from "../../contracts/code.ts";
import { until } from "../../scripts/servers/until.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { type RunningGateway, startGateway } from "./running-gateway.ts";

const DESTINATION = "https://shop.example/menu";
let gateway: RunningGateway;

beforeAll(async () => {
	gateway = await startGateway();
});

const make = (code: Partial<CodeInput> = {}) => gateway.api.post<Code>("/api/v1/codes", { url: DESTINATION, ...code });
const countOf = async (code: Code) => (await gateway.scans()).filter((scan) => scan.code === code.id).length;

describe("a phone that scans a code", () => {
	test("is sent on, and the scan named by X-Scan-Id is in the log with what is known of it", async () => {
		const code = await make();
		const response = await gateway.get(`/q/${code.slug}/Table%204!`, {
			"accept-language": "de-AT,de;q=0.9,en;q=0.7",
			referer: "https://news.example/a?b",
		});
		expect(response.status).toBe(302);
		expect(response.headers.get("location")).toBe(DESTINATION);
		expect(response.headers.get("cache-control")).toBe("private, no-store");
		expect(response.headers.get("x-request-id")).toBeTruthy();
		const scan = (await gateway.scans()).find(({ id }) => id === response.headers.get("x-scan-id"));
		expect(scan).toMatchObject({
			code: code.id,
			slug: code.slug,
			organisation: "default",
			source: "qr",
			device: "mobile",
			os: "iOS",
			browser: "Safari",
			bot: false,
			language: "de",
			referrer: "news.example",
			placement: "table4",
			visitor: expect.stringMatching(/^[\w-]{22}$/),
		});
		expect(JSON.stringify(scan)).not.toContain("127.0.0.1");
	});

	test("brings its query string along, which the destination's own parameters outrank, and its utm fields are recorded", async () => {
		const code = await make({ url: "https://shop.example/m?table=1#top" });
		const response = await gateway.get(`/l/${code.slug}?table=9&utm_source=%20flyer%20&x=%C3%A4&y=%0d%0aSet-Cookie:a`);
		expect(response.headers.get("location")).toBe(
			"https://shop.example/m?table=1&utm_source=%20flyer%20&x=%C3%A4&y=%0d%0aSet-Cookie:a#top",
		);
		expect(response.headers.get("set-cookie")).toBeNull();
		const scan = (await gateway.scans()).find(({ id }) => id === response.headers.get("x-scan-id"));
		expect(scan).toMatchObject({ source: "link", utm_source: "flyer" });
		expect(scan).not.toHaveProperty("utm_medium");
	});

	test("is the same visitor all day on every code of the organisation, and another phone is another", async () => {
		const [one, two] = [await make(), await make()];
		await gateway.get(`/q/${one.slug}`);
		await gateway.get(`/q/${two.slug}`);
		await gateway.get(`/q/${two.slug}`, { "user-agent": "Mozilla/5.0 (Android 14; Mobile; rv:120.0) Firefox/120.0" });
		const visitors = (await gateway.scans())
			.filter(({ code }) => code === one.id || code === two.id)
			.map((scan) => scan.visitor);
		expect(visitors[0]).toBe(visitors[1]);
		expect(visitors[2]).not.toBe(visitors[0]);
	});

	test("counts as a bot when it is one, or only looks ahead", async () => {
		const code = await make();
		await gateway.get(`/q/${code.slug}`, { "user-agent": "Googlebot/2.1 (+http://www.google.com/bot.html)" });
		await gateway.get(`/q/${code.slug}`, { "sec-purpose": "prefetch;prerender" });
		const scans = (await gateway.scans()).filter((scan) => scan.code === code.id);
		expect(scans.map(({ bot, device, visitor }) => ({ bot, device, visitor }))).toEqual([
			{ bot: true, device: "bot", visitor: undefined },
			{ bot: true, device: "bot", visitor: undefined },
		]);
	});

	test("is not counted when it asks by HEAD", async () => {
		const code = await make();
		const response = await fetch(`${gateway.url}/q/${code.slug}`, { method: "HEAD", redirect: "manual" });
		expect(response.status).toBe(302);
		expect(response.headers.get("location")).toBe(DESTINATION);
		expect(response.headers.get("x-scan-id")).toBeNull();
		expect(await countOf(code)).toBe(0);
	});

	test("goes where the first rule says that holds for it", async () => {
		const code = await make({
			rules: [
				{ if: { os: "Android" }, url: "https://play.example/" },
				{ if: { device: "mobile", language: "fr" }, url: "https://fr.example/" },
				{ if: { before: "2001-01-01T00:00:00Z" }, url: "https://old.example/" },
			],
		});
		const to = async (language: string) =>
			(await gateway.get(`/q/${code.slug}`, { "accept-language": language })).headers.get("location");
		expect(await to("fr-CA")).toBe("https://fr.example/");
		expect(await to("en")).toBe(DESTINATION);
	});

	test("sees an edit at once", async () => {
		const code = await make();
		await gateway.get(`/q/${code.slug}`);
		await gateway.api.patch(`/api/v1/codes/${code.id}`, { url: "https://new.example/" });
		await until(async () => (await gateway.get(`/q/${code.slug}`)).headers.get("location") === "https://new.example/", {
			what: "the new destination",
			timeoutMs: 1_000,
		});
	});

	test("goes on by a slug that the code had before, because it is printed", async () => {
		const code = await make({ slug: "printed-long-ago" });
		await gateway.api.patch(`/api/v1/codes/${code.id}`, { slug: "shiny-new" });
		for (const slug of ["printed-long-ago", "shiny-new", "printed-long-ago"]) {
			expect((await gateway.get(`/q/${slug}`)).headers.get("location")).toBe(DESTINATION);
		}
	});
});

describe("a code that leads nowhere", () => {
	test("shows a page and counts nothing: unknown, deleted, inactive, expired", async () => {
		const deleted = await make();
		await gateway.api.delete(`/api/v1/codes/${deleted.id}`);
		const inactive = await make({ active: false });
		const expired = await make({ expiresAt: "2020-01-01T00:00:00Z" });
		const status = async (slug: string) => {
			const response = await gateway.get(`/q/${slug}`);
			expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
			expect(await response.text()).toContain("<h1>");
			return response.status;
		};
		expect(await status("nobodys")).toBe(404);
		expect(await status("not.a.slug")).toBe(404);
		expect(await status(`${inactive.slug}/a/b`)).toBe(404);
		expect(await status(deleted.slug)).toBe(404);
		expect(await status(inactive.slug)).toBe(410);
		expect(await status(expired.slug)).toBe(410);
		for (const code of [deleted, inactive, expired]) expect(await countOf(code)).toBe(0);
	});

	test("leads to its fallback, uncounted", async () => {
		const code = await make({ active: false, fallbackUrl: "https://else.example/" });
		const response = await gateway.get(`/q/${code.slug}`);
		expect(response.status).toBe(302);
		expect(response.headers.get("location")).toBe("https://else.example/");
		expect(response.headers.get("x-scan-id")).toBeNull();
		expect(await countOf(code)).toBe(0);
	});

	test("works as soon as it exists, also just after it was asked for", async () => {
		expect((await gateway.get("/q/made-later")).status).toBe(404);
		await make({ slug: "made-later" });
		await until(async () => (await gateway.get("/q/made-later")).status === 302, {
			what: "the redirect",
			timeoutMs: 1_000,
		});
	});
});

describe("a gateway without the codes actor", () => {
	test("redirects codes that nobody has scanned yet, and after a restart as well", async () => {
		const dataDir = await temporaryFolder();
		const first = await startGateway({ DATA_DIR: dataDir });
		const code = await first.api.post<Code>("/api/v1/codes", { url: DESTINATION });
		await first.stop();
		const second = await startGateway({ DATA_DIR: dataDir });
		await until(
			() =>
				readFile(path.join(dataDir, "codes.snapshot.jsonl"), "utf8").then(
					(text) => text.includes(code.id),
					() => false,
				),
			{
				what: "the snapshot",
				timeoutMs: 5_000,
			},
		);
		await second.broker.destroyService("codes");
		const response = await second.get(`/q/${code.slug}`);
		expect([response.status, response.headers.get("x-scan-id")]).toEqual([302, expect.any(String)]);
		await second.stop();
		const third = await startGateway({ DATA_DIR: dataDir }, { without: "codes" });
		expect((await third.get(`/q/${code.slug}`)).headers.get("location")).toBe(DESTINATION);
		const unknown = await third.get("/q/nobodys");
		expect([unknown.status, unknown.headers.get("retry-after")]).toEqual([503, "1"]);
	});
});

test("other methods are told which ones there are", async () => {
	const response = await fetch(`${gateway.url}/q/abc`, { method: "POST", body: "x" });
	expect(response.status).toBe(405);
	expect(response.headers.get("allow")).toBe("GET, HEAD");
});

test("a redirect that runs out of patience goes on without X-Scan-Id", async () => {
	const hurried = await startGateway({ REDIRECT_PATIENCE_MS: "0" });
	const code = await hurried.api.post<Code>("/api/v1/codes", { url: DESTINATION });
	const response = await hurried.get(`/q/${code.slug}`);
	expect(response.status).toBe(302);
	expect(response.headers.get("x-scan-id")).toBeNull();
	await until(async () => (await hurried.scans()).length === 1, { what: "the scan", timeoutMs: 2_000 });
});

test("more than 100 redirects a second of one address are asked to wait", async () => {
	const limited = await startGateway({ RATE_LIMITS: "on" });
	const code = await limited.api.post<Code>("/api/v1/codes", { url: DESTINATION });
	// So many that a slow machine, too, asks more often than a hundred times a second.
	const asked = 600;
	const responses = await Promise.all(Array.from({ length: asked }, () => limited.get(`/q/${code.slug}`)));
	const refused = responses.filter(({ status }) => status === 429);
	expect(refused.length).toBeGreaterThan(10);
	expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
	expect(refused[0]?.headers.get("ratelimit-limit")).toBe("100");
	expect((await limited.scans()).length).toBe(asked - refused.length);
});

test("an address that guesses slugs is stopped, while known codes still work for it", async () => {
	const limited = await startGateway({ RATE_LIMITS: "on" });
	const code = await limited.api.post<Code>("/api/v1/codes", { url: DESTINATION });
	await limited.get(`/q/${code.slug}`);
	const statuses = [];
	for (let guess = 0; guess < 20; guess++) statuses.push((await limited.get(`/q/guess-${guess}`)).status);
	expect(statuses.filter((status) => status === 404).length).toBeLessThan(15);
	expect(statuses.at(-1)).toBe(429);
	expect((await limited.get(`/q/${code.slug}`)).status).toBe(302);
});
