/*
 * The live half hour of "Analytics": every minute, who is there now, and the top of it, held against the slow count of
 * the same scans.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { LastMinutes, LiveMinutes } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import { until } from "../harness/product.ts";
import { dice } from "./counting.ts";
import { each, problemOf, type Running, startRunning } from "./running.ts";

const LIVE = "/api/v1/analytics/live";
const MINUTE = 60_000;
const BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

interface Made {
	readonly at: number;
	readonly code: Code;
	readonly bot: boolean;
	readonly country: string | undefined;
	readonly visitor: string | undefined;
}

let running: Running;
let codes: readonly Code[];
let scans: readonly Made[];

beforeAll(async () => {
	running = await startRunning();
	codes = await Promise.all(["Wall", "Door", "Table"].map((name) => running.code({ name })));
	const random = dice(11);
	const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
	const now = Date.now();
	scans = Array.from({ length: 900 }, () => ({
		// None so near to five minutes ago that it would matter how long the tests take.
		at: now - Math.floor(pick([random() * 3, 8 + random() * 40]) * MINUTE),
		code: pick([codes[0], codes[0], codes[1], codes[2]]) as Code,
		bot: random() < 0.2,
		country: pick([undefined, "DE", "DE", "FR", "US"]),
		visitor: pick([undefined, ...Array.from({ length: 40 }, (_, n) => `v${n}`)]),
	}));
	await running.admin.post("/api/v1/scans/batch", {
		scans: scans.map(({ at, code, bot, ...scan }) => ({
			...scan,
			code: code.slug,
			at: new Date(at).toISOString(),
			...(bot && { userAgent: BOT }),
		})),
	});
	await live({});
});

/** The answer once everything that was accepted is in it. */
const live = (query: Record<string, string>) => answered<LiveMinutes>(LIVE, query);

function answered<T extends LastMinutes>(path: string, query: Record<string, string>): Promise<T> {
	return until(
		async () => {
			const answer = await running.admin.get<T>(`${path}?${new URLSearchParams(query)}`);
			return answer.complete && answer;
		},
		{ what: `the live half hour of ${JSON.stringify(query)} to be complete` },
	);
}

function top(values: readonly string[]) {
	return [...Map.groupBy(values, (value) => value)]
		.map(([value, { length }]) => ({ value, scans: length }))
		.sort((a, b) => b.scans - a.scans || (a.value < b.value ? -1 : 1));
}

/** Holds an answer against the scans that `of` lets through. */
function isRecount(answer: LiveMinutes, of: (scan: Made) => boolean, bots = false): void {
	const [from, to] = [Date.parse(answer.from), Date.parse(answer.to)];
	const inside = scans.filter((scan) => of(scan) && scan.at >= from && scan.at < to);
	const counted = inside.filter(({ bot }) => bots || !bot);
	expect(answer.minutes).toEqual(
		Array.from({ length: 30 }, (_, index) => {
			const at = from + index * MINUTE;
			const n = counted.filter((scan) => scan.at >= at && scan.at < at + MINUTE).length;
			return { at: new Date(at).toISOString(), scans: n };
		}),
	);
	const people = inside.filter(({ at, bot }) => !bot && at >= Date.parse(answer.asOf) - 5 * MINUTE);
	expect(answer.visitorsNow).toBe(new Set(people.flatMap(({ visitor }) => visitor ?? [])).size);
	expect(answer.topCodes).toEqual(
		top(counted.map(({ code }) => code.id)).map(({ value, scans }) => ({
			value,
			name: codes.find(({ id }) => id === value)?.name,
			scans,
		})),
	);
	expect(answer.topCountries).toEqual(top(counted.map(({ country }) => country ?? "(none)")));
}

describe("the live half hour", () => {
	test("is thirty minutes that end with the present one, and says what it is true of", async () => {
		const before = Date.now();
		const answer = await live({});
		const after = Date.now();
		const asOf = Date.parse(answer.asOf);
		// A cached answer is up to 2 s old.
		expect(asOf).toBeGreaterThanOrEqual(before - 2_000);
		expect(asOf).toBeLessThanOrEqual(after);
		const last = Date.parse(answer.minutes.at(-1)?.at ?? "");
		expect(last % MINUTE).toBe(0);
		expect(asOf - last).toBeGreaterThanOrEqual(0);
		expect(asOf - last).toBeLessThan(MINUTE + 1_000);
		expect(answer).toMatchObject({ from: answer.minutes[0]?.at, tz: "UTC", complete: true });
		expect(Date.parse(answer.to)).toBe(last + MINUTE);
		expect(answer.coverage).toEqual({ from: answer.from, to: answer.to, source: "raw" });
	});

	test("is a recount of the same scans, by code, filter and bots", async () => {
		const [wall, door] = codes as [Code, Code];
		isRecount(await live({}), () => true);
		isRecount(await live({ bots: "true" }), () => true, true);
		isRecount(await live({ code: wall.slug }), ({ code }) => code === wall);
		isRecount(await live({ code: door.id, bots: "true" }), ({ code }) => code === door, true);
		isRecount(await live({ "filter.country": "DE" }), ({ country }) => country === "DE");
		isRecount(await live({ "filter.country": "(none)", code: wall.id }), (scan) => {
			return scan.country === undefined && scan.code === wall;
		});
		isRecount(await live({ "filter.code": door.slug }), ({ code }) => code === door);
	});

	test("is told by its minutes alone too, by whoever counted them", async () => {
		const [wall, door] = codes as [Code, Code];
		const queries: Record<string, string>[] = [
			{},
			{ code: wall.slug },
			{ "filter.code": door.slug },
			{ bots: "true" },
			{ "filter.country": "DE" },
		];
		await each(queries, async (query) => {
			const { visitorsNow: _v, topCodes: _c, topCountries: _t, ...whole } = await live(query);
			const alone = await answered<LastMinutes>("/api/v1/analytics/minutes", query);
			expect(Object.keys(alone).sort()).toEqual(Object.keys(whole).sort());
			expect(alone.minutes).toHaveLength(30);
			expect(alone.coverage).toMatchObject({ from: alone.from, to: alone.to });
			// A minute may have begun between them.
			const common = ({ minutes }: LastMinutes) =>
				minutes.filter(({ at }) => [alone, whole].every(({ from, to }) => at >= from && at < to));
			expect(common(alone)).toEqual(common(whole));
		});
	});

	test("moves with the next scan", async () => {
		const code = await running.code({ name: "Fresh" });
		const none = await live({ code: code.id });
		expect(none.minutes.every((minute) => minute.scans === 0)).toBe(true);
		expect(none).toMatchObject({ visitorsNow: 0, topCodes: [], topCountries: [] });
		await running.phone(`/q/${code.slug}`, { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Firefox/125.0" });
		const moved = await until(
			async () => {
				const answer = await live({ code: code.id });
				return answer.visitorsNow > 0 && answer;
			},
			{ what: "the scan to be in the live half hour" },
		);
		expect(moved.minutes.slice(-2).reduce((sum, minute) => sum + minute.scans, 0)).toBe(1);
		expect(moved).toMatchObject({ visitorsNow: 1, topCodes: [{ value: code.id, name: "Fresh", scans: 1 }] });
	});

	test("says how it was come by, and is the same when a cache had it", async () => {
		const ask = () => running.admin.request("GET", `${LIVE}?tz=Asia/Kathmandu`);
		const response = await ask();
		expect(response.headers.get("x-cache")).toMatch(/^(l1|l2|miss|stale)$/);
		expect(response.headers.get("server-timing")).toMatch(/^analytics;dur=\d/);
		const first = (await response.json()) as LiveMinutes;
		expect(first.tz).toBe("Asia/Kathmandu");
		const again = await ask();
		const second = (await again.json()) as LiveMinutes;
		if (again.headers.get("x-cache") !== "miss") expect(second).toEqual(first);
		expect(Date.now() - Date.parse(second.asOf)).toBeLessThan(2_500);
	});

	test("refuses what is not its own, naming the parameter", async () => {
		const refusals = {
			from: "2026-01-01",
			to: "2026-01-01",
			compare: "previous",
			interval: "hour",
			tz: "Mars/Olympus",
			bots: "maybe",
			"filter.colour": "red",
		};
		await each(Object.entries(refusals), async ([parameter, value]) => {
			const query = new URLSearchParams({ [parameter]: value });
			const problem = await problemOf(await running.admin.request("GET", `${LIVE}?${query}`), 422, "invalid");
			expect(problem.errors?.map(({ path }) => path)).toEqual([parameter]);
		});
		const unknown = await running.admin.request("GET", `${LIVE}?code=nobody`);
		expect((await problemOf(unknown, 404, "not_found")).errors?.[0]?.path).toBe("code");
		await problemOf(await running.ask("GET", LIVE), 401, "unauthorized");
		const writer = await running.key(["scans:write"]);
		await problemOf(await writer.client.request("GET", LIVE), 403, "forbidden");
	});

	test("is described, with what a visitor of now is", async () => {
		const api = (await (await running.ask("GET", "/openapi.json")).json()) as {
			paths: Record<string, { get: { description: string; parameters: { name: string }[] } }>;
		};
		const described = api.paths[LIVE]?.get;
		expect(described?.description).toMatch(/last 5 minutes/);
		const names = described?.parameters.map(({ name }) => name);
		expect(names).toEqual(expect.arrayContaining(["code", "bots", "tz", "filter.country"]));
		for (const other of ["from", "to", "compare"]) expect(names).not.toContain(other);
	});
});
