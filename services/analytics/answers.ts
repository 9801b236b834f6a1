/** From readings of the store to answers: pure arithmetic on counts, series and breakdowns. */

import type { BreakdownRow, HeatCell, SeriesPoint, Summary } from "../../contracts/analytics.ts";
import type { Counts } from "../../contracts/scan.ts";
import { OTHER } from "../../contracts/scan.ts";
import { hourOfWeek } from "../../platform/calendar.ts";
import type { HoursOfWeek, Point, ValueCounts } from "../../platform/store/scan-store.ts";

/** Growth as fractions of the previous period; null where that had none. */
export function change(now: Counts, before: Counts): NonNullable<Summary["change"]> {
	const fraction = (a: number, b: number) => (b === 0 ? null : (a - b) / b);
	return { scans: fraction(now.scans, before.scans), visitors: fraction(now.visitors, before.visitors) };
}

/**
 * Points folded into buckets, zero where nothing was.
 *
 * @param starts first instants of the buckets, ascending; the first at or before every point
 * @param points ascending: of these buckets, or quarter hours
 */
export function foldSeries(starts: readonly number[], points: readonly Point[]): SeriesPoint[] {
	let next = 0;
	return starts.map((start, index) => {
		const end = starts[index + 1] ?? Number.POSITIVE_INFINITY;
		let scans = 0;
		let visitors = 0;
		for (let point = points[next]; point && point.at < end; point = points[++next]) {
			scans += point.scans;
			visitors += point.visitors;
		}
		return { at: new Date(start).toISOString(), scans, visitors };
	});
}

/** All hours of the week, Monday's first one first; quarter hours go to the hour that a clock of the zone shows. */
export function heatCells({ hours, quarters }: HoursOfWeek, tz: string): HeatCell[] {
	const scans = [...hours];
	const hourAt = hourOfWeek(tz);
	for (const quarter of quarters) scans[hourAt(quarter.at)] = (scans[hourAt(quarter.at)] ?? 0) + quarter.scans;
	return scans.map((scans, hour) => ({ weekday: Math.floor(hour / 24) + 1, hour: hour % 24, scans }));
}

/**
 * The largest values, and the scans of all others together. What a bucket's cap merged belongs to the others.
 *
 * @param values largest first
 */
export function topRows(
	values: readonly ValueCounts[],
	limit: number,
): { rows: BreakdownRow[]; other: number; total: number } {
	const total = values.reduce((sum, { scans }) => sum + scans, 0);
	const rows = values.filter(({ value }) => value !== OTHER).slice(0, limit);
	const shown = rows.reduce((sum, { scans }) => sum + scans, 0);
	return { rows: rows.map(({ value, scans, visitors }) => ({ value, scans, visitors })), other: total - shown, total };
}
