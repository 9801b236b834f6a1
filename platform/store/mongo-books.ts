/** The ledger in MongoDB: what became of every accepted scan, and what of the producers' running totals was applied. */

import type { ClientSession, Document, ReadConcernLike } from "mongodb";
import { escapeKey, unescapeKey } from "./mongo-keys.ts";
import type { MongoSchema } from "./mongo-schema.ts";
import { type Branch, readSnapshot, type Snapshot } from "./mongo-snapshot.ts";
import type { Books, LedgerSums, Reading, ScanStore } from "./scan-store.ts";

type LedgerQuery = Parameters<ScanStore["ledger"]>[0];

export async function readLedger(schema: MongoSchema, query: LedgerQuery): Promise<LedgerSums> {
	return sumsOf(await readSnapshot(schema, () => ledgerBranches(query)));
}

export async function readBooks(
	schema: MongoSchema,
	{ producers, ...query }: Parameters<ScanStore["books"]>[0],
): Promise<Reading<Books>> {
	const total = { $getField: { field: { $literal: escapeKey(query.organisation) }, input: "$totals" } };
	const applied: Branch = {
		tag: "applied",
		collection: "producers",
		pipeline: [
			{ $match: { producer: { $in: [...producers] } } },
			{ $group: { _id: "$producer", total: { $sum: total } } },
		],
	};
	const snapshot = await readSnapshot(schema, () => [...ledgerBranches(query), applied]);
	const { epoch, positions } = snapshot;
	const totals = snapshot.of("applied").map(({ _id, total }) => [_id as string, total as number]);
	return { value: { sums: sumsOf(snapshot), applied: Object.fromEntries(totals) }, epoch, positions, capped: false };
}

/** The sums of all time, in the snapshot of a session. */
export async function sumsOfLedger(
	schema: MongoSchema,
	organisation: string,
	reading: { readonly session: ClientSession; readonly readConcern: ReadConcernLike },
): Promise<LedgerSums> {
	const found = new Map<string, readonly Document[]>();
	for (const { tag, pipeline } of ledgerBranches({ organisation }))
		found.set(tag, await schema.ledger.aggregate([...pipeline], reading).toArray());
	return sumsOf({ of: (tag) => found.get(tag) ?? [] });
}

function ledgerBranches({ organisation, from, to }: LedgerQuery): Branch[] {
	const at = { ...(from !== undefined && { $gte: new Date(from) }), ...(to !== undefined && { $lt: new Date(to) }) };
	const match: Document = { $match: { organisation, ...(Object.keys(at).length > 0 && { at }) } };
	const fields = ["accepted", "stored", "duplicate", "missing"] as const;
	const sums = Object.fromEntries(fields.map((field) => [field, { $sum: `$${field}` }]));
	const reasons = [
		match,
		{ $project: { reason: { $objectToArray: "$dropped" } } },
		{ $unwind: "$reason" },
		{ $group: { _id: "$reason.k", dropped: { $sum: "$reason.v" } } },
	];
	return [
		{ tag: "sums", collection: "ledger", pipeline: [match, { $group: { _id: null, ...sums } }] },
		{ tag: "dropped", collection: "ledger", pipeline: reasons },
	];
}

function sumsOf({ of }: Pick<Snapshot, "of">): LedgerSums {
	const { accepted = 0, stored = 0, duplicate = 0, missing = 0 } = of("sums")[0] ?? {};
	const dropped = of("dropped").map(({ _id, dropped }) => [unescapeKey(_id as string), dropped as number]);
	return { accepted, stored, duplicate, missing, dropped: Object.fromEntries(dropped) };
}
