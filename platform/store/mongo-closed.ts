/**
 * Whether a closed day or month still says what the quarters say. `revisions` count what was ever added to each quarter:
 * an equal sum means that nothing was added since. Adding up quarters takes long over many days, so each organisation's
 * day and month remembers what had been added to the UTC dates it touches (`n`) when it was known to be right: as long as
 * that stands, no quarter need be looked at.
 */

import type { AggregateOptions, ClientSession, Document } from "mongodb";
import { COLUMNS_FORM } from "./columns.ts";
import { idOf } from "./mongo-keys.ts";
import type { MongoSchema } from "./mongo-schema.ts";
import { readSnapshot } from "./mongo-snapshot.ts";
import { DAY_MS, firstInstant, utcDate } from "./quarters.ts";
import type { Closable } from "./scan-store.ts";
import type { Range } from "./sections.ts";

/** What the index tells of an organisation's closed day or month. */
export interface ClosedHead {
	readonly _id: string;
	readonly start: Date;
	readonly end: Date;
	readonly revision: number;
	readonly seen?: number;
	readonly timeZone?: string;
}

/** The last instant of the years that four digits name, epoch ms. */
const LAST_NAMED = Date.UTC(10_000, 0) - 1;
/** Longer than any month, and than the time that days of different zones lie apart. */
const MONTH_MS = 33 * DAY_MS;

/** By the quarters themselves: also of what a process of an earlier release adds, which knows no `n`. */
export async function isClosed(schema: MongoSchema, what: Closable): Promise<boolean> {
	const { organisation, kind, name, start, end, timeZone } = what;
	const collection = kind === "day" ? "days" : "months";
	const { of } = await readSnapshot(schema, () => [
		{ tag: "head", collection, pipeline: [{ $match: { _id: idOf(organisation, name, "") } }, THIS] },
		{
			tag: "revision",
			collection: "revisions",
			pipeline: revisionPipeline(organisation, { from: start, to: end }),
		},
	]);
	const [closed] = of("head") as readonly (ClosedHead & { readonly packed: boolean; readonly columns?: number })[];
	if (closed?.start.getTime() !== start || closed.end.getTime() !== end || closed.timeZone !== timeZone) return false;
	if (!closed.packed || closed.columns !== COLUMNS_FORM) return false;
	return closed.revision === ((of("revision")[0]?.revision as number | undefined) ?? 0);
}

/** What was added to the quarters of the range. */
export async function readRevision(
	schema: MongoSchema,
	reading: AggregateOptions,
	organisation: string,
	range: Range,
): Promise<number> {
	const pipeline = revisionPipeline(organisation, range);
	const [revised] = await schema.revisions.aggregate<{ revision: number }>(pipeline, reading).toArray();
	return revised?.revision ?? 0;
}

/** What was added to the UTC dates that the range touches. */
export async function readSeen(
	schema: MongoSchema,
	reading: AggregateOptions,
	organisation: string,
	range: Range,
): Promise<number> {
	const pipeline = seenPipeline(organisation, range);
	const [added] = await schema.revisions.aggregate<{ seen: number }>(pipeline, reading).toArray();
	return added?.seen ?? 0;
}

/**
 * Looks at the days and months that share a UTC date with the range, which was closed a moment ago in the same
 * transaction: those to which nothing was added remember that. So a day that ended within a UTC date is known to be right
 * by that date's sum once the next day is closed.
 */
export async function refreshNeighbours(
	schema: MongoSchema,
	session: ClientSession,
	organisation: string,
	range: Range,
): Promise<void> {
	const from = firstInstant(range.from, DAY_MS);
	const to = firstInstant(range.to - 1, DAY_MS) + DAY_MS;
	const near = { organisation, code: "", start: { $gt: new Date(from - MONTH_MS), $lt: new Date(to) } };
	for (const name of ["days", "months"]) {
		const closed = schema.db.collection<ClosedHead>(name);
		const heads = closed.find({ ...near, end: { $gt: new Date(from) } }, { session, projection: HEAD.$project });
		for (const { _id, start, end, revision, seen } of await heads.toArray()) {
			const own = { from: start.getTime(), to: end.getTime() };
			const now = await readSeen(schema, { session }, organisation, own);
			if (seen === now || revision !== (await readRevision(schema, { session }, organisation, own))) continue;
			await closed.updateOne({ _id }, { $set: { seen: now } }, { session });
		}
	}
}

export const HEAD = { $project: { start: 1, end: 1, revision: 1, seen: 1, timeZone: 1 } };

/** With whether it is as this release closes it. */
const THIS = { $project: { ...HEAD.$project, columns: 1, packed: { $ne: [{ $type: "$packed" }, "missing"] } } };

/** Sums what was ever added to the quarters of the range. */
export function revisionPipeline(organisation: string, { from, to }: Range): Document[] {
	return [
		{ $match: datesOf(organisation, { from, to }) },
		{ $project: { quarter: { $objectToArray: "$q" } } },
		{ $unwind: "$quarter" },
		{ $set: { at: { $toLong: "$quarter.k" } } },
		{ $match: { at: { $gte: from, $lt: to } } },
		{ $group: { _id: null, revision: { $sum: "$quarter.v" } } },
	];
}

/** Sums what was ever added to the UTC dates that the range touches, from the index alone. */
function seenPipeline(organisation: string, range: Range): Document[] {
	return [{ $match: datesOf(organisation, range) }, { $group: { _id: null, seen: { $sum: "$n" } } }];
}

export function datesOf(organisation: string, { from, to }: Range): Document {
	const named = (at: number) => utcDate(Math.max(0, Math.min(at, LAST_NAMED)));
	const [first, last] = from < to ? [named(from), named(to - 1)] : ["", ""];
	return { organisation, date: { $gte: first, $lte: last } };
}
