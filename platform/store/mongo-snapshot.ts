/**
 * Reading in one snapshot: whatever branches a question needs, the positions of all partitions and the epoch, in one
 * aggregation, so that they belong together and no write stands between them.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { ClientSession, Document, MongoClient } from "mongodb";
import type { Positions } from "../../contracts/events.ts";
import { isSnapshotGone } from "./mongo-errors.ts";
import type { MongoSchema } from "./mongo-schema.ts";

/** One part of a question; its documents are told by the tag. */
export interface Branch {
	readonly tag: string;
	readonly collection: string;
	readonly pipeline: readonly Document[];
}

export interface Snapshot {
	readonly epoch: string;
	readonly positions: Positions;
	/** Quarters before it were dropped, epoch ms; 0 when none were. */
	readonly quartersFrom: number;
	/** Those that hold raw scans, `YYYYMM`. */
	readonly months: ReadonlySet<string>;
	/** The documents of the branches with that tag. */
	of(tag: string): readonly Document[];
}

const TAG = "tag";
/** Then MongoDB gives up by itself: sooner than the connection does, which would leave it working on. */
const LONGEST_MS = 25_000;
/** A reading comes in one answer of the server, where it is not larger than such an answer may be. */
const DOCUMENTS_AT_ONCE = 100_000;
const TRIES = 20;
const PAUSE_MS = 10;

/** What to read, given the months that have raw scans; asked again when the snapshot knows more months. */
export type Branches = (months: ReadonlySet<string>) => readonly Branch[];

/** Reads branches in a snapshot that is given. */
export type Read = (branches: Branches) => Promise<Snapshot>;

export async function readSnapshot(schema: MongoSchema, branches: Branches): Promise<Snapshot> {
	for (let attempt = 1; ; attempt++) {
		try {
			return await readIn(schema, { readConcern: { level: "snapshot" } }, branches);
		} catch (error) {
			if (!isSnapshotGone(error) || attempt >= TRIES) throw error;
			await delay(PAUSE_MS * attempt);
		}
	}
}

/** Reads branches in a snapshot that others of its readings share. */
export async function readIn(
	schema: MongoSchema,
	reading: SnapshotReading | Pick<SnapshotReading, "readConcern">,
	branches: Branches,
): Promise<Snapshot> {
	for (;;) {
		const known = schema.months.size;
		const pipeline = snapshotPipeline(branches(schema.months));
		const options = { ...reading, maxTimeMS: LONGEST_MS, batchSize: DOCUMENTS_AT_ONCE, promoteBuffers: true };
		const documents = await schema.meta.aggregate<Document>(pipeline, options).toArray();
		const byTag = Map.groupBy(documents, (document) => document[TAG] as string);
		const meta = byTag.get("meta") ?? [];
		for (const { months } of meta) if (Array.isArray(months)) schema.learnMonths(months as string[]);
		if (schema.months.size > known) continue;
		return {
			epoch: meta.find(({ _id }) => _id === "epoch")?.epoch as string,
			positions: Object.fromEntries(
				(byTag.get("partition") ?? []).map(({ _id, position }) => [_id as number, position as number]),
			),
			quartersFrom: (meta.find(({ _id }) => _id === "quarters")?.from as Date | undefined)?.getTime() ?? 0,
			months: new Set((meta.find(({ _id }) => _id === "months")?.months as string[] | undefined) ?? []),
			of: (tag) => byTag.get(tag) ?? [],
		};
	}
}

/** What an operation is given to read in the snapshot. */
export interface SnapshotReading {
	readonly session: ClientSession;
	/** Said with each reading: the client has another one of its own, which would win. */
	readonly readConcern: { readonly level: "snapshot" };
}

/** Reads for as long as it takes as of one instant; begun again when the snapshot lies before a collection was made. */
export async function inSnapshot<T>(client: MongoClient, read: (reading: SnapshotReading) => Promise<T>): Promise<T> {
	for (let attempt = 1; ; attempt++) {
		const session = client.startSession({ snapshot: true });
		try {
			return await read({ session, readConcern: { level: "snapshot" } });
		} catch (error) {
			if (!isSnapshotGone(error) || attempt >= TRIES) throw error;
			await delay(PAUSE_MS * attempt);
		} finally {
			await session.endSession();
		}
	}
}

/** Branches of one question among several that share a snapshot. */
export function partBranches(part: string, branches: readonly Branch[]): Branch[] {
	return branches.map((branch) => ({ ...branch, tag: `${part} ${branch.tag}` }));
}

/** The snapshot as that question sees it. */
export function partOf(snapshot: Snapshot, part: string): Snapshot {
	return { ...snapshot, of: (tag) => snapshot.of(`${part} ${tag}`) };
}

function snapshotPipeline(branches: readonly Branch[]): Document[] {
	const partitions: Branch = {
		tag: "partition",
		collection: "partitions",
		pipeline: [{ $match: { _id: { $gte: 0 } } }, { $project: { position: 1 } }],
	};
	return [
		{ $match: { _id: { $in: ["epoch", "months", "quarters"] } } },
		{ $set: { [TAG]: "meta" } },
		...[partitions, ...branches].map(({ tag, collection, pipeline }) => ({
			$unionWith: { coll: collection, pipeline: [...pipeline, { $set: { [TAG]: { $literal: tag } } }] },
		})),
	];
}
