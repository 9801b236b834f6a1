/** Filters over columns: which rows are selected, and what of them was asked. Pure. */

import type { Filter } from "../../contracts/analytics.ts";
import { BUCKET_DIMENSIONS, DIMENSIONS, type Dimension } from "../../contracts/scan.ts";
import { AnswerSums, readsOf } from "./answers.ts";
import { addTally, emptyTally, type Tally } from "./bucket.ts";
import { type Column, type Columns, FLAGS, quarterRows, rowFlags, unpackColumn } from "./columns.ts";
import type { Unpacked } from "./packed.ts";
import type { Rollup } from "./rollup.ts";
import type { Questions, Selection } from "./scan-store.ts";
import type { Range } from "./sections.ts";

/** Which columns the questions need of a selection. */
export function columnsNeeded(
	{ codes, filters }: Pick<Selection, "codes" | "filters">,
	{ breakdowns = [] }: Questions,
): (keyof Columns)[] {
	const asked = [...filters.map(({ dimension }) => dimension), ...(codes ? (["code"] as const) : []), ...breakdowns];
	return ["quarters", "flags", ...new Set<Dimension>(asked)];
}

/**
 * Adds what is selected of some rows.
 *
 * @param from as they were folded with, epoch ms
 * @param range whole quarter hours
 */
export function addColumns(
	sums: AnswerSums,
	columns: Columns,
	from: number,
	range: Range,
	{ codes, filters }: Pick<Selection, "codes" | "filters">,
): void {
	if (!columns.quarters || !columns.flags) throw new Error("Columns without quarter hours or flags");
	const quarters = quarterRows(columns.quarters, from).filter(({ at }) => at >= range.from && at < range.to);
	const [first, last] = [quarters[0], quarters.at(-1)];
	if (!first || !last) return;
	const unpacked = new Map<Dimension, Column>();
	const columnOf = (dimension: Dimension) =>
		unpacked.getOrInsertComputed(dimension, () => unpackColumn(columns[dimension] as Uint8Array));
	const conditions: Filter[] = codes ? [...filters, { dimension: "code", values: codes }] : [...filters];
	let rows = rowsBetween(first.first, last.end);
	for (const { dimension, values } of conditions) rows = rowsWith(rows, columnOf(dimension), values);
	if (rows.length === 0) return;

	const flags = rowFlags(columns.flags);
	const reads = readsOf(sums.questions);
	if (reads === "sum") addTally(sums.tally, tallyOf(countFlags(rows, flags)));
	if (reads === "quarters") {
		let next = 0;
		for (const { at, end } of quarters) {
			const begin = next;
			while (next < rows.length && (rows[next] as number) < end) next++;
			if (next === begin) continue;
			const tally = tallyOf(countFlags(rows.subarray(begin, next), flags));
			addTally(sums.quarters.getOrInsertComputed(at, emptyTally), tally);
		}
	}
	for (const [by, values] of sums.values) addByValue(values, rows, flags, columnOf(by));
}

/** All of a day's, as an audit wants it. @param parts in order @param range the day */
export function unpackColumns(parts: readonly Columns[], range: Range): Pick<Rollup, "tally" | "values"> & Unpacked {
	const sums = new AnswerSums({ series: "quarters", breakdowns: DIMENSIONS });
	for (const columns of parts) addColumns(sums, columns, range.from, range, { filters: [] });
	const tally = emptyTally();
	for (const quarter of sums.quarters.values()) addTally(tally, quarter);
	const valuesOf = (by: Dimension) => sums.values.get(by) ?? new Map<string, Tally>();
	return { tally, values: BUCKET_DIMENSIONS.map(valuesOf), codes: valuesOf("code"), quarters: sums.quarters };
}

function rowsBetween(first: number, end: number): Uint32Array {
	const rows = new Uint32Array(end - first);
	for (let n = 0; n < rows.length; n++) rows[n] = first + n;
	return rows;
}

/** Those of the rows that have one of the values; as MongoDB keeps texts, so are they compared. */
function rowsWith(rows: Uint32Array, { values, places }: Column, wanted: readonly string[]): Uint32Array {
	const names = new Set(wanted.map((value) => value.toWellFormed()));
	const fits = Uint8Array.from(values, (value) => (names.has(value) ? 1 : 0));
	const none = rows.subarray(0, 0);
	if (!fits.includes(1)) return none;
	if (!places || !fits.includes(0)) return rows;
	let count = 0;
	for (const row of rows) {
		rows[count] = row;
		count += fits[places[row] as number] as number;
	}
	return rows.subarray(0, count);
}

/** How many rows have which flags. */
function countFlags(rows: Uint32Array, flags: Uint8Array): Uint32Array {
	const counts = new Uint32Array(FLAGS);
	for (const row of rows) (counts[flags[row] as number] as number)++;
	return counts;
}

function addByValue(sums: Map<string, Tally>, rows: Uint32Array, flags: Uint8Array, { values, places }: Column): void {
	const counts = places ? new Uint32Array(FLAGS * values.length) : countFlags(rows, flags);
	if (places) for (const row of rows) (counts[FLAGS * (places[row] as number) + (flags[row] as number)] as number)++;
	for (const [place, value] of values.entries()) {
		const own = counts.subarray(FLAGS * place, FLAGS * (place + 1));
		if (own.some((count) => count > 0)) addTally(sums.getOrInsertComputed(value, emptyTally), tallyOf(own));
	}
}

function tallyOf(counts: Uint32Array): Tally {
	const [plain = 0, bots = 0, first = 0, firstBots = 0] = counts;
	return { scans: plain + first, visitors: first + firstBots, bots: bots + firstBots };
}
