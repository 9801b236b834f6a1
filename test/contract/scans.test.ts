/*
 * "Scanning (public)", the part of it that software uses: one scan and many, what becomes of each field, when one is the
 * same as another, and who is a visitor.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Breakdown, Ledger } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import { problemOf, type Running, startRunning } from "./running.ts";

interface BatchAnswer {
	readonly accepted: number;
	readonly ids: string[];
	readonly rejected: { index: number; code: string; detail: string }[];
}
type Scan = Record<string, unknown>;

const DAY_MS = 86_400_000;
const IPHONE =
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1";
const GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

let running: Running;

beforeAll(async () => {
	running = await startRunning();
});

const post = (scan: Scan) => running.admin.request("POST", "/api/v1/scans", scan);
const batch = (scans: readonly Scan[]) => running.admin.post<BatchAnswer>("/api/v1/scans/batch", { scans });
const at = (ms: number) => new Date(Date.now() + ms).toISOString();
const daysAgo = (days: number) => at(-days * DAY_MS).slice(0, 10);

async function accepted(scan: Scan): Promise<string> {
	const answer = await post(scan);
	const text = await answer.text();
	expect({ status: answer.status, text }).toEqual({ status: 202, text: expect.any(String) });
	return (JSON.parse(text) as { id: string }).id;
}

async function breakdown(code: Code, by: string): Promise<Record<string, number>> {
	const query = { code: code.id, by, bots: "true", limit: "300" };
	const { rows } = await running.complete<Breakdown>("/api/v1/analytics/breakdown", query);
	return Object.fromEntries(rows.map(({ value, scans }) => [value, scans]));
}

describe("a posted scan", () => {
	test("is answered 202 with its id, and counted, named by slug or id of its code", async () => {
		const code = await running.code();
		expect(await accepted({ code: code.slug, id: "scan:1._-Z" })).toBe("scan:1._-Z");
		const made = [await accepted({ code: code.id }), await accepted({ code: code.slug })];
		for (const id of made) expect(id).toMatch(/^[A-Za-z0-9._:-]{1,128}$/);
		expect(new Set(made).size).toBe(2);
		expect(await accepted({ code: code.id, id: "x".repeat(128) })).toBe("x".repeat(128));
		expect(await running.counted({ code: code.id })).toMatchObject({ scans: 4, visitors: 0, bots: 0 });
	});

	test("of a code that there is not is refused, also one that was deleted", async () => {
		for (const code of ["none", "__proto__", "constructor", "é", "x".repeat(128)]) {
			const problem = await problemOf(await post({ code }), 422, "unknown_code");
			expect(problem.errors?.map(({ path }) => path)).toEqual(["code"]);
		}
		const code = await running.code();
		await accepted({ code: code.slug });
		await running.admin.delete(`/api/v1/codes/${code.id}`);
		await problemOf(await post({ code: code.slug }), 422, "unknown_code");
		await problemOf(await post({ code: code.id }), 422, "unknown_code");
	});

	test("of a code that is off, expired or used up is accepted", async () => {
		const codes = [
			await running.code({ active: false }),
			await running.code({ expiresAt: "2026-01-01T00:00:00Z" }),
			await running.code({ maxScans: 1 }),
		];
		for (const code of codes) {
			for (let n = 0; n < 3; n++) await accepted({ code: code.slug });
			expect(await running.counted({ code: code.id })).toMatchObject({ scans: 3 });
		}
	});

	test("takes nothing from the request that carried it; what is absent is unknown, and no bot", async () => {
		const code = await running.code();
		for (const agent of [IPHONE, GOOGLEBOT]) {
			const answer = await running.admin.request(
				"POST",
				"/api/v1/scans?",
				{ code: code.slug },
				{
					"user-agent": agent,
					"accept-language": "de",
					referer: "https://example.org/",
					"x-forwarded-for": "8.8.8.8",
					"sec-purpose": "prefetch",
				},
			);
			expect(answer.status).toBe(202);
		}
		expect(await running.counted({ code: code.id })).toMatchObject({ scans: 2, visitors: 0, bots: 0 });
		for (const by of ["country", "region", "city", "os", "browser", "language", "referrer", "placement", "utm_source"])
			expect({ by, is: await breakdown(code, by) }).toEqual({ by, is: { "(none)": 2 } });
		expect(await breakdown(code, "device")).toEqual({ other: 2 });
		expect(await breakdown(code, "source")).toEqual({ api: 2 });
	});

	test("keeps of each field what the contract says", async () => {
		const cases: [field: string, by: string, values: [given: unknown, kept: string][]][] = [
			[
				"country",
				"country",
				[
					["DE", "DE"],
					["de", "DE"],
					["Gb", "GB"],
				],
			],
			[
				"language",
				"language",
				[
					["de", "de"],
					["de-AT", "de"],
					["EN-us", "en"],
					["zh-Hant-TW", "zh"],
					["fil", "fil"],
				],
			],
			[
				"referrer",
				"referrer",
				[
					["https://News.Example.org/a?b#c", "news.example.org"],
					["http://example.org:8080", "example.org"],
					["shop.example.org", "shop.example.org"],
					["android-app://com.example.app/", "com.example.app"],
					["", "(none)"],
				],
			],
			[
				"source",
				"source",
				[
					["qr", "qr"],
					["link", "link"],
					["api", "api"],
				],
			],
			[
				"placement",
				"placement",
				[
					["Wall A!", "walla"],
					["TABLE-7", "table-7"],
					["!!!", "(none)"],
					["y".repeat(70), "y".repeat(64)],
				],
			],
			[
				"region",
				"region",
				[
					["Bavaria", "Bavaria"],
					["$set", "$set"],
					["a.b", "a.b"],
					["__proto__", "__proto__"],
					["", "(none)"],
				],
			],
			[
				"city",
				"city",
				[
					["München", "München"],
					["(other)x", "(other)x"],
					["constructor", "constructor"],
					["  Rome ", "Rome"],
				],
			],
			[
				"ip",
				"country",
				[
					["8.8.8.8", "US"],
					["2001:4860:4860::8888", "US"],
					["10.0.0.1", "(none)"],
				],
			],
			[
				"utm",
				"utm_source",
				[
					[{ source: "a" }, "a"],
					[{}, "(none)"],
					[{ source: "A" }, "A"],
				],
			],
			["utm", "utm_medium", [[{ medium: "print" }, "print"]]],
			["utm", "utm_campaign", [[{ campaign: "über.$x" }, "über.$x"]]],
		];
		for (const [field, by, values] of cases) {
			const code = await running.code();
			await batch(values.map(([given]) => ({ code: code.slug, [field]: given })));
			const expected: Record<string, number> = Object.create(null);
			for (const [, kept] of values) expected[kept] = (expected[kept] ?? 0) + 1;
			expect({ field, is: Object.entries(await breakdown(code, by)).toSorted() }).toEqual({
				field,
				is: Object.entries(expected).toSorted(),
			});
		}
	});

	test("has the usual names for devices, systems and browsers", async () => {
		const agents: [agent: string, device: string, os: string, browser: string][] = [
			[IPHONE, "mobile", "iOS", "Safari"],
			[
				"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36",
				"mobile",
				"Android",
				"Chrome",
			],
			[
				"Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36",
				"mobile",
				"Android",
				"Samsung Internet",
			],
			[
				"Mozilla/5.0 (iPad; CPU OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.5 Mobile/15E148 Safari/604.1",
				"tablet",
				"iOS",
				"Safari",
			],
			[
				"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
				"desktop",
				"Windows",
				"Chrome",
			],
			[
				"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0",
				"desktop",
				"Windows",
				"Edge",
			],
			[
				"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
				"desktop",
				"macOS",
				"Safari",
			],
			["Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0", "desktop", "Linux", "Firefox"],
			[
				"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/124.0.6367.71 Mobile/15E148 Safari/604.1",
				"mobile",
				"iOS",
				"Chrome",
			],
			[
				"Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/4.0 Chrome/76.0.3809.146 TV Safari/537.36",
				"tv",
				"Tizen",
				"Samsung Internet",
			],
		];
		const code = await running.code();
		for (const [userAgent, device, os, browser] of agents) {
			const own = await running.code();
			await accepted({ code: own.slug, userAgent });
			expect({
				userAgent,
				device: Object.keys(await breakdown(own, "device")),
				os: Object.keys(await breakdown(own, "os")),
				browser: Object.keys(await breakdown(own, "browser")),
			}).toEqual({ userAgent, device: [device], os: [os], browser: [browser] });
		}
		for (const userAgent of [GOOGLEBOT, "curl/8.5.0", "facebookexternalhit/1.1", "python-requests/2.31"])
			await accepted({ code: code.slug, userAgent });
		expect(await breakdown(code, "device")).toEqual({ bot: 4 });
		expect(await running.counted({ code: code.id })).toMatchObject({ scans: 0, bots: 4, visitors: 0 });
	});

	test("may be of any time from raw retention to five minutes ahead", async () => {
		const code = await running.code();
		for (const time of [
			at(0),
			at(290_000),
			at(-399 * DAY_MS),
			`${daysAgo(170)}T12:00:00+02:00`,
			`${daysAgo(170)}T12:00:00.123456Z`,
		])
			await accepted({ code: code.slug, at: time });
		const to = at(300_000);
		expect(await running.counted({ code: code.id, to })).toMatchObject({ scans: 5 });
		const one = { code: code.id, from: `${daysAgo(170)}T10:00:00Z`, to: `${daysAgo(170)}T10:00:00.001Z` };
		expect(await running.counted(one)).toMatchObject({ scans: 1 });
	});
});

describe("a batch", () => {
	test("answers for its items in their order, accepts what can be and rejects the rest by index", async () => {
		const code = await running.code();
		const answer = await batch([
			{ code: code.slug, id: "b-0" },
			{ code: "none", id: "b-1" },
			{ code: code.id, id: "b-2", at: at(3_600_000) },
			{ code: code.id, id: "b-3" },
			{ code: code.slug, id: "b-0" },
			{ id: "b-5" },
			{ code: code.slug },
		]);
		expect(answer.accepted).toBe(4);
		expect(answer.ids).toEqual(["b-0", "b-3", "b-0", expect.any(String)]);
		expect(answer.rejected).toEqual([
			{ index: 1, code: "unknown_code", detail: expect.any(String) },
			{ index: 2, code: "invalid", detail: expect.stringContaining("at") },
			{ index: 5, code: "invalid", detail: expect.stringContaining("code") },
		]);
		expect(await running.counted({ code: code.id })).toMatchObject({ scans: 3 });
	});

	test("is answered 202 when all of it is rejected", async () => {
		expect(await batch([{ code: "none" }, { code: "none" }])).toEqual({
			accepted: 0,
			ids: [],
			rejected: [0, 1].map((index) => ({ index, code: "unknown_code", detail: expect.any(String) })),
		});
	});

	test("takes a thousand scans at once", async () => {
		const code = await running.code();
		const { accepted, ids } = await batch(
			Array.from({ length: 1_000 }, (_, n) => ({ code: code.slug, visitor: `v${n % 10}` })),
		);
		expect([accepted, new Set(ids).size]).toEqual([1_000, 1_000]);
		expect(await running.counted({ code: code.id })).toMatchObject({ scans: 1_000, visitors: 10 });
	});
});

describe("a scan sent again", () => {
	test("is answered as before and is one scan, whatever its code or time, and counted as a duplicate", async () => {
		const [code, other] = [await running.code(), await running.code()];
		const before = await running.admin.get<Ledger>("/api/v1/ledger");
		expect(await accepted({ code: code.slug, id: "again" })).toBe("again");
		expect(await running.counted({ code: code.id })).toMatchObject({ scans: 1 });
		for (const scan of [
			{ code: code.slug },
			{ code: other.slug },
			{ code: code.slug, at: at(-100 * DAY_MS) },
			{ code: other.id, at: at(-DAY_MS) },
		])
			expect(await accepted({ ...scan, id: "again" })).toBe("again");
		expect(
			(
				await batch([
					{ code: other.slug, id: "again" },
					{ code: other.slug, id: "again" },
				])
			).ids,
		).toEqual(["again", "again"]);
		expect(await running.counted({ code: code.id })).toMatchObject({ scans: 1 });
		expect(await running.counted({ code: other.id })).toMatchObject({ scans: 0 });
		const after = await running.admin.get<Ledger>("/api/v1/ledger");
		expect([
			after.accepted - before.accepted,
			after.stored - before.stored,
			after.duplicate - before.duplicate,
		]).toEqual([7, 1, 6]);
		expect(after).toMatchObject({ dropped: {}, missing: 0, inFlight: 0, balanced: true });
	});

	test("by many at once is one scan", async () => {
		const code = await running.code();
		await Promise.all(Array.from({ length: 30 }, (_, n) => accepted({ code: code.slug, id: `at-once-${n % 3}` })));
		expect(await running.counted({ code: code.id })).toMatchObject({ scans: 3 });
	});

	test("without an id is another scan", async () => {
		const code = await running.code();
		await Promise.all(Array.from({ length: 5 }, () => accepted({ code: code.slug, visitor: "same" })));
		expect(await running.counted({ code: code.id })).toMatchObject({ scans: 5, visitors: 1 });
	});
});

describe("a visitor", () => {
	const day = (back: number, time: string) => `${daysAgo(back)}T${time}Z`;
	const CASES: [name: string, scans: readonly Scan[], visitors: number][] = [
		["is who the caller says", [{ visitor: "a" }, { visitor: "a" }, { visitor: "b" }], 2],
		[
			"is the same on another device",
			[
				{ visitor: "a", ip: "192.0.2.1", userAgent: IPHONE },
				{ visitor: "a", ip: "192.0.2.2" },
			],
			1,
		],
		[
			"is else an address and a user agent",
			[
				{ ip: "192.0.2.1", userAgent: IPHONE },
				{ ip: "192.0.2.1", userAgent: IPHONE },
				{ ip: "192.0.2.2", userAgent: IPHONE },
				{ ip: "192.0.2.1", userAgent: `${IPHONE} x` },
			],
			3,
		],
		[
			"is one of an address or a user agent alone too",
			[{ ip: "192.0.2.1" }, { ip: "192.0.2.1" }, { userAgent: IPHONE }],
			2,
		],
		["is nobody without any of them", [{}, {}, { country: "DE" }], 0],
		["is never a bot", [{ visitor: "a", userAgent: GOOGLEBOT }, { visitor: "a" }], 1],
		[
			"is new in every UTC day",
			[
				{ visitor: "a", at: day(1, "23:59:59.999") },
				{ visitor: "a", at: day(1, "00:00:00") },
				{ visitor: "a", at: day(2, "23:59:59.999") },
			],
			2,
		],
		[
			"counts in the past as well",
			[
				{ visitor: "a", at: day(30, "10:00:00") },
				{ visitor: "a", at: day(30, "09:00:00") },
				{ visitor: "b", at: day(300, "09:00:00") },
			],
			2,
		],
		[
			"in another zone's midnight is the same",
			[
				{ visitor: "a", at: day(3, "21:30:00").replace("Z", "+00:00") },
				{ visitor: "a", at: `${daysAgo(2)}T00:30:00+02:00` },
			],
			1,
		],
	];

	test.each(CASES)("%s", async (_, scans, visitors) => {
		const code = await running.code();
		for (const scan of scans) await accepted({ code: code.slug, ...scan });
		expect(await running.counted({ code: code.id, bots: "true" })).toMatchObject({ scans: scans.length, visitors });
		const other = await running.code();
		for (const scan of scans.toReversed()) await accepted({ code: other.slug, ...scan });
		expect(await running.counted({ code: other.id })).toMatchObject({ visitors });
	});

	test("posted by software is who came by a redirect only when it says so itself", async () => {
		const code = await running.code();
		const headers = { "user-agent": IPHONE, "x-forwarded-for": "192.0.2.7" };
		expect((await running.phone(`/q/${code.slug}`, headers)).status).toBe(302);
		await accepted({ code: code.slug, ip: "192.0.2.7", userAgent: IPHONE });
		await accepted({ code: code.slug, ip: "192.0.2.8", userAgent: IPHONE });
		await running.complete("/api/v1/analytics/summary", { code: code.id });
		expect(await running.counted({ code: code.id })).toMatchObject({ scans: 3, visitors: 2 });
	});
});

test("the books are balanced, and what is stored is what the summary with bots says", async () => {
	const { scans } = await running.counted({ bots: "true", to: at(300_000) });
	const ledger = await running.admin.get<Ledger>("/api/v1/ledger");
	expect(ledger).toMatchObject({ stored: scans, missing: 0, balanced: true });
	expect(ledger.accepted).toBe(ledger.stored + ledger.duplicate);
});
