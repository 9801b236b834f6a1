/*
 * "Analytics": the heat map, and every answer again once the organisation's days and months are closed in a zone whose
 * clocks change, with scans that come late; each held against the slow count of the same scans.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { AnswerFrame, Breakdown, HeatMap, Summary, TimeSeries } from "../../contracts/analytics.ts";
import type { Code, Page } from "../../contracts/code.ts";
import type { JobRun } from "../../contracts/job.ts";
import { until } from "../harness/product.ts";
import { breakdownOf, type Counted, heatOf, INTERVALS, seriesOf, startOf, summaryOf } from "./counting.ts";
import {
	BREAKDOWN,
	DAY_MS,
	HEATMAP,
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
let scans: Counted[];
let questions: ManyScans["questions"];

beforeAll(async () => {
	const many = await startWithManyScans();
	({ running, codes, questions } = many);
	scans = [...many.scans];
});

describe("a heat map", () => {
	test("has all hours of the week, as clocks of the zone show them, bots and filters as asked", async () => {
		await each(
			questions(60, 390, 5).map((question, n) => ({ question, tz: ZONES[n % ZONES.length] as string })),
			async ({ question, tz }) => {
				const query = queryOf(question, { tz });
				const { cells, ...frame } = await running.admin.get<HeatMap>(`${HEATMAP}?${query}`);
				expect({ query, cells, tz: frame.tz }).toEqual({ query, cells: heatOf(scans, question, tz), tz });
				expect(frame).toMatchObject({ complete: expect.any(Boolean), coverage: { to: frame.to } });
			},
		);
	});

	test("sums up to the summary", async () => {
		const wide = queryOf({ from: Date.now() - 390 * DAY_MS, to: Date.now() });
		const { cells } = await running.admin.get<HeatMap>(`${HEATMAP}?${wide}`);
		const summary = await running.admin.get<Summary>(`${SUMMARY}?${wide}`);
		expect(cells.reduce((sum, cell) => sum + cell.scans, 0)).toBe(summary.scans);
	});
});

/** Closes every day and month that is over. */
async function aggregate(): Promise<void> {
	const { runId } = await running.admin.post<{ runId: string }>("/api/v1/jobs/run_daily_aggregation/run", {});
	await until(
		async () => {
			const { rows } = await running.admin.get<Page<JobRun>>("/api/v1/jobs/run_daily_aggregation/runs");
			const run = rows.find(({ id }) => id === runId);
			if (run?.status === "failed") throw new Error(run.error);
			return run?.status === "succeeded";
		},
		{ what: "all days and months to be closed", timeoutMs: 60_000 },
	);
}

/** Every kind of answer, in that zone and in others, to ranges that days and months fill. */
async function expectRecounts(tz: string, seed: number): Promise<void> {
	const since = Date.now();
	const today = Temporal.Now.plainDateISO(tz);
	const ranges = [
		[today.subtract({ months: 12 }).with({ day: 1 }), today.add({ days: 1 })],
		[today.subtract({ months: 3 }), today.subtract({ days: 5 })],
		[today.subtract({ months: 2 }).with({ day: 1 }), today.with({ day: 1 })],
	].map((dates) => dates.map((date) => startOf(String(date), tz)) as [number, number]);
	const asked = questions(16, 390, seed).map((question, n) => {
		const [from, to] = ranges[n % 4] ?? [question.from, question.to];
		return { question: { ...question, from, to }, zone: n % 3 === 0 ? (ZONES[n % ZONES.length] as string) : tz, n };
	});
	await each(asked, async ({ question, zone, n }) => {
		const interval = INTERVALS[1 + (n % 4)] as (typeof INTERVALS)[number];
		const by = ["country", "device", "code", "utm_campaign"][n % 4] as string;
		const query = queryOf(question, { tz: zone });
		// Not one that was kept from before.
		const get = <T extends AnswerFrame>(path: string, more = "") =>
			until(
				async () => {
					const answer = await running.admin.get<T>(`${path}?${query}${more}`);
					return Date.parse(answer.asOf) >= since && answer;
				},
				{ what: `a new answer to ${path}` },
			);
		const summary = await get<Summary>(SUMMARY);
		expect({ query, counts: pick(summary, "scans", "visitors", "bots") }).toEqual({
			query,
			counts: summaryOf(scans, question),
		});
		const { cells } = await get<HeatMap>(HEATMAP);
		expect({ query, cells }).toEqual({ query, cells: heatOf(scans, question, zone) });
		const { rows, other, total } = await get<Breakdown>(BREAKDOWN, `&by=${by}&limit=2`);
		expect({ query, rows: rows.map(({ name: _, ...row }) => row), other, total }).toEqual({
			query,
			...breakdownOf(scans, question, by, 2),
		});
		const { points } = await get<TimeSeries>(SERIES, `&interval=${interval}`);
		expect({ query, interval, points }).toEqual({ query, interval, points: seriesOf(scans, question, interval, zone) });
	});
}

const pick = <T, K extends keyof T>(from: T, ...keys: K[]) =>
	Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>;

describe("closed days and months", () => {
	test.each(["America/New_York", "Asia/Kathmandu"])(
		"of an organisation in %s answer as the scans do, also those that come late",
		async (tz) => {
			await running.admin.patch("/api/v1/organisation", { timeZone: tz });
			await aggregate();
			await expectRecounts(tz, 6);
			const late = [1, 2, 40, 70, 200].map((days) => Date.now() - days * DAY_MS);
			const [code] = codes as [Code];
			await running.admin.post("/api/v1/scans/batch", {
				scans: late.map((at) => ({ code: code.id, at: new Date(at).toISOString(), country: "DE", language: "de" })),
			});
			const values = { device: "other", country: "DE", language: "de", source: "api" };
			scans.push(...late.map((at) => ({ code: code.id, at, bot: false, first: false, values })));
			await running.complete(SUMMARY, {});
			await expectRecounts(tz, 7);
			await aggregate();
			await expectRecounts(tz, 8);
		},
	);
});
