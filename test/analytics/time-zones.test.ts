import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { INTERVALS, type Interval } from "../../contracts/analytics.ts";
import { bucketStarts } from "../../platform/calendar.ts";
import { AnswerSums } from "../../platform/store/answers.ts";
import type { Answers, Questions } from "../../platform/store/scan-store.ts";
import { foldSeries, heatCells } from "../../services/analytics/answers.ts";

const QUARTER_MS = 15 * 60_000;
const HOUR_MS = 60 * 60_000;

/** Weeks around changes of clocks, where there are any. */
const WEEKS: readonly [zone: string, middle: string][] = [
	["UTC", "2026-03-01T00:00Z"],
	["Asia/Kathmandu", "2026-03-01T00:00Z"],
	["Asia/Kolkata", "2026-12-31T18:30Z"],
	["Australia/Lord_Howe", "2026-04-04T15:00Z"],
	["Australia/Lord_Howe", "2026-10-03T15:30Z"],
	["America/New_York", "2026-03-08T07:00Z"],
	["America/New_York", "2026-11-01T06:00Z"],
	["Europe/Berlin", "2026-03-29T01:00Z"],
	["Pacific/Apia", "2026-06-01T00:00Z"],
];

/** What a person would call the bucket of a scan, from the zone's own calendar alone. */
function labelOf(at: number, interval: Interval, zone: string): string {
	const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
	const date = local.toPlainDate();
	switch (interval) {
		case "quarter":
			return `${date} ${local.hour}:${Math.floor(local.minute / 15)} ${local.offset}`;
		case "hour":
			return `${date} ${local.hour} ${local.offset}`;
		case "day":
			return date.toString();
		case "week":
			return `${date.yearOfWeek}-W${date.weekOfYear}`;
		case "month":
			return date.toPlainYearMonth().toString();
	}
}

/** What a store answers that has only quarter hours. */
function counted(times: readonly number[], questions: Questions): Answers {
	const sums = new AnswerSums(questions);
	for (const at of times) {
		const quarter = Math.floor(at / QUARTER_MS) * QUARTER_MS;
		const { scans = 0 } = sums.quarters.get(quarter) ?? {};
		sums.quarters.set(quarter, { scans: scans + 1, visitors: 0, bots: 0 });
	}
	return sums.answers(false);
}

describe.each(WEEKS)("the series of random scans in %s around %s", (zone, middle) => {
	test.each(INTERVALS)("equals a naive count by %s", (interval) => {
		const centre = Date.parse(middle);
		const scanTimes = fc.array(fc.integer({ min: centre - 96 * HOUR_MS, max: centre + 96 * HOUR_MS }), {
			maxLength: 60,
		});
		fc.assert(
			fc.property(scanTimes, (times) => {
				const from = centre - 96 * HOUR_MS;
				const to = centre + 96 * HOUR_MS + 1;
				const starts = bucketStarts(from, to, interval, zone);
				const points = foldSeries(starts, counted(times, { series: starts }).series);
				const naive = new Map<string, number>();
				for (const at of times)
					naive.set(labelOf(at, interval, zone), (naive.get(labelOf(at, interval, zone)) ?? 0) + 1);
				const labels = points.map(({ at }) => labelOf(Date.parse(at), interval, zone));
				expect(new Set(labels).size).toBe(labels.length);
				expect(
					Object.fromEntries(points.flatMap(({ scans }, index) => (scans > 0 ? [[labels[index], scans]] : []))),
				).toEqual(Object.fromEntries(naive));
			}),
			{ numRuns: 40 },
		);
	});

	test("falls into the hours of the week that clocks showed", () => {
		const centre = Date.parse(middle);
		const scanTimes = fc.array(fc.integer({ min: centre - 200 * HOUR_MS, max: centre + 200 * HOUR_MS }));
		fc.assert(
			fc.property(scanTimes, (times) => {
				const { hoursOfWeek } = counted(times, { hoursOfWeek: zone });
				const cells = hoursOfWeek ? heatCells(hoursOfWeek, zone) : [];
				const naive = new Map<string, number>();
				for (const at of times) {
					const { dayOfWeek, hour } = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
					naive.set(`${dayOfWeek} ${hour}`, (naive.get(`${dayOfWeek} ${hour}`) ?? 0) + 1);
				}
				expect(cells).toHaveLength(168);
				for (const { weekday, hour, scans } of cells) expect(scans).toBe(naive.get(`${weekday} ${hour}`) ?? 0);
			}),
			{ numRuns: 40 },
		);
	});
});
