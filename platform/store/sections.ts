/**
 * How an exact answer is put together: whole quarter hours from roll-ups, and at the edges of a range raw scans, added
 * to them or subtracted from the quarter they lie in, whichever reads less. Pure, and shared by both stores.
 */

import { OTHER } from "../../contracts/scan.ts";
import { addTally, emptyTally, type Tally } from "./bucket.ts";
import { firstInstant, QUARTER_MS } from "./quarters.ts";
import type { ValueCounts } from "./scan-store.ts";

/** Epoch ms, `[from, to)`, never empty. */
export interface Range {
	readonly from: number;
	readonly to: number;
}

export interface Sections {
	/** Quarter hours to read from roll-ups, from the first's first instant to the last's end. */
	readonly buckets?: Range;
	/** Ranges of raw scans to add. */
	readonly add: readonly Range[];
	/** Ranges of raw scans that lie in a quarter of `buckets` and outside of the range asked for. */
	readonly subtract: readonly Range[];
}

/**
 * Splits `[from, to)`. How much an edge reads is judged by its length, of which only the past counts: a range that ends
 * now takes the current quarter whole and subtracts what little has arrived after.
 *
 * @param now epoch ms
 */
export function sections(from: number, to: number, now: number): Sections {
	if (from >= to) return { add: [], subtract: [] };
	const first = firstInstant(from, QUARTER_MS);
	const end = firstInstant(to + QUARTER_MS - 1, QUARTER_MS);
	const past = (range: Range) => Math.max(0, Math.min(range.to, now) - range.from);

	if (end - first === QUARTER_MS) {
		const outside = ranges([first, from], [to, end]);
		const cost = outside.reduce((sum, range) => sum + past(range), 0);
		if (past({ from, to }) <= cost) return { add: [{ from, to }], subtract: [] };
		return { buckets: { from: first, to: end }, add: [], subtract: outside };
	}

	const add: Range[] = [];
	const subtract: Range[] = [];
	const wide = { from: first, to: end };
	for (const [start, inside, outside] of [
		[true, { from, to: first + QUARTER_MS }, { from: first, to: from }],
		[false, { from: end - QUARTER_MS, to }, { from: to, to: end }],
	] as const) {
		if (outside.from === outside.to) continue;
		if (past(inside) > past(outside)) subtract.push(outside);
		else {
			add.push(inside);
			if (start) wide.from += QUARTER_MS;
			else wide.to -= QUARTER_MS;
		}
	}
	return { buckets: wide.from < wide.to ? wide : undefined, add, subtract };
}

/** Takes away what raw scans at an edge counted in the bucket they lie in. */
export function subtractTally(from: Tally, what: Readonly<Tally>): void {
	from.scans -= what.scans;
	from.visitors -= what.visitors;
	from.bots -= what.bots;
}

/**
 * Takes raw scans at an edge away from the values of the one bucket that they lie in: under their value where the bucket
 * keeps it by name, else under `(other)`, where its cap had put them. A bucket counts a value always or never by name.
 */
export function subtractValues(bucket: Map<string, Tally>, edge: ReadonlyMap<string, Readonly<Tally>>): void {
	for (const [value, tally] of edge) {
		const target = bucket.get(value) ?? bucket.get(OTHER);
		if (target) subtractTally(target, tally);
	}
}

export function addValues(sums: Map<string, Tally>, values: ReadonlyMap<string, Readonly<Tally>>): void {
	for (const [value, tally] of values) {
		let sum = sums.get(value);
		if (!sum) {
			sum = emptyTally();
			sums.set(value, sum);
		}
		addTally(sum, tally);
	}
}

/** What `scans` means to a caller: without bots, or with them. */
export function scansOf(tally: Readonly<Tally>, bots: boolean): number {
	return bots ? tally.scans + tally.bots : tally.scans;
}

/** Values that have scans, largest first; ties in the order of the values' UTF-16 units, the same for every store. */
export function rankValues(sums: ReadonlyMap<string, Readonly<Tally>>, bots: boolean): ValueCounts[] {
	return [...sums]
		.map(([value, tally]) => ({ value, scans: scansOf(tally, bots), visitors: tally.visitors }))
		.filter(({ scans }) => scans > 0)
		.sort((a, b) => b.scans - a.scans || (a.value < b.value ? -1 : 1));
}

function ranges(...pairs: readonly (readonly [number, number])[]): Range[] {
	return pairs.filter(([from, to]) => from < to).map(([from, to]) => ({ from, to }));
}
