/*
 * "Scanning (public)": scans in batches, scans that are the same as another, and who is a visitor.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Breakdown, Ledger } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import { type Running, startRunning } from "./running.ts";

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

async function _breakdown(code: Code, by: string): Promise<Record<string, number>> {
	const query = { code: code.id, by, bots: "true", limit: "300" };
	const { rows } = await running.complete<Breakdown>("/api/v1/analytics/breakdown", query);
	return Object.fromEntries(rows.map(({ value, scans }) => [value, scans]));
}

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
