/** From readings of the store to answers: pure arithmetic on counts, series and breakdowns. */

import type { BreakdownRow, SeriesPoint, Summary } from "../../contracts/analytics.ts";
import type { Counts } from "../../contracts/scan.ts";
import { OTHER } from "../../contracts/scan.ts";
import type { QuarterPoint, ValueCounts } from "../../platform/store/scan-store.ts";

/** Growth as fractions of the previous period; null where that had none. */
export function change(now: Counts, before: Counts): NonNullable<Summary["change"]> {
	const fraction = (a: number, b: number) => (b === 0 ? null : (a - b) / b);
	return { scans: fraction(now.scans, before.scans), visitors: fraction(now.visitors, before.visitors) };
}

/**
 * Quarter hours folded into buckets, zero where nothing was.
 *
 * @param starts first instants of the buckets, ascending; the first at or before every quarter
 * @param quarters ascending
 */
export function foldSeries(starts: readonly number[], quarters: readonly QuarterPoint[]): SeriesPoint[] {
	let next = 0;
	return starts.map((start, index) => {
		const end = starts[index + 1] ?? Number.POSITIVE_INFINITY;
		let scans = 0;
		let visitors = 0;
		for (let quarter = quarters[next]; quarter && quarter.at < end; quarter = quarters[++next]) {
			scans += quarter.scans;
			visitors += quarter.visitors;
		}
		return { at: new Date(start).toISOString(), scans, visitors };
	});
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
