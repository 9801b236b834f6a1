/*
 * "Scanning (public)", the part of it that software uses: what is accepted of a scan, and what becomes of each field.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Breakdown } from "../../contracts/analytics.ts";
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
