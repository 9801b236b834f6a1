/** What an audit finds: kept counts held against those that were counted again. */

import { BUCKET_DIMENSIONS, OTHER } from "../../contracts/scan.ts";
import { addTally, emptyTally, type Tally } from "./bucket.ts";
import type { Rollup } from "./rollup.ts";
import type { AuditDifference } from "./scan-store.ts";

/** Differences that a report spells out; the others are counted. */
const MOST_DIFFERENCES = 100;

export class Findings {
	readonly differences: AuditDifference[] = [];
	count = 0;

	note(difference: AuditDifference): void {
		this.count++;
		if (this.differences.length < MOST_DIFFERENCES) this.differences.push(difference);
	}
}

export type Place = Pick<AuditDifference, "what" | "code" | "where">;

export function compareBucket(
	place: Place,
	expected: Pick<Rollup, "tally" | "values"> | undefined,
	found: Pick<Rollup, "tally" | "values"> | undefined,
	findings: Findings,
): void {
	compareTally(place, expected?.tally ?? emptyTally(), found?.tally ?? emptyTally(), findings);
	BUCKET_DIMENSIONS.forEach((dimension, index) => {
		const kept = found?.values[index] ?? new Map<string, Readonly<Tally>>();
		// What the bucket does not keep by name, its cap put under the rest.
		const sums = new Map([...kept.keys()].map((value) => [value, emptyTally()]));
		for (const [value, tally] of expected?.values[index] ?? [])
			addTally(sums.getOrInsertComputed(kept.has(value) ? value : OTHER, emptyTally), tally);
		for (const [value, tally] of sums)
			compareTally({ ...place, dimension, value }, tally, kept.get(value) ?? emptyTally(), findings);
	});
}

export function compareTally(
	place: Omit<AuditDifference, "expected" | "found">,
	expected: Readonly<Tally>,
	found: Readonly<Tally> | undefined,
	to: Findings,
): void {
	const kept = found ?? emptyTally();
	if (isSame(expected, kept)) return;
	to.note({ ...place, expected: toCounts(expected), found: toCounts(kept) });
}

function isSame(a: Readonly<Tally>, b: Readonly<Tally>): boolean {
	return a.scans === b.scans && a.visitors === b.visitors && a.bots === b.bots;
}

function toCounts({ scans, visitors, bots }: Readonly<Tally>): Tally {
	return { scans, visitors, bots };
}
