/**
 * Closed days and months, and written hours of days that are open, as blocks of a reading plan: those to which nothing was
 * added since.
 */

import type { Document } from "mongodb";
import type { Block } from "./blocks.ts";
import { type ClosedHead, datesOf, HEAD, revisionPipeline } from "./mongo-closed.ts";
import { HOUR_HEAD } from "./mongo-hours.ts";
import { partsOf } from "./mongo-keys.ts";
import { Revised, revisedPipeline } from "./mongo-revised.ts";
import type { RevisionDocument } from "./mongo-schema.ts";
import type { Branch, Read, Snapshot } from "./mongo-snapshot.ts";
import { DAY_MS, firstInstant } from "./quarters.ts";
import type { Range } from "./sections.ts";
import { monthEnd, monthOf, monthStart } from "./utc-month.ts";

/** Of so many, newest first, the quarters are looked at where their dates alone do not tell. */
const MOST_UNSURE = { day: 8, month: 2 } as const;

/** Longer than a day in any zone. */
const LONGEST_DAY_MS = 2 * DAY_MS;

/** At a range's end so much is open, or was closed a short while ago, whatever the zone: every quarter is looked at. */
const LATELY_MS = 2 * DAY_MS;

export interface Candidate extends Block {
	readonly revision: number;
	readonly seen?: number;
}

/**
 * Of months in a chain, which are nearly always all that lie within the range, the days are not even looked at.
 *
 * @param ofCodes whether days of months will be asked for, which their documents alone tell of codes; codes have no hours
 * @param now epoch ms
 */
export async function closedBlocks(
	read: Read,
	organisation: string,
	range: Range,
	ofCodes: boolean,
	now: number,
): Promise<{ readonly blocks: Block[]; readonly quartersFrom: number }> {
	const within = { organisation, code: "", start: { $gte: new Date(range.from) }, end: { $lte: new Date(range.to) } };
	const days = ({ from, to }: Range): Branch => {
		const start = { $gte: new Date(from), $lte: new Date(to) };
		const match = { organisation, code: "", start, end: { $lte: new Date(to) } };
		return { tag: "day", collection: "days", pipeline: [{ $match: match }, HEAD] };
	};
	const chain = ofCodes ? undefined : wholeMonths(range);
	const around = chain
		? [
				{ ...range, to: chain.from },
				{ ...range, from: chain.to },
			]
		: [range];
	// Which days a month has, the index does not tell.
	const ofMonths = ofCodes ? { $project: { ...HEAD.$project, "days.at": 1 } } : HEAD;
	const lately = { from: Math.max(range.from, Math.min(range.to, now) - LATELY_MS), to: range.to };
	const snapshot = await read(() => [
		...around.map(days),
		{ tag: "month", collection: "months", pipeline: [{ $match: within }, ofMonths] },
		...(ofCodes ? [] : [hoursBranch(organisation, lately)]),
		addedBranch(organisation, range),
		{ tag: "revised", collection: "revisions", pipeline: revisedPipeline(organisation, lately) },
	]);
	const { quartersFrom } = snapshot;
	const n = addedOf(snapshot);
	const revised = new Revised(lately, snapshot.of("revised") as RevisionDocument[]);
	// Nothing tells any more of what was added to quarters that were dropped.
	const isSure = (block: Candidate) => block.from < quartersFrom || block.seen === seenOf(block, n);
	const unchangedOf = (kind: "day" | "month", documents: readonly Document[]) => {
		const candidates = candidatesOf(kind, documents);
		return unchangedAmong(read, organisation, kind, candidates, isSure, revised);
	};
	const months = await unchangedOf("month", snapshot.of("month"));
	const all = !chain || isChain(months, chain) ? snapshot : await read(() => [days(range)]);
	const closed = await unchangedOf("day", all.of("day"));
	const hours = candidatesOf("hour", snapshot.of("hour")).filter(
		(hour) => hour.from >= quartersFrom && revised.of(hour) === hour.revision,
	);
	return { blocks: [...months, ...closed, ...hours], quartersFrom };
}

/**
 * Days that touch the range and to which nothing was added since they were closed, with the revision that says so. Those of
 * which nothing can tell it, because their quarters were dropped, are none.
 */
export async function closedDays(
	read: Read,
	organisation: string,
	range: Range,
): Promise<{ readonly days: readonly Candidate[]; readonly months: ReadonlySet<string> }> {
	// No scan is older than 1970, and an instant before what a date can express is none.
	const around = { from: Math.max(range.from, 0) - LONGEST_DAY_MS, to: range.to + LONGEST_DAY_MS };
	const start = { $gt: new Date(around.from), $lt: new Date(range.to) };
	const match = { organisation, code: "", start, end: { $gt: new Date(range.from) } };
	const snapshot = await read(() => [
		{ tag: "day", collection: "days", pipeline: [{ $match: match }, HEAD] },
		addedBranch(organisation, around),
	]);
	const n = addedOf(snapshot);
	const kept = candidatesOf("day", snapshot.of("day")).filter(({ from }) => from >= snapshot.quartersFrom);
	const days = await unchangedAmong(read, organisation, "day", kept, (day) => day.seen === seenOf(day, n));
	return { days, months: snapshot.months };
}

function hoursBranch(organisation: string, { from, to }: Range): Branch {
	const match = { organisation, start: { $gte: new Date(from), $lt: new Date(to) }, end: { $lte: new Date(to) } };
	return { tag: "hour", collection: "hours", pipeline: [{ $match: match }, HOUR_HEAD] };
}

function addedBranch(organisation: string, range: Range): Branch {
	const pipeline = [{ $match: datesOf(organisation, range) }, { $group: { _id: "$date", n: { $sum: "$n" } } }];
	return { tag: "added", collection: "revisions", pipeline };
}

/** By UTC date, as its first instant, epoch ms. */
function addedOf(snapshot: Snapshot): Map<number, number> {
	return new Map(snapshot.of("added").map((date) => [Date.parse(date._id as string), date.n as number]));
}

async function unchangedAmong(
	read: Read,
	organisation: string,
	kind: "day" | "month",
	candidates: readonly Candidate[],
	isSure: (block: Candidate) => boolean,
	revised?: Revised,
): Promise<Candidate[]> {
	const {
		sure = [],
		lately = [],
		unsure = [],
	} = Object.groupBy(candidates, (block) =>
		isSure(block) ? "sure" : revised?.of(block) === undefined ? "unsure" : "lately",
	);
	const unchangedLately = lately.filter((block) => revised?.of(block) === block.revision);
	const asked = unsure.sort((a, b) => b.from - a.from).slice(0, MOST_UNSURE[kind]);
	return [...sure, ...unchangedLately, ...(await unchanged(read, organisation, asked))];
}

/** From where to where months that lie within the range are sure to be, whatever their zone; undefined where none need be. */
function wholeMonths(range: Range): Range | undefined {
	const from = monthEnd(monthOf(range.from + DAY_MS)) + DAY_MS;
	const to = monthStart(monthOf(range.to - DAY_MS)) - DAY_MS;
	return from < to ? { from, to } : undefined;
}

function isChain(months: readonly Block[], { from, to }: Range): boolean {
	let end = from;
	for (const month of months.toSorted((a, b) => a.from - b.from)) {
		if (month.from > end) return false;
		end = Math.max(end, month.to);
	}
	return end >= to;
}

/** Those of the blocks whose quarters were not added to. */
async function unchanged(
	read: Read,
	organisation: string,
	blocks: readonly Candidate[],
): Promise<readonly Candidate[]> {
	if (blocks.length === 0) return [];
	const branches = blocks.map(
		({ name, from, to }): Branch => ({
			tag: name,
			collection: "revisions",
			pipeline: revisionPipeline(organisation, { from, to }),
		}),
	);
	const { of } = await read(() => branches);
	return blocks.filter(({ name, revision }) => ((of(name)[0]?.revision as number | undefined) ?? 0) === revision);
}

function candidatesOf(kind: Block["kind"], documents: readonly Document[]): Candidate[] {
	return (documents as readonly (ClosedHead & { readonly days?: readonly { readonly at: Date }[] })[]).map(
		({ _id, start, end, revision, seen, timeZone, days }) => ({
			...{ kind, name: partsOf(_id)[1] as string, from: start.getTime(), to: end.getTime() },
			...{ revision, seen, timeZone, days: days?.map(({ at }) => at.getTime()) },
		}),
	);
}

/** @param n by UTC date, as its first instant, epoch ms */
function seenOf({ from, to }: Block, n: ReadonlyMap<number, number>): number {
	let sum = 0;
	for (let date = firstInstant(from, DAY_MS); date < to; date += DAY_MS) sum += n.get(date) ?? 0;
	return sum;
}
