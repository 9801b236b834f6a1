/**
 * The writes of one `ingest`: what was folded, as one request a collection. Nothing here decides anything; whoever adds
 * a counter adds it to `fold` and to the documents of the schema.
 */

import type { AnyBulkWriteOperation, ClientSession, UpdateFilter } from "mongodb";
import { BUCKET_DIMENSIONS } from "../../contracts/scan.ts";
import { capValues, type Tally, type ValueTallies } from "./bucket.ts";
import type { Folded } from "./fold.ts";
import type { LedgerIncrement } from "./increments.ts";
import { escapeKey, idOf } from "./mongo-keys.ts";
import { bucketId, type OwnerMemory, type PartitionMemory, visitId } from "./mongo-lookups.ts";
import type {
	LedgerDocument,
	MongoSchema,
	ProducerDocument,
	QuarterDocument,
	RawDocument,
	RevisionDocument,
	TotalDocument,
} from "./mongo-schema.ts";
import type { Sequenced } from "./sequence.ts";
import { monthOf } from "./utc-month.ts";

type Increments = Record<string, number>;

const UNORDERED = { ordered: false } as const;

/**
 * Writes everything folded.
 *
 * @param memory has the values of every bucket; those kept now are added to it
 * @param committed what the first scan gets as its place in the order of commits; the others follow it
 */
export async function writeFolded(
	schema: MongoSchema,
	session: ClientSession,
	folded: Folded,
	sequenced: readonly Sequenced[],
	memory: OwnerMemory,
	committed: number,
): Promise<void> {
	await insertScans(schema, session, folded, committed);
	await insertVisits(schema, session, folded);
	await addToBuckets(schema, session, folded, memory);
	await addToTotals(schema, session, folded);
	await addToRevisions(schema, session, folded);
	await addToLedger(schema, session, folded.ledger);
	await rememberProducers(schema, session, sequenced);
	if (folded.deadLetters.length === 0) return;
	const at = new Date();
	const letters = folded.deadLetters.map((letter) => ({ _id: crypto.randomUUID(), at, ...letter }));
	await schema.deadLetters.insertMany(letters, { session });
}

async function insertScans(schema: MongoSchema, session: ClientSession, folded: Folded, committed: number) {
	const months = new Map<string, RawDocument[]>();
	const chosen: { _id: string; month: string }[] = [];
	let place = committed;
	for (const { scan, partition } of folded.raw) {
		const { id, ...rest } = scan;
		const _id = idOf(scan.organisation, id);
		const month = monthOf(scan.at);
		const document: RawDocument = { ...rest, _id, at: new Date(scan.at), partition, committed: place++ };
		const ofMonth = months.get(month);
		if (ofMonth) ofMonth.push(document);
		else months.set(month, [document]);
		if (scan.ownId) chosen.push({ _id, month });
	}
	for (const [month, documents] of months) await schema.raw(month).insertMany(documents, { session, ...UNORDERED });
	if (chosen.length > 0) await schema.ids.insertMany(chosen, { session, ...UNORDERED });
}

async function insertVisits(schema: MongoSchema, session: ClientSession, { visits }: Folded) {
	if (visits.length === 0) return;
	const at = new Date();
	const documents = visits.map((visit) => ({
		_id: visitId(visit.organisation, visit.code, visit.day, visit.visitor),
		at,
	}));
	await schema.visitors.insertMany(documents, { session, ...UNORDERED });
}

async function addToBuckets(schema: MongoSchema, session: ClientSession, { buckets }: Folded, memory: OwnerMemory) {
	if (buckets.length === 0) return;
	const updates = buckets.map((bucket) => {
		const { organisation, code = "", partition, at } = bucket;
		const id = bucketId(bucket);
		const kept = (memory.get(partition) as PartitionMemory).bucket(id) as Set<string>[];
		const increments = tallied("", bucket, {});
		const { values, capped } = capValues(bucket.values, kept);
		addValues(values, increments);
		const of = bucket.code === undefined ? { organisation, code, partition } : { organisation, code };
		return upsert<QuarterDocument>(id, {
			$inc: increments,
			$setOnInsert: { ...of, at: new Date(at) },
			...(capped.length > 0 && { $addToSet: { capped: { $each: [...capped] } } }),
		});
	});
	await schema.quarters.bulkWrite(updates, { session, ...UNORDERED });
}

function addValues(values: ValueTallies, increments: Increments): void {
	values.forEach((tallies, index) => {
		for (const [value, tally] of tallies)
			tallied(`d.${BUCKET_DIMENSIONS[index]}.${escapeKey(value)}.`, tally, increments);
	});
}

async function addToTotals(schema: MongoSchema, session: ClientSession, { totals }: Folded) {
	if (totals.length === 0) return;
	const updates = totals.map((total) => {
		const { organisation, code = "", partition, first } = total;
		const of = total.code === undefined ? { organisation, code, partition } : { organisation, code };
		return upsert<TotalDocument>(totalId(organisation, total.code, partition), {
			$inc: tallied("", total, {}),
			$min: { first: new Date(first) },
			$setOnInsert: of,
		});
	});
	await schema.totals.bulkWrite(updates, { session, ...UNORDERED });
}

async function addToRevisions(schema: MongoSchema, session: ClientSession, { revisions }: Folded) {
	if (revisions.length === 0) return;
	const updates = revisions.map(({ organisation, date, partition, quarters }) => {
		const increments: Increments = { n: 0 };
		for (const [at, scans] of quarters) {
			increments[`q.${at}`] = scans;
			increments.n = (increments.n ?? 0) + scans;
		}
		return upsert<RevisionDocument>(idOf(organisation, date, partition), {
			$inc: increments,
			$setOnInsert: { organisation, date, partition },
		});
	});
	await schema.revisions.bulkWrite(updates, { session, ...UNORDERED });
}

async function addToLedger(schema: MongoSchema, session: ClientSession, ledger: readonly LedgerIncrement[]) {
	if (ledger.length === 0) return;
	const updates = ledger.map((entry) => {
		const { organisation, hour, partition } = entry;
		const increments: Increments = {};
		for (const name of ["accepted", "stored", "duplicate", "missing"] as const)
			if (entry[name] !== 0) increments[name] = entry[name];
		for (const [reason, dropped] of entry.dropped) increments[`dropped.${escapeKey(reason)}`] = dropped;
		return upsert<LedgerDocument>(idOf(organisation, hour, partition), {
			...(Object.keys(increments).length > 0 && { $inc: increments }),
			$setOnInsert: { organisation, at: new Date(hour) },
		});
	});
	await schema.ledger.bulkWrite(updates, { session, ...UNORDERED });
}

async function rememberProducers(schema: MongoSchema, session: ClientSession, sequenced: readonly Sequenced[]) {
	const updates = sequenced.flatMap(({ part: { partition }, producers }) =>
		producers.map(({ producer, number, changed, at }) => {
			const totals = Object.entries(changed).map(([key, total]) => [`totals.${escapeKey(key)}`, total]);
			return upsert<ProducerDocument>(idOf(partition, producer), {
				$set: { number, at: new Date(at), ...Object.fromEntries(totals) },
				$setOnInsert: { partition, producer },
			});
		}),
	);
	if (updates.length > 0) await schema.producers.bulkWrite(updates, { session, ...UNORDERED });
}

export function totalId(organisation: string, code: string | undefined, partition: number): string {
	return code === undefined ? idOf(organisation, "", partition) : idOf(organisation, code);
}

function tallied(path: string, { scans, visitors, bots }: Readonly<Tally>, increments: Increments): Increments {
	if (scans !== 0) increments[`${path}s`] = scans;
	if (visitors !== 0) increments[`${path}v`] = visitors;
	if (bots !== 0) increments[`${path}b`] = bots;
	return increments;
}

function upsert<T extends { _id: string }>(_id: string, update: UpdateFilter<T>): AnyBulkWriteOperation<T> {
	return { updateOne: { filter: { _id } as never, update, upsert: true } };
}
