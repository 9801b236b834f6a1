/**
 * What a batch adds, in the shapes that a store writes: buckets, and what follows from them alone, so that totals,
 * revisions and announcements cannot disagree with the buckets.
 */

import type { CodeDelta } from "../../contracts/events.ts";
import { BUCKET_DIMENSIONS } from "../../contracts/scan.ts";
import { addTally, emptyTally, type Tally, type ValueTallies } from "./bucket.ts";
import { utcDate } from "./quarters.ts";

/** Whom a number is of: a code, or (without `code`) its organisation. */
export interface Subject {
	readonly organisation: string;
	readonly code?: string;
}

export interface BucketIncrement extends Subject, Tally {
	readonly partition: number;
	/** First instant of the quarter hour, epoch ms. */
	readonly at: number;
	/** To be fitted with `capValues`. */
	readonly values: ValueTallies;
}

export interface TotalIncrement extends Subject, Tally {
	readonly partition: number;
	/** First instant of the earliest quarter hour in it, epoch ms. */
	first: number;
}

/**
 * What ingest and the closing of days agree on: one document an organisation, UTC date and partition, with a counter for
 * each quarter of that date, because only so can a local day of any time zone be told to be dirty exactly.
 */
export interface RevisionIncrement {
	readonly organisation: string;
	/** UTC date `YYYY-MM-DD`. */
	readonly date: string;
	readonly partition: number;
	/** Scans stored, bots included, by first instant of the quarter hour, epoch ms. */
	readonly quarters: ReadonlyMap<number, number>;
}

export interface LedgerIncrement {
	readonly organisation: string;
	/** First instant of the hour of acceptance, epoch ms. */
	readonly hour: number;
	readonly partition: number;
	accepted: number;
	stored: number;
	duplicate: number;
	missing: number;
	/** By reason. */
	readonly dropped: Map<string, number>;
}

/** An announcement that lacks only the totals after the write. */
export type Gain = Omit<CodeDelta, "total">;

export function totalsOf(buckets: readonly BucketIncrement[]): TotalIncrement[] {
	const totals = new Map<string, TotalIncrement>();
	for (const { organisation, code, partition, at, scans, visitors, bots } of buckets) {
		const key = subjectKey(organisation, code);
		const total = totals.get(key);
		if (!total) totals.set(key, { organisation, code, partition, first: at, scans, visitors, bots });
		else {
			addTally(total, { scans, visitors, bots });
			total.first = Math.min(total.first, at);
		}
	}
	return [...totals.values()];
}

export function revisionsOf(buckets: readonly BucketIncrement[]): RevisionIncrement[] {
	const revisions = new Map<string, RevisionIncrement & { readonly quarters: Map<number, number> }>();
	for (const { organisation, code, partition, at, scans, bots } of buckets) {
		if (code !== undefined) continue;
		const date = utcDate(at);
		const key = `${date} ${organisation}`;
		const revision = revisions.get(key) ?? { organisation, date, partition, quarters: new Map() };
		revision.quarters.set(at, scans + bots);
		revisions.set(key, revision);
	}
	return [...revisions.values()];
}

export function gainsOf(
	buckets: readonly BucketIncrement[],
	minutes: ReadonlyMap<string, ReadonlyMap<number, number>>,
): Gain[] {
	const byCode = Map.groupBy(
		buckets.filter(({ code }) => code !== undefined),
		({ organisation, code }) => subjectKey(organisation, code),
	);
	return [...byCode].map(([key, ofCode]) => {
		const { organisation, code } = ofCode[0] as BucketIncrement;
		const counts = emptyTally();
		for (const bucket of ofCode) addTally(counts, bucket);
		return {
			organisation,
			code: code as string,
			...counts,
			quarters: Object.fromEntries(ofCode.map(({ at, scans, visitors, bots }) => [at, { scans, visitors, bots }])),
			minutes: Object.fromEntries(minutes.get(key) ?? []),
			by: Object.fromEntries(BUCKET_DIMENSIONS.map((dimension, index) => [dimension, scansByValue(ofCode, index)])),
		};
	});
}

/** Scans without bots by value. Without a prototype, any string is a name like any other. */
function scansByValue(buckets: readonly BucketIncrement[], index: number): Record<string, number> {
	const sums: Record<string, number> = Object.create(null);
	for (const { values } of buckets) {
		for (const [value, { scans }] of values[index] as Map<string, Tally>) {
			if (scans > 0) sums[value] = (sums[value] ?? 0) + scans;
		}
	}
	return sums;
}

/** A key of a subject, or of one of its quarters. */
export function subjectKey(organisation: string, code: string | undefined, at?: number): string {
	return code === undefined ? `${organisation}\0\0${at}` : `${organisation}\0${code}\0${at}`;
}
