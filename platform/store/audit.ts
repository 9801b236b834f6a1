/**
 * The audit: counts raw scans again and holds everything that was ever derived from them against the count. Nothing that
 * counting knows is used but the raw scans themselves. Shared by both stores, which say what is there, each in snapshots.
 * Memory is bounded by what one quarter hour, one day, or the list of codes holds, not by how many scans there are.
 */

import { type AcceptedScan, BUCKET_DIMENSIONS, type BucketDimension, OTHER } from "../../contracts/scan.ts";
import { addTally, countScan, dimensionValues, emptyTally, type Tally } from "./bucket.ts";
import { DAY_MS, firstInstant, QUARTER_MS } from "./quarters.ts";
import type { AuditDifference, AuditReport, LedgerSums } from "./scan-store.ts";
import { monthEnd, monthStart } from "./utc-month.ts";

/** A raw scan, as far as counting looks at it. */
export type CountedScan = Pick<AcceptedScan, BucketDimension | "at" | "bot"> & {
	readonly first: boolean;
	readonly partition: number;
};

/** What is kept of a quarter hour or a day. */
export interface KeptBucket {
	/** First instant, epoch ms. */
	readonly at: number;
	/** Where it is kept by partition. */
	readonly partition?: number;
	readonly tally: Tally;
	/** In the order of `BUCKET_DIMENSIONS`. */
	readonly values: readonly ReadonlyMap<string, Tally>[];
}

export interface KeptDay extends KeptBucket {
	readonly code?: string;
	readonly date: string;
	readonly end: number;
	readonly hours: readonly Tally[];
}

/** Epoch ms, `[from, to)`. */
export interface Span {
	readonly from: number;
	readonly to: number;
}

/** What is there in one snapshot. Without `code`, what is the organisation's own. */
export interface AuditView {
	/** In order of `at`; of closed months none. */
	raw(code: string | undefined, span: Span): AsyncIterable<CountedScan> | Iterable<CountedScan>;
	/** In order of `at`. */
	quarters(code: string | undefined, span: Span): AsyncIterable<KeptBucket> | Iterable<KeptBucket>;
	/** Raw scans of months that are not closed, and what was counted of closed ones when they were dropped. */
	recount(code: string | undefined): Promise<Tally> | Tally;
	total(code: string | undefined): Promise<Tally> | Tally;
	/** The days of that date, the organisation's included, when it was closed and nothing was added since. */
	days(date: string): Promise<readonly KeptDay[]> | readonly KeptDay[];
	ledger(): Promise<LedgerSums> | LedgerSums;
}

export interface AuditSource {
	/** Whether a code's quarters are kept by partition, as an organisation's always are. */
	readonly codesByPartition: boolean;
	/** Codes that anything is kept of. */
	codes(): Promise<readonly string[]> | readonly string[];
	/** Dates of closed days. */
	dates(): Promise<readonly string[]> | readonly string[];
	/** Months that are not closed and hold raw scans or quarters, `YYYYMM`, in order. */
	months(): Promise<readonly string[]> | readonly string[];
	/** Quarters before it were dropped, epoch ms. */
	quartersFrom(): Promise<number> | number;
	snapshot<T>(read: (view: AuditView) => Promise<T>): Promise<T>;
}

/** Differences that a report spells out; the others are counted. */
const MOST_DIFFERENCES = 100;

class Findings {
	readonly differences: AuditDifference[] = [];
	count = 0;

	note(difference: AuditDifference): void {
		this.count++;
		if (this.differences.length < MOST_DIFFERENCES) this.differences.push(difference);
	}
}

/** @param month only the quarters of that month, `YYYYMM` */
export async function audit(source: AuditSource, organisation: string, month?: string): Promise<AuditReport> {
	const findings = new Findings();
	const codes = await source.codes();
	const quartersFrom = await source.quartersFrom();
	const spans = (month === undefined ? await source.months() : [month])
		.map((one) => ({ from: Math.max(monthStart(one), quartersFrom), to: monthEnd(one) }))
		.filter(({ from, to }) => from < to);

	for (const code of codes) {
		for (const span of spans) {
			await source.snapshot((view) => compareQuarters(view, code, span, source.codesByPartition, findings));
		}
		if (month === undefined) await source.snapshot((view) => compareTotal(view, code, findings));
	}
	let scans = 0;
	for (const span of spans) {
		for (const day of daysOf(span)) {
			scans += await source.snapshot((view) => compareQuarters(view, undefined, day, true, findings));
		}
	}
	let days = 0;
	if (month === undefined) {
		await source.snapshot(async (view) => {
			await compareTotal(view, undefined, findings);
			await compareLedger(view, findings);
		});
		for (const date of await source.dates()) {
			if (await source.snapshot((view) => compareDay(view, date, quartersFrom, findings))) days++;
		}
	}
	const { count, differences } = findings;
	return { organisation, scans, codes: codes.length, days, clean: count === 0, differing: count, differences };
}

function* daysOf({ from, to }: Span): Generator<Span> {
	for (let day = from; day < to; day = firstInstant(day, DAY_MS) + DAY_MS)
		yield { from: day, to: Math.min(to, firstInstant(day, DAY_MS) + DAY_MS) };
}

/** Returns how many raw scans there were. */
async function compareQuarters(
	view: AuditView,
	code: string | undefined,
	span: Span,
	byPartition: boolean,
	findings: Findings,
) {
	let scans = 0;
	const expected = recountedQuarters(view.raw(code, span), byPartition)[Symbol.asyncIterator]();
	const found = keptQuarters(view.quarters(code, span))[Symbol.asyncIterator]();
	let [recounted, kept] = [await expected.next(), await found.next()];
	while (!recounted.done || !kept.done) {
		const at = Math.min(
			recounted.done ? Number.POSITIVE_INFINITY : recounted.value.at,
			kept.done ? Number.POSITIVE_INFINITY : kept.value.at,
		);
		const raw = !recounted.done && recounted.value.at === at ? recounted.value.buckets : NONE;
		const stored = !kept.done && kept.value.at === at ? kept.value.buckets : NONE;
		for (const bucket of raw.values()) scans += bucket.tally.scans + bucket.tally.bots;
		const where = new Date(at).toISOString();
		for (const partition of new Set([...raw.keys(), ...stored.keys()]))
			compareBucket({ what: "quarters", code, where }, raw.get(partition), stored.get(partition), findings);
		if (raw !== NONE) recounted = await expected.next();
		if (stored !== NONE) kept = await found.next();
	}
	return scans;
}

type Buckets = ReadonlyMap<number | undefined, Pick<KeptBucket, "tally" | "values">>;
const NONE: Buckets = new Map();

async function* recountedQuarters(scans: AsyncIterable<CountedScan> | Iterable<CountedScan>, apart: boolean) {
	let at = Number.NaN;
	let buckets = new Map<number | undefined, { tally: Tally; values: Map<string, Tally>[] }>();
	for await (const scan of scans) {
		const quarter = firstInstant(scan.at, QUARTER_MS);
		if (quarter !== at) {
			if (buckets.size > 0) yield { at, buckets };
			at = quarter;
			buckets = new Map();
		}
		const bucket = buckets.getOrInsertComputed(apart ? scan.partition : undefined, () => ({
			tally: emptyTally(),
			values: BUCKET_DIMENSIONS.map(() => new Map<string, Tally>()),
		}));
		countScan(bucket.tally, scan.bot, scan.first);
		for (const [index, value] of dimensionValues(scan).entries())
			countScan(
				(bucket.values[index] as Map<string, Tally>).getOrInsertComputed(value, emptyTally),
				scan.bot,
				scan.first,
			);
	}
	if (buckets.size > 0) yield { at, buckets };
}

async function* keptQuarters(kept: AsyncIterable<KeptBucket> | Iterable<KeptBucket>) {
	let at = Number.NaN;
	let buckets = new Map<number | undefined, KeptBucket>();
	for await (const bucket of kept) {
		if (bucket.at !== at) {
			if (buckets.size > 0) yield { at, buckets };
			at = bucket.at;
			buckets = new Map();
		}
		buckets.set(bucket.partition, bucket);
	}
	if (buckets.size > 0) yield { at, buckets };
}

type Place = Pick<AuditDifference, "what" | "code" | "where">;

function compareBucket(
	place: Place,
	expected: Pick<KeptBucket, "tally" | "values"> | undefined,
	found: Pick<KeptBucket, "tally" | "values"> | undefined,
	findings: Findings,
): void {
	compareTally(place, expected?.tally ?? emptyTally(), found?.tally ?? emptyTally(), findings);
	BUCKET_DIMENSIONS.forEach((dimension, index) => {
		const kept = found?.values[index] ?? new Map<string, Tally>();
		// What the bucket does not keep by name, its cap put under the rest.
		const sums = new Map([...kept.keys()].map((value) => [value, emptyTally()]));
		for (const [value, tally] of expected?.values[index] ?? [])
			addTally(sums.getOrInsertComputed(kept.has(value) ? value : OTHER, emptyTally), tally);
		for (const [value, tally] of sums)
			compareTally({ ...place, dimension, value }, tally, kept.get(value) ?? emptyTally(), findings);
	});
}

function compareTally(place: Omit<AuditDifference, "expected" | "found">, expected: Tally, found: Tally, to: Findings) {
	const { scans, visitors, bots } = expected;
	if (found.scans === scans && found.visitors === visitors && found.bots === bots) return;
	to.note({ ...place, expected: { scans, visitors, bots }, found: { ...found } });
}

async function compareTotal(view: AuditView, code: string | undefined, findings: Findings): Promise<void> {
	compareTally({ what: "totals", code }, await view.recount(code), await view.total(code), findings);
}

async function compareLedger(view: AuditView, findings: Findings): Promise<void> {
	const { accepted, stored, duplicate, dropped, missing } = await view.ledger();
	const { scans, bots } = await view.recount(undefined);
	if (stored !== scans + bots)
		findings.note({ what: "ledger", where: "stored", expected: scans + bots, found: stored });
	const sum = stored + duplicate + missing + Object.values(dropped).reduce((all, count) => all + count, 0);
	if (accepted !== sum) findings.note({ what: "ledger", where: "accepted", expected: sum, found: accepted });
}

/** False when the day is open, or its quarters are gone. */
async function compareDay(view: AuditView, date: string, quartersFrom: number, findings: Findings): Promise<boolean> {
	const days = await view.days(date);
	const own = days.find(({ code }) => code === undefined);
	if (!own || own.at < quartersFrom) return false;
	const codes = emptyTally();
	for (const day of days) {
		const place = { what: "days", code: day.code, where: date } as const;
		const sums = { tally: emptyTally(), values: BUCKET_DIMENSIONS.map(() => new Map<string, Tally>()) };
		for await (const { tally, values } of view.quarters(day.code, { from: day.at, to: day.end })) {
			addTally(sums.tally, tally);
			for (const [index, gained] of values.entries())
				for (const [value, one] of gained)
					addTally((sums.values[index] as Map<string, Tally>).getOrInsertComputed(value, emptyTally), one);
		}
		compareBucket(place, sums, day, findings);
		const hours = emptyTally();
		for (const hour of day.hours) addTally(hours, hour);
		compareTally({ ...place, dimension: "hour" }, day.tally, hours, findings);
		if (day.code !== undefined) addTally(codes, day.tally);
	}
	compareTally({ what: "days", where: date, dimension: "code" }, own.tally, codes, findings);
	return true;
}
