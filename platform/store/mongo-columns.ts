/**
 * Columns of closed days: written with the day from the raw scans of the same snapshot, a part of a day in each document,
 * and read where filters ask for them. Their revision says which scans they hold: who finds the day closed and unchanged at
 * that revision may read them, whoever has closed it meanwhile. They go with the first of their months of raw scans.
 */

import type { ClientSession, Document } from "mongodb";
import { DIMENSIONS } from "../../contracts/scan.ts";
import { type Columns, ColumnsFold } from "./columns.ts";
import type { Candidate } from "./mongo-blocks.ts";
import { idOf } from "./mongo-keys.ts";
import type { FencedWrites } from "./mongo-months.ts";
import type { ColumnsDocument, MongoSchema } from "./mongo-schema.ts";
import type { Branch, SnapshotReading } from "./mongo-snapshot.ts";
import type { Fenced } from "./scan-store.ts";
import { isWithin, monthsTouched } from "./utc-month.ts";

/** A day with more has none: no filter may ask for so many scans of a longer range than a day. */
const MOST_SCANS = 2_000_000;
/** About ten milliseconds of work, after which others of this process are served. */
const SCANS_AT_ONCE = 1_000;
const ROW = Object.fromEntries([...DIMENSIONS, "at", "bot", "first"].map((field) => [field, 1]));

export interface ColumnsOf {
	readonly organisation: string;
	readonly date: string;
	/** Epoch ms. */
	readonly from: number;
	readonly to: number;
	readonly revision: number;
	/** Bots among them. */
	readonly scans: number;
}

interface Writing {
	readonly schema: MongoSchema;
	readonly reading: SnapshotReading;
	readonly writes: FencedWrites;
	readonly lease: Fenced;
}

/**
 * Writes all parts but the last, which comes with what closes the day.
 *
 * @returns writes the last part in that transaction
 * @throws `lease_lost`
 */
export async function writeColumns(
	{ schema, reading, writes, lease }: Writing,
	{ organisation, date, from, to, revision, scans }: ColumnsOf,
): Promise<(session: ClientSession) => Promise<void>> {
	const range = { from, to };
	const months = new Set(await schema.openMonths(reading));
	const held = scans <= MOST_SCANS && isWithin(range, months);
	let part = 0;
	const write = async (session: ClientSession, columns: Columns, last: boolean) => {
		if (part === 0) await schema.columns.deleteMany({ organisation, date }, { session });
		// Raw scans that were dropped meanwhile must not stay here.
		if (!held || !isWithin(range, new Set(await schema.openMonths({ session })))) return;
		const _id = idOf(organisation, date, part);
		const frame = { organisation, date, start: new Date(from), end: new Date(to), revision };
		await schema.columns.insertOne({ _id, ...frame, part, last, columns }, { session });
	};
	let fold = new ColumnsFold(from);
	for (const month of held ? monthsTouched(months, from, to) : []) {
		const at = { $gte: new Date(from), $lt: new Date(to) };
		const options = { ...reading, projection: { _id: 0, ...ROW }, batchSize: SCANS_AT_ONCE };
		for await (const scan of schema.raw(month).find({ organisation, at }, options).sort({ organisation: 1, at: 1 })) {
			if (fold.isFull) {
				const columns = fold.columns();
				await writes.run(lease, (session) => write(session, columns, false));
				part++;
				fold = new ColumnsFold(from);
			}
			fold.add({ ...scan, at: scan.at.getTime() });
		}
	}
	return (session) => write(session, fold.columns(), true);
}

/** The named columns of the days. */
export function columnsBranch(
	organisation: string,
	days: readonly Candidate[],
	names: readonly (keyof Columns)[],
): Branch {
	const fields: Document = { _id: 0, date: 1, part: 1, last: 1, start: 1, end: 1, revision: 1 };
	for (const name of names) fields[`columns.${name}`] = 1;
	const match = { organisation, date: { $in: days.map(({ name }) => name) } };
	return { tag: "columns", collection: "columns", pipeline: [{ $match: match }, { $project: fields }] };
}

/** A day's parts in order; undefined when it has none, or those of another revision, or not all. */
export function partsOfDay(
	found: readonly ColumnsDocument[],
	{ from, to, revision }: { readonly from: number; readonly to: number; readonly revision?: number },
): readonly ColumnsDocument[] | undefined {
	const parts = found.toSorted((a, b) => a.part - b.part);
	const whole = parts.every(
		(one, index) =>
			one.part === index &&
			one.last === (index === parts.length - 1) &&
			one.revision === revision &&
			one.start.getTime() === from &&
			one.end.getTime() === to,
	);
	return whole && parts.length > 0 ? parts : undefined;
}
