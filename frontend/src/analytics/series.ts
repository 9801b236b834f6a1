/**
 * A chart's buckets, woven from history and from what is live. History comes over HTTP and ends before today (for the
 * range of today: before the present quarter hour); the rest is what the live channel says of today. So the sum of a chart
 * is always the number beside it, and nothing is added up that could be lost or doubled.
 */
import type { Annotation, Interval, SeriesPoint } from "../../../contracts/analytics.ts";
import { dateIn, type RangeQuery } from "./range.ts";

export interface Amount {
	readonly scans: number;
	readonly visitors: number;
}

export interface Bucket extends Amount {
	/** Epoch ms. Of days and months: of midnight UTC on the first local date, so that it is written as a date in UTC. */
	readonly at: number;
	/** The bucket still grows. */
	readonly current?: true;
	/** The bucket has not begun. */
	readonly future?: true;
	/** What the destination of the code was changed to within this bucket, oldest first. */
	readonly destinations?: readonly string[];
}

/** What is known of the present day. */
export interface Present {
	/** Epoch ms. */
	readonly now: number;
	/** Undefined where it is not known: history alone is shown. */
	readonly today: Amount | undefined;
	/** What was known of the day when the quarter hour that begins `at` began, where the history is older than that. */
	readonly before?: Beginning | undefined;
}

export interface Beginning {
	/** Epoch ms. */
	readonly at: number;
	readonly today: Amount;
}

const QUARTER_MS = 15 * 60_000;

/** Buckets of a range, oldest first. */
export function weave(
	query: RangeQuery,
	timeZone: string,
	history: readonly SeriesPoint[],
	present: Present,
): readonly Bucket[] {
	return query.interval === "quarter"
		? weaveQuarters(query.today, timeZone, history, present)
		: weaveDates(query, timeZone, history, present.today);
}

/** The same buckets, each with the edits of the code's destination that were made in it; `edits` are oldest first. */
export function withDestinations(
	buckets: readonly Bucket[],
	interval: Interval,
	timeZone: string,
	edits: readonly Annotation[],
): readonly Bucket[] {
	const madeIn = new Map<number, string[]>();
	for (const { at, url } of edits) {
		const made = Date.parse(at);
		const bucket = interval === "quarter" ? presentQuarter(made) : startOfDate(dateIn(timeZone, made), interval);
		madeIn.set(bucket, [...(madeIn.get(bucket) ?? []), url]);
	}
	return buckets.map((bucket) => {
		const destinations = madeIn.get(bucket.at);
		return destinations ? { ...bucket, destinations } : bucket;
	});
}

/** The first instant of the quarter hour that it is, epoch ms. */
export function presentQuarter(now: number): number {
	return Math.floor(now / QUARTER_MS) * QUARTER_MS;
}

export function sumOf(amounts: readonly Amount[]): Amount {
	let scans = 0;
	let visitors = 0;
	for (const amount of amounts) {
		scans += amount.scans;
		visitors += amount.visitors;
	}
	return { scans, visitors };
}

/** Growth over an earlier period as a fraction; null where that had nothing to grow from. */
export function growth(now: number, before: number | undefined): number | null {
	return before ? (now - before) / before : null;
}

function weaveQuarters(
	date: string,
	timeZone: string,
	history: readonly SeriesPoint[],
	{ now, today, before }: Present,
): readonly Bucket[] {
	const present = presentQuarter(now);
	const known = new Map(history.map((point) => [Date.parse(point.at), point]));
	const first = Math.min(present, ...known.keys());
	const past: Bucket[] = [];
	for (let at = first; at < present; at += QUARTER_MS) {
		// Of the one that ended since, the history has but the beginning.
		const ended = before?.at === present && at + QUARTER_MS === present;
		past.push({ at, ...(ended ? restOf(before.today, sumOf(past)) : amountOf(known.get(at))) });
	}
	const current = today ? restOf(today, sumOf(past)) : amountOf(known.get(present));
	const future: Bucket[] = [];
	for (let at = present + QUARTER_MS; dateIn(timeZone, at) === date; at += QUARTER_MS) {
		future.push({ at, scans: 0, visitors: 0, future: true });
	}
	return [...past, { at: present, ...current, current: true }, ...future];
}

function weaveDates(
	query: RangeQuery,
	timeZone: string,
	history: readonly SeriesPoint[],
	today: Amount | undefined,
): readonly Bucket[] {
	const buckets = new Map<number, Bucket>();
	for (const point of history) {
		const at = startOfDate(dateIn(timeZone, Date.parse(point.at)), query.interval);
		buckets.set(at, { at, ...amountOf(point) });
	}
	const at = startOfDate(query.today, query.interval);
	const sum = sumOf([amountOf(buckets.get(at)), amountOf(today)]);
	buckets.set(at, { at, ...sum, current: true });
	return [...buckets.values()].sort((a, b) => a.at - b.at);
}

/** Where the bucket of days or months that a date is in stands, epoch ms. */
function startOfDate(date: string, interval: Interval): number {
	return Date.parse(`${interval === "month" ? `${date.slice(0, 7)}-01` : date}T00:00:00Z`);
}

function amountOf(point: Amount | undefined): Amount {
	return { scans: point?.scans ?? 0, visitors: point?.visitors ?? 0 };
}

function restOf(whole: Amount, part: Amount): Amount {
	return { scans: Math.max(0, whole.scans - part.scans), visitors: Math.max(0, whole.visitors - part.visitors) };
}
