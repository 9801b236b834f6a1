/*
 * "Scanning (public)", the part of it that phones see: where a scanned or followed address leads, what is counted for it and
 * what is not.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Breakdown } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import { until } from "../harness/product.ts";
import { problemOf, type Running, startRunning } from "./running.ts";

const IPHONE =
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1";

let running: Running;

beforeAll(async () => {
	// Patient, so that every answer knows whether its scan is durable, however busy the machine is.
	running = await startRunning({ env: { REDIRECT_PATIENCE_MS: "10000" } });
});

const phone = (path: string, headers: Record<string, string> = {}) =>
	running.phone(path, { "user-agent": IPHONE, ...headers });

async function breakdown(code: Code, by: string): Promise<Record<string, number>> {
	const { rows } = await running.complete<Breakdown>("/api/v1/analytics/breakdown", {
		code: code.id,
		by,
		bots: "true",
		limit: "300",
	});
	return Object.fromEntries(rows.map(({ value, scans }) => [value, scans]));
}

describe("a code's address", () => {
	test("sends a phone on, says which scan it was, and counts it", async () => {
		const code = await running.code({ url: "https://example.org/menu" });
		const answer = await phone(`/q/${code.slug}`);
		expect(answer.status).toBe(302);
		expect(answer.headers.get("location")).toBe("https://example.org/menu");
		expect(answer.headers.get("cache-control")).toBe("private, no-store");
		const id = answer.headers.get("x-scan-id") as string;
		expect(id).toMatch(/^[A-Za-z0-9._:-]{1,128}$/);
		expect(await running.counted({ code: code.id })).toMatchObject({ scans: 1, visitors: 1, bots: 0 });
		expect(await breakdown(code, "source")).toEqual({ qr: 1 });
		// The id is one of the organisation's like every other.
		await running.admin.post("/api/v1/scans", { code: code.id, id });
		expect(await running.counted({ code: code.id })).toMatchObject({ scans: 1 });
	});

	test("as a link is counted as such", async () => {
		const code = await running.code();
		const answer = await phone(`/l/${code.slug}`);
		expect([answer.status, answer.headers.has("x-scan-id")]).toEqual([302, true]);
		expect(await breakdown(code, "source")).toEqual({ link: 1 });
	});

	test("is case-sensitive, up to 64 of A-Z a-z 0-9 _ -, and no other's", async () => {
		const slug = `Ab_-${"x".repeat(60)}`;
		await running.code({ slug });
		expect((await phone(`/q/${slug}`)).status).toBe(302);
		for (const other of [
			slug.toLowerCase(),
			slug.slice(1),
			`${slug}x`,
			"",
			"none",
			"%41b",
			"a%00b",
			"ä",
			"a.b",
			"__proto__",
		]) {
			const answer = await phone(`/q/${other}`);
			expect({ other, status: answer.status }).toEqual({ other, status: 404 });
			expect(answer.headers.get("content-type")).toMatch(/^text\/html/);
			expect(answer.headers.has("x-scan-id")).toBe(false);
			expect(await answer.text()).toMatch(/<h1>.+<\/h1>/);
		}
	});

	test("is read by GET and HEAD alone", async () => {
		const code = await running.code();
		for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
			const answer = await running.ask(method, `/q/${code.slug}`);
			await problemOf(answer, 405, "method_not_allowed");
			expect(answer.headers.get("allow")).toMatch(/GET.*HEAD/);
		}
	});

	test("asked by HEAD leads to the same place, and is not counted", async () => {
		const code = await running.code({ url: "https://example.org/a?b=1#c" });
		const head = await running.ask("HEAD", `/q/${code.slug}/wall?d=2`);
		expect(head.status).toBe(302);
		expect(head.headers.get("location")).toBe("https://example.org/a?b=1&d=2#c");
		expect(head.headers.has("x-scan-id")).toBe(false);
		expect((await running.ask("HEAD", "/q/none")).status).toBe(404);
		expect(await running.counted({ code: code.id, bots: "true" })).toMatchObject({ scans: 0, visitors: 0, bots: 0 });
	});

	test("fetched ahead of a visit, or by a machine, counts as a bot and never as a visitor", async () => {
		const code = await running.code();
		for (const purpose of ["prefetch", "prefetch;prerender", "prefetch;anonymous-client-ip"])
			expect((await phone(`/q/${code.slug}`, { "sec-purpose": purpose })).status).toBe(302);
		await phone(`/q/${code.slug}`, {
			"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		});
		expect(await running.counted({ code: code.id })).toMatchObject({ scans: 0, visitors: 0, bots: 4 });
		expect(await running.counted({ code: code.id, bots: "true" })).toMatchObject({ scans: 4 });
		expect(await breakdown(code, "device")).toEqual({ bot: 4 });
	});

	test("tells the phone apart: device, system, browser, language, referrer, country, visitor", async () => {
		const code = await running.code();
		const headers = {
			"accept-language": "de-AT,de;q=0.9,en;q=0.8",
			referer: "https://News.Example.org:8443/story?x=1",
			"x-forwarded-for": "8.8.8.8",
		};
		await phone(`/q/${code.slug}`, headers);
		await phone(`/q/${code.slug}`, headers);
		await phone(`/q/${code.slug}`, { ...headers, "x-forwarded-for": "8.8.4.4" });
		for (const [by, value] of Object.entries({
			...{
				device: "mobile",
				os: "iOS",
				browser: "Safari",
				language: "de",
				referrer: "news.example.org",
				country: "US",
			},
			...{ placement: "(none)", utm_source: "(none)", city: "(none)" },
		}))
			expect({ by, is: await breakdown(code, by) }).toEqual({ by, is: { [value]: 3 } });
		expect(await running.counted({ code: code.id })).toMatchObject({ scans: 3, visitors: 2 });
	});
});

describe("a placement", () => {
	test("is lower-cased, stripped and cut, never an error, and recorded though no one declared it", async () => {
		const code = await running.code({ placements: [{ key: "door", name: "Door" }] });
		const cases: [string, string][] = [
			["wall", "wall"],
			["Wall", "wall"],
			["WALL-2", "wall-2"],
			["Table%2012", "table12"],
			["t%C3%BCr", "tr"],
			["a%2Fb", "ab"],
			["a_b.c", "abc"],
			["%0d%0aX", "x"],
			["!!!", "(none)"],
			["", "(none)"],
			["x".repeat(65), "x".repeat(64)],
			["__proto__", "proto"],
			["door", "door"],
			[`${"!".repeat(70)}y`, "y"],
			["%25wall", "wall"],
		];
		const expected: Record<string, number> = {};
		for (const [placement, key] of cases) {
			const answer = await phone(`/q/${code.slug}/${placement}`);
			expect({ placement, status: answer.status }).toEqual({ placement, status: 302 });
			expected[key] = (expected[key] ?? 0) + 1;
		}
		expect(await breakdown(code, "placement")).toEqual(expected);
		for (const broken of ["%ff", "%", "%c3%28", "%zz", "%u0041"])
			expect({ broken, status: (await phone(`/q/${code.slug}/${broken}`)).status }).toEqual({ broken, status: 302 });
	});
});

describe("the query string", () => {
	const CASES: [destination: string, query: string, location: string][] = [
		["https://example.org/a", "x=1&y=2", "https://example.org/a?x=1&y=2"],
		["https://example.org/a?own=1", "x=2", "https://example.org/a?own=1&x=2"],
		["https://example.org/a?own=1", "own=2&x=3&own=4", "https://example.org/a?own=1&x=3"],
		["https://example.org/a?own=1&own=2", "own=3", "https://example.org/a?own=1&own=2"],
		["https://example.org/a?o%77n=1", "own=2", "https://example.org/a?o%77n=1"],
		["https://example.org/a?own=1", "o%77n=2", "https://example.org/a?own=1"],
		["https://example.org/a?a+b=1", "a%20b=2", "https://example.org/a?a+b=1"],
		["https://example.org/a?flag", "flag=2", "https://example.org/a?flag"],
		["https://example.org/a#part", "x=1", "https://example.org/a?x=1#part"],
		["https://example.org/a?own=1#part?no=1", "x=1", "https://example.org/a?own=1&x=1#part?no=1"],
		["https://example.org/a?", "x=1", "https://example.org/a?x=1"],
		["https://example.org/a", "x=a+b%20c%26d%3De", "https://example.org/a?x=a+b%20c%26d%3De"],
		["https://example.org/a", "x=1&x=2", "https://example.org/a?x=1&x=2"],
		["https://example.org/a", "flag&empty=", "https://example.org/a?flag&empty="],
		["https://example.org/a", "", "https://example.org/a"],
		["https://example.org/a", "x=%0d%0aSet-Cookie:%20a=b", "https://example.org/a?x=%0d%0aSet-Cookie:%20a=b"],
		["https://example.org/a", "x=%F0%9F%98%80&y=%ff&z=%", "https://example.org/a?x=%F0%9F%98%80&y=%ff&z=%"],
		["https://example.org/a", "utm_source=poster&x=1", "https://example.org/a?utm_source=poster&x=1"],
		["https://example.org/a?utm_source=own", "utm_source=poster", "https://example.org/a?utm_source=own"],
		["https://example.org/a", "url=https://evil.example/?x=1", "https://example.org/a?url=https://evil.example/?x=1"],
		["https://example.org/a", "__proto__=1", "https://example.org/a?__proto__=1"],
	];

	test.each(CASES)(
		"%s with %j leads to the destination's own parameters first and its fragment last",
		async (url, query, location) => {
			const code = await running.code({ url });
			const answer = await phone(`/q/${code.slug}/wall?${query}`);
			expect([answer.status, answer.headers.get("location")]).toEqual([302, location]);
			expect(answer.headers.has("set-cookie")).toBe(false);
		},
	);

	test("of a bare host and of other scripts leads to a place that a header can carry", async () => {
		for (const url of ["https://example.org", "https://bücher.example/straße?größe=ä#über", "https://example.org/😀"]) {
			const code = await running.code({ url });
			const location = (await phone(`/q/${code.slug}?x=ü`)).headers.get("location") as string;
			expect(location).toMatch(/^[\x21-\x7e]+$/);
			const expected = new URL(url);
			expect(new URL(location)).toMatchObject({
				host: expected.host,
				pathname: expected.pathname,
				hash: expected.hash,
			});
			expect(new URL(location).searchParams.get("x")).toBe("ü");
		}
	});

	test("leaves its utm_* in the numbers", async () => {
		const code = await running.code();
		await phone(`/q/${code.slug}?utm_source=Poster&utm_medium=print&utm_campaign=summer%20sale&utm_term=x`);
		await phone(`/l/${code.slug}?utm_source=Poster&utm_source=second&utm_medium=`);
		expect(await breakdown(code, "utm_source")).toEqual({ Poster: 2 });
		expect(await breakdown(code, "utm_medium")).toEqual({ print: 1, "(none)": 1 });
		expect(await breakdown(code, "utm_campaign")).toEqual({ "summer sale": 1, "(none)": 1 });
	});
});

describe("a code that leads nowhere", () => {
	const gone = async (code: Code) => {
		const answer = await phone(`/q/${code.slug}`);
		expect(answer.status).toBe(410);
		expect(answer.headers.get("content-type")).toMatch(/^text\/html/);
		expect(answer.headers.has("x-scan-id")).toBe(false);
		expect((await running.ask("HEAD", `/l/${code.slug}`)).status).toBe(410);
		expect(await answer.text()).toMatch(/<h1>.+<\/h1>/);
		expect(await running.counted({ code: code.id, bots: "true" })).toMatchObject({ scans: 0 });
	};
	const fallbackUrl = "https://example.org/fallback";
	const toFallback = async (code: Code) => {
		const answer = await phone(`/q/${code.slug}`);
		expect([answer.status, answer.headers.get("location")]).toEqual([302, fallbackUrl]);
		expect(answer.headers.has("x-scan-id")).toBe(false);
		expect(await running.counted({ code: code.id, bots: "true" })).toMatchObject({ scans: 0 });
	};
	const PAST = "2026-01-01T00:00:00Z";

	test("because it is switched off answers 410, or its fallback, and is back when it is switched on", async () => {
		const code = await running.code({ active: false });
		await gone(code);
		await running.admin.patch(`/api/v1/codes/${code.id}`, { fallbackUrl });
		await toFallback(code);
		await running.admin.patch(`/api/v1/codes/${code.id}`, { active: true });
		expect((await phone(`/q/${code.slug}`)).headers.get("location")).toBe("https://example.org/");
	});

	test("because it has expired answers 410, or its fallback", async () => {
		await gone(await running.code({ expiresAt: PAST }));
		await toFallback(await running.code({ expiresAt: PAST, fallbackUrl }));
		const code = await running.code({ expiresAt: new Date(Date.now() + 1_500).toISOString() });
		expect((await phone(`/q/${code.slug}`)).status).toBe(302);
		await until(async () => (await phone(`/q/${code.slug}`)).status === 410, {
			what: "the code to expire",
			timeoutMs: 3_000,
		});
	});

	test("because it is used up answers 410, or its fallback, within a second of the last scan", async () => {
		const code = await running.code({ maxScans: 2 });
		for (const _ of [1, 2]) expect((await phone(`/q/${code.slug}`)).status).toBe(302);
		await until(async () => (await phone(`/q/${code.slug}`)).status === 410, {
			what: "the code to be used up",
			timeoutMs: 1_000,
		});
		await running.admin.patch(`/api/v1/codes/${code.id}`, { fallbackUrl });
		expect((await phone(`/q/${code.slug}`)).headers.get("location")).toBe(fallbackUrl);
		const { scans } = await running.counted({ code: code.id });
		await running.admin.patch(`/api/v1/codes/${code.id}`, { maxScans: scans + 1 });
		expect((await phone(`/q/${code.slug}`)).headers.get("location")).toBe("https://example.org/");
		await until(async () => (await phone(`/q/${code.slug}`)).headers.get("location") === fallbackUrl, {
			what: "the code to be used up again",
			timeoutMs: 1_000,
		});
		await running.admin.patch(`/api/v1/codes/${code.id}`, { maxScans: null });
		expect((await phone(`/q/${code.slug}`)).headers.get("location")).toBe("https://example.org/");
	});

	test("because it was deleted answers 404, its fallback included, and its slug is nobody's any more", async () => {
		const code = await running.code({ fallbackUrl });
		await phone(`/q/${code.slug}`);
		await running.admin.delete(`/api/v1/codes/${code.id}`);
		expect((await phone(`/q/${code.slug}`)).status).toBe(404);
		expect(
			(await running.admin.refused("POST", "/api/v1/codes", { url: "https://example.org/", slug: code.slug })).status,
		).toBe(409);
	});
});
