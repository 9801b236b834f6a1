/**
 * What a roll-up bucket gains by a batch: its counts and, per dimension value, the same three; and the cap that keeps
 * any bucket from growing without bound. Values are keys of maps here, so any string is safe as one.
 */

import { type AcceptedScan, BUCKET_DIMENSIONS, type BucketDimension, NONE, OTHER } from "../../contracts/scan.ts";

/** Counts while they grow: scans without bots, first visits, and bots apart. */
export interface Tally {
	scans: number;
	visitors: number;
	bots: number;
}

export function emptyTally(): Tally {
	return { scans: 0, visitors: 0, bots: 0 };
}

export function addTally(to: Tally, from: Readonly<Tally>): void {
	to.scans += from.scans;
	to.visitors += from.visitors;
	to.bots += from.bots;
}

export function countScan(tally: Tally, bot: boolean, first: boolean): void {
	if (bot) tally.bots++;
	else tally.scans++;
	if (first) tally.visitors++;
}

/** The values of a scan in the order of `BUCKET_DIMENSIONS`; absence is `(none)`, and broken surrogates are replaced. */
export function dimensionValues(scan: Pick<AcceptedScan, BucketDimension>): string[] {
	return BUCKET_DIMENSIONS.map((dimension) => scan[dimension]?.toWellFormed() ?? NONE);
}

/** Tallies of the values of each dimension, in the order of `BUCKET_DIMENSIONS`; values in order of first appearance. */
export type ValueTallies = readonly Map<string, Tally>[];

/** Values of a dimension that a bucket counts by name; the others count as `(other)`. */
export const VALUES_PER_BUCKET = 300;

/** Whether a value takes one of a bucket's places; absence and the rest never do. */
export function takesPlace(value: string): boolean {
	return value !== NONE && value !== OTHER;
}

/**
 * Fits what a bucket gains under the cap: a value not yet kept is kept while there is room, else it counts as `(other)`.
 * As values come in order of commit, the outcome does not depend on how scans were cut into batches.
 *
 * @param kept values that the bucket keeps by name, per dimension, without `(none)` and `(other)`; new ones are added to it
 * @param cap most values of a dimension that a bucket keeps by name
 * @returns the tallies to add, and the dimensions of which this batch put something under `(other)`
 */
export function capValues(
	gained: ValueTallies,
	kept: readonly Set<string>[],
	cap: number = VALUES_PER_BUCKET,
): { readonly values: ValueTallies; readonly capped: readonly BucketDimension[] } {
	const capped: BucketDimension[] = [];
	const values = gained.map((tallies, index) => {
		const names = kept[index] as Set<string>;
		let rest: Tally | undefined;
		let fitting = tallies;
		for (const [value, tally] of tallies) {
			if (!takesPlace(value) || names.has(value)) continue;
			if (names.size < cap) {
				names.add(value);
				continue;
			}
			if (!rest) {
				rest = emptyTally();
				fitting = new Map(tallies);
				capped.push(BUCKET_DIMENSIONS[index] as BucketDimension);
			}
			addTally(rest, tally);
			fitting.delete(value);
		}
		if (rest) {
			const other = fitting.get(OTHER);
			if (other) addTally(rest, other);
			fitting.set(OTHER, rest);
		}
		return fitting;
	});
	return { values, capped };
}

/** No value kept in any dimension: a bucket that does not exist yet. */
export function noneKept(): Set<string>[] {
	return BUCKET_DIMENSIONS.map(() => new Set<string>());
}
