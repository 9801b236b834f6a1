/**
 * The reading plan: which closed months, days and hours answer a range, and what is left to quarter hours and raw scans.
 * A block stands for exactly the scans between two instants, so any that do not overlap may be added up, whatever zone they
 * were closed in; a series takes only those that lie within its points, hours of the week only those of their zone. Pure, and
 * shared by both stores, which offer only blocks that nothing was added to since.
 */

import { firstInstant, QUARTER_MS, QUARTERS_LIVE_MS } from "./quarters.ts";
import type { Questions } from "./scan-store.ts";
import { type Range, sections } from "./sections.ts";

/** A closed day or month of an organisation, or an hour of its open day. */
export interface Block extends Range {
	readonly kind: "hour" | "day" | "month";
	/** `YYYY-MM-DD`, `YYYY-MM`; of an hour, which is always packed, its first instant */
	readonly name: string;
	/** The zone of its hours; absent where an earlier release closed it. */
	readonly timeZone?: string;
	/** First instants of a month's days, epoch ms. */
	readonly days?: readonly number[];
	/** Its quarter hours can be told apart: it fits into any series, and any zone's hours of the week. */
	readonly packed?: boolean;
}

/** What a reading reads. Blocks and buckets do not overlap. */
export interface Plan {
	/** What was asked for, epoch ms. */
	readonly range: Range;
	readonly blocks: readonly Block[];
	/** Quarter hours to read from roll-ups. */
	readonly buckets: readonly Range[];
	/** Ranges of raw scans to add. */
	readonly add: readonly Range[];
	/** Ranges of raw scans that lie in a quarter of `buckets` and outside of the range asked for. */
	readonly subtract: readonly Range[];
	/** From here on everything is held; epoch ms. */
	readonly coveredFrom: number;
}

/** Days have 23 hours at least, but for a zone or two. */
export const SHORTEST_BLOCK_MS = 22 * 60 * 60_000;

/** More ranges of quarter hours than this are not worth what each adds to a reading. */
const MOST_RANGES = 8;

/** @param range epoch ms; empty when `from` is not before `to` */
export function planRaw({ from, to }: Range): Plan {
	const range = { from, to };
	return { range, blocks: [], buckets: [], add: from < to ? [{ from, to }] : [], subtract: [], coveredFrom: from };
}

/**
 * @param closed days and months that nothing was added to since they were closed
 * @param quartersFrom quarters before it were dropped, epoch ms
 * @param now epoch ms
 */
export function planReading(
	range: Range,
	closed: readonly Block[],
	questions: Pick<Questions, "series" | "hoursOfWeek">,
	quartersFrom: number,
	now: number,
): Plan {
	const usable = closed.filter((block) => lies(block, range) && fits(block, questions));
	const kept = { from: Math.max(range.from, quartersFrom), to: range.to };
	const blocks = inFewRanges(chosen(usable), kept);
	const { buckets, add, subtract } = sections(kept.from, kept.to, now);
	const reach = Math.max(quartersFrom, now - QUARTERS_LIVE_MS);
	const holes = gaps({ from: range.from, to: Math.min(range.to, reach) }, blocks);
	return {
		range,
		blocks,
		buckets: buckets ? gaps(buckets, blocks) : [],
		add,
		subtract,
		coveredFrom: holes.at(-1)?.to ?? range.from,
	};
}

/** What filters read: rows of closed days, by whole quarter hours, and raw scans between them. */
export interface ColumnsPlan<Day extends Block = Block> {
	/** They do not overlap, and lie within the range. */
	readonly parts: readonly { readonly day: Day; readonly range: Range }[];
	readonly raw: readonly Range[];
}

/** @param days closed ones that nothing was added to since */
export function planColumns<Day extends Block>(range: Range, days: readonly Day[]): ColumnsPlan<Day> {
	const last = firstInstant(range.to, QUARTER_MS);
	const parts: { day: Day; range: Range }[] = [];
	let from = firstInstant(range.from + QUARTER_MS - 1, QUARTER_MS);
	for (const day of days.toSorted(byTime)) {
		const part = { from: Math.max(day.from, from), to: Math.min(day.to, last) };
		if (!isAligned(day) || part.from >= part.to) continue;
		parts.push({ day, range: part });
		from = part.to;
	}
	return {
		parts,
		raw: gaps(
			range,
			parts.map((part) => part.range),
		),
	};
}

function lies({ from, to }: Block, range: Range): boolean {
	return isAligned({ from, to }) && from < to && from >= range.from && to <= range.to;
}

function isAligned({ from, to }: Range): boolean {
	return firstInstant(from, QUARTER_MS) === from && firstInstant(to, QUARTER_MS) === to;
}

function fits(
	{ kind, from, to, days, timeZone, packed }: Block,
	{ series, hoursOfWeek }: Pick<Questions, "series" | "hoursOfWeek">,
) {
	if (packed || kind === "hour") return packed === true;
	if (hoursOfWeek !== undefined && timeZone !== hoursOfWeek) return false;
	if (series === undefined) return true;
	if (series === "quarters") return false;
	for (let next = pointOf(series, from) + 1; (series[next] ?? to) < to; next++)
		if (kind !== "month" || !days?.includes(series[next] as number)) return false;
	return true;
}

/** The index of the last point at or before an instant; -1 when there is none. @param points ascending */
export function pointOf(points: readonly number[], at: number): number {
	let [low, high] = [0, points.length];
	while (low < high) {
		const middle = (low + high) >>> 1;
		if ((points[middle] as number) <= at) low = middle + 1;
		else high = middle;
	}
	return low - 1;
}

/** Months first, hours last; of those that overlap (they were closed in different zones), the first. In order of time. */
function chosen(blocks: readonly Block[]): Block[] {
	const taken: Block[] = [];
	for (const kind of ["month", "day", "hour"] as const) {
		const before = taken.toSorted(byTime);
		let next = 0;
		let end = Number.NEGATIVE_INFINITY;
		for (const block of blocks.filter((one) => one.kind === kind).sort(byTime)) {
			while ((before[next]?.to ?? Number.POSITIVE_INFINITY) <= block.from) next++;
			if (block.from < end || (before[next]?.from ?? Number.POSITIVE_INFINITY) < block.to) continue;
			taken.push(block);
			end = block.to;
		}
	}
	return taken.sort(byTime);
}

/** Leaves out the shortest runs of blocks where there are too many gaps between them. */
function inFewRanges(blocks: readonly Block[], range: Range): readonly Block[] {
	if (gaps(range, blocks).length <= MOST_RANGES) return blocks;
	const runs: Block[][] = [];
	for (const block of blocks) {
		const run = runs.at(-1);
		if (run?.at(-1)?.to === block.from) run.push(block);
		else runs.push([block]);
	}
	const length = (run: readonly Block[]) => (run.at(-1)?.to ?? 0) - (run[0]?.from ?? 0);
	// What lies before the quarters has nothing else to be read from, and leaves no range.
	const [old, others] = [
		runs.filter((run) => (run[0]?.from ?? 0) < range.from),
		runs.filter((run) => (run[0]?.from ?? 0) >= range.from),
	];
	const longest = others.sort((a, b) => length(b) - length(a)).slice(0, MOST_RANGES - 1);
	return [...old, ...longest].flat().sort(byTime);
}

/** What of the range lies in none of the blocks, which are in order. */
function gaps(range: Range, blocks: readonly Range[]): Range[] {
	const found: Range[] = [];
	let from = range.from;
	for (const block of blocks) {
		if (block.to <= from) continue;
		if (from < Math.min(block.from, range.to)) found.push({ from, to: Math.min(block.from, range.to) });
		from = Math.max(from, block.to);
	}
	if (from < range.to) found.push({ from, to: range.to });
	return found;
}

/** Those that follow each other as one. @param ranges in order */
export function united(ranges: readonly Range[]): Range[] {
	const all: Range[] = [];
	for (const range of ranges) {
		const last = all.at(-1);
		if (last?.to === range.from) all[all.length - 1] = { from: last.from, to: range.to };
		else all.push(range);
	}
	return all;
}

function byTime(a: Range, b: Range): number {
	return a.from - b.from;
}
