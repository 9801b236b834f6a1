/*
 * "Analytics": time series and breakdowns, each held against the slow count of the same scans.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Breakdown, Summary, TimeSeries } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import { breakdownOf, type Counted, INTERVALS, seriesOf } from "./counting.ts";
import {
	BREAKDOWN,
	DAY_MS,
	type ManyScans,
	queryOf,
	SERIES,
	SUMMARY,
	startWithManyScans,
	ZONES,
} from "./many-scans.ts";
import { each, type Running } from "./running.ts";

let running: Running;
let codes: readonly Code[];
let scans: readonly Counted[];
let questions: ManyScans["questions"];

beforeAll(async () => {
	({ running, codes, scans, questions } = await startWithManyScans());
});

describe("a time series", () => {
	test.each(INTERVALS)(
		"by %s has every bucket that touches the range, in every zone, and only what is in it",
		async (interval) => {
			const longest = { quarter: 3, hour: 8, day: 60, week: 200, month: 390 }[interval];
			await each(
				questions(60, longest, 2).map((question, n) => ({ question, tz: ZONES[n % ZONES.length] as string })),
				async ({ question, tz }) => {
					const query = queryOf(question, { interval, tz });
					const answer = await running.admin.get<TimeSeries>(`${SERIES}?${query}`);
					expect({ query, interval: answer.interval, tz: answer.tz, points: answer.points }).toEqual({
						...{ query, interval, tz },
						points: seriesOf(scans, question, interval, tz),
					});
				},
			);
		},
	);

	test("across a change of the clocks shows a repeated hour twice and a skipped one never", async () => {
		const tz = "America/New_York";
		const last = Temporal.Now.zonedDateTimeISO(tz).getTimeZoneTransition("previous") as Temporal.ZonedDateTime;
		for (const change of [last, last.getTimeZoneTransition("previous") as Temporal.ZonedDateTime]) {
			const day = change.toPlainDate();
			const query = `from=${day}&to=${day.add({ days: 1 })}&tz=${tz}`;
			const { points } = await running.admin.get<TimeSeries>(`${SERIES}?${query}&interval=hour`);
			const hours = points.map(({ at }) => Temporal.Instant.from(at).toZonedDateTimeISO(tz).hour);
			expect(hours).toEqual(change.hour === 3 ? [0, 1, ...range(3, 24)] : [0, 1, 1, ...range(2, 24)]);
			expect((await running.admin.get<TimeSeries>(`${SERIES}?${query}&interval=day`)).points).toHaveLength(1);
		}
	});

	test("sums up to the summary, and is by day when nothing else is asked", async () => {
		const wide = queryOf({ from: Date.now() - 390 * DAY_MS, to: Date.now() });
		const [{ points, interval }, summary] = [
			await running.admin.get<TimeSeries>(`${SERIES}?${wide}`),
			await running.admin.get<Summary>(`${SUMMARY}?${wide}`),
		];
		expect(interval).toBe("day");
		expect(points.reduce((sum, point) => sum + point.scans, 0)).toBe(summary.scans);
		expect(points.reduce((sum, point) => sum + point.visitors, 0)).toBe(summary.visitors);
	});

	test("of more buckets than anybody can look at is refused", async () => {
		const problem = await running.admin.refused("GET", `${SERIES}?from=2000-01-01&interval=quarter`);
		expect([problem.status, problem.errors?.[0]?.path]).toEqual([422, "interval"]);
	});

	test("is annotated with edits of destinations within the range", async () => {
		const code = await running.code({ url: "https://example.org/1" });
		const begun = Date.now();
		await running.admin.patch(`/api/v1/codes/${code.id}`, { url: "https://example.org/2" });
		await running.admin.patch(`/api/v1/codes/${code.id}`, { name: "only a name" });
		const answer = await running.admin.get<TimeSeries>(
			`${SERIES}?code=${code.id}&from=${new Date(begun - 1).toISOString()}`,
		);
		expect(answer.annotations).toEqual([{ at: expect.any(String), code: code.id, url: "https://example.org/2" }]);
		expect((await running.admin.get<TimeSeries>(`${SERIES}?code=${codes[0]?.id}`)).annotations).toEqual([]);
	});
});

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);

describe("a breakdown", () => {
	const DIMENSIONS = ["country", "device", "language", "placement", "source", "utm_campaign", "code", "city"];

	test("has the largest values first, ties by value, and the rest as other", async () => {
		await each(
			questions(120, 400, 3).map((question, n) => ({
				question,
				by: DIMENSIONS[n % DIMENSIONS.length] as string,
				limit: [1, 2, 10, 300][n % 4] as number,
			})),
			async ({ question, by, limit }) => {
				const query = queryOf(question, { by, limit: String(limit) });
				const answer = await running.admin.get<Breakdown>(`${BREAKDOWN}?${query}`);
				expect({
					query,
					by: answer.by,
					rows: answer.rows.map(({ name: _, ...row }) => row),
					other: answer.other,
					total: answer.total,
				}).toEqual({
					...{ query, by },
					...breakdownOf(scans, question, by, limit),
				});
			},
		);
	});

	test("by code gives ids with names, also of codes that were deleted", async () => {
		const code = await running.code({ name: "Gone soon" });
		await running.admin.post("/api/v1/scans", { code: code.id, utm: { source: "names" } });
		const query = { by: "code", "filter.utm_source": "names" };
		const { rows } = await running.complete<Breakdown>(BREAKDOWN, query);
		expect(rows).toEqual([{ value: code.id, name: "Gone soon", scans: 1, visitors: 0 }]);
		await running.admin.delete(`/api/v1/codes/${code.id}`);
		expect((await running.complete<Breakdown>(BREAKDOWN, query)).rows).toEqual(rows);
		expect((await running.admin.refused("GET", `${SUMMARY}?code=${code.id}`)).status).toBe(404);
	});

	test("of more values than a bucket keeps still sums up", async () => {
		const code = await running.code();
		const many = Array.from({ length: 700 }, (_, n) => ({ code: code.id, city: `City ${n % 350}` }));
		await running.admin.post("/api/v1/scans/batch", { scans: many });
		const answer = await running.complete<Breakdown>(BREAKDOWN, { code: code.id, by: "city", limit: "300" });
		expect(answer.total).toBe(700);
		expect(answer.rows.reduce((sum, { scans: found }) => sum + found, 0) + answer.other).toBe(700);
		expect(answer.rows.map(({ value }) => value)).not.toContain("(other)");
		expect(answer.coverage).toMatchObject({ capped: true });
		expect((await running.counted({ code: code.id, "filter.city": "City 349" })).scans).toBe(2);
	});
});
