/**
 * Months of raw scans in MongoDB, from open to dropped. Whether a month takes scans stands in a document of each
 * partition, which ingest writes with every scan of a month that is long over: so a scan is either in the month when it
 * is audited and dropped, or refused.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { ClientSession, Collection, Filter, MongoClient } from "mongodb";
import { CodedError } from "../../contracts/errors.ts";
import { TALLY_OF_SCANS } from "./mongo-branches.ts";
import { passFence, raiseFence } from "./mongo-fences.ts";
import { idOf } from "./mongo-keys.ts";
import type { ClosingDocument, MongoSchema } from "./mongo-schema.ts";
import type { TransactionSession } from "./mongo-transaction.ts";
import type { Fenced, StoredMonth } from "./scan-store.ts";
import type { Sequenced } from "./sequence.ts";
import { isOver, monthEnd, monthOf } from "./utc-month.ts";

const DOCUMENTS_PER_WRITE = 500;
/** Quarters and ids are deleted so many at a time, with a pause, so that counting is not held up. */
const DELETED_AT_ONCE = 2_000;
const PAUSE_MS = 5;

const isClosed = ({ state }: Pick<ClosingDocument, "state">) => state === "closing" || state === "closed";

/** Those of the months that take no scans, as known outside of a transaction. */
export async function knownClosed(schema: MongoSchema, months: Iterable<string>, now: number): Promise<Set<string>> {
	const old = [...months].filter((month) => isOver(month, now));
	if (old.length === 0) return new Set();
	const found = await schema.closings.find({ _id: { $in: old } }).toArray();
	return new Set(found.filter(isClosed).map(({ month }) => month));
}

/** Those of the candidates' months that take no scans; a month that is closed meanwhile meets this transaction. */
export async function closedMonths(
	schema: MongoSchema,
	session: ClientSession,
	parts: readonly Sequenced[],
	now: number,
): Promise<Set<string>> {
	const closed = new Set<string>();
	for (const { part, candidates } of parts) {
		const months = new Set<string>();
		for (const { scan } of candidates) if (Number.isFinite(scan.at)) months.add(monthOf(scan.at));
		for (const month of months)
			if (isOver(month, now) && isClosed(await touch(schema, session, month, part.partition))) closed.add(month);
	}
	return closed;
}

async function touch(schema: MongoSchema, session: ClientSession, month: string, partition: number) {
	const options = { session, upsert: true, returnDocument: "after" } as const;
	const _id = idOf(month, partition);
	const own = await schema.closings.findOneAndUpdate(
		{ _id },
		{ $inc: { touched: 1 }, $setOnInsert: { month, partition } },
		options,
	);
	if (own && (own.touched !== 1 || own.state !== undefined)) return own;
	// The partition's first: whoever marks the month now does not know this document yet, so both write the month's.
	const whole = await schema.closings.findOneAndUpdate(
		{ _id: month },
		{ $inc: { touched: 1 }, $setOnInsert: { month } },
		options,
	);
	const state = whole?.state ?? "open";
	await schema.closings.updateOne({ _id }, { $set: { state } }, { session });
	return { state };
}

export async function listMonths(schema: MongoSchema): Promise<StoredMonth[]> {
	const open = await schema.openMonths();
	const marked = await schema.closings.find({ month: { $gte: "" }, partition: { $exists: false } }).toArray();
	const states = new Map(open.map((month) => [month, "open" as const]));
	const months = new Map<string, StoredMonth["state"]>(states);
	for (const { month, state } of marked)
		if (state === "closed" || months.has(month)) months.set(month, state ?? "open");
	return [...months].sort(([a], [b]) => (a < b ? -1 : 1)).map(([month, state]) => ({ month, state }));
}

/** Writes that a newer holder of the lease refuses. */
export class FencedWrites {
	readonly #schema: MongoSchema;
	readonly #client: MongoClient;
	readonly #transactions: TransactionSession;

	constructor(schema: MongoSchema, client: MongoClient, transactions: TransactionSession) {
		this.#schema = schema;
		this.#client = client;
		this.#transactions = transactions;
	}

	async run<T>(lease: Fenced, work: (session: ClientSession) => Promise<T>): Promise<T> {
		await raiseFence(this.#schema, this.#client, lease, this.#transactions.id);
		return this.#transactions.run(
			async (session) => {
				const result = await work(session);
				await passFence(this.#schema, session, lease);
				return result;
			},
			() => undefined,
		);
	}
}

export async function markMonth(
	schema: MongoSchema,
	writes: FencedWrites,
	month: string,
	state: "open" | "closing" | "closed",
	lease: Fenced,
): Promise<void> {
	await writes.run(lease, async (session) => {
		const before = await schema.closings.findOne({ _id: month }, { session });
		if (before?.state === "closed") return;
		const options = { session, upsert: true } as const;
		await schema.closings.updateOne({ _id: month }, { $set: { state }, $setOnInsert: { month } }, options);
		await schema.closings.updateMany({ month, partition: { $exists: true } }, { $set: { state } }, { session });
		if (state === "closed")
			await schema.meta.updateOne({ _id: "months" }, { $pull: { months: month } as never }, { session });
	});
}

export async function dropMonth(
	schema: MongoSchema,
	writes: FencedWrites,
	month: string,
	lease: Fenced,
): Promise<{ readonly scans: number }> {
	const found = await schema.closings.findOne({ _id: month });
	if (!found || !isClosed(found)) throw new CodedError("conflict", `The month ${month} is open: mark it closing first`);
	let scans = 0;
	if (found.state === "closing") {
		scans = await carry(schema, writes, month, lease);
		await markMonth(schema, writes, month, "closed", lease);
	}
	// Whatever closed its days meanwhile.
	await deleteInTurns(schema.columns, { start: { $lt: new Date(monthEnd(month)) } });
	if (found.dropped) return { scans };
	await schema.raw(month).drop();
	await deleteInTurns(schema.ids, { month });
	await schema.closings.updateOne({ _id: month }, { $set: { dropped: true } });
	return { scans };
}

/** What the raw scans of the month count stays when they go, so that totals can be told from raw scans for ever. */
async function carry(schema: MongoSchema, writes: FencedWrites, month: string, lease: Fenced): Promise<number> {
	const codes = schema
		.raw(month)
		.aggregate<{ _id: { organisation: string; code: string }; s: number; v: number; b: number }>(
			[
				{ $match: { organisation: { $gte: "" } } },
				{ $group: { _id: { organisation: "$organisation", code: "$code" }, ...TALLY_OF_SCANS } },
			],
			{ allowDiskUse: true, readConcern: { level: "majority" }, hint: "code_at" },
		);
	let scans = 0;
	let batch: Parameters<typeof schema.carried.bulkWrite>[0][number][] = [];
	const flush = async () => {
		const writing = batch;
		batch = [];
		await writes.run(lease, async (session) => {
			const now = await schema.closings.findOne({ _id: month }, { session });
			if (now?.state !== "closing") throw new CodedError("conflict", `The month ${month} is not closing any more`);
			if (writing.length > 0) await schema.carried.bulkWrite(writing, { session, ordered: false });
		});
	};
	for await (const { _id, s, v, b } of codes) {
		const replacement = { ..._id, month, s, v, b };
		const filter = { _id: idOf(_id.organisation, _id.code, month) };
		batch.push({ replaceOne: { filter, replacement, upsert: true } });
		scans += s + b;
		if (batch.length >= DOCUMENTS_PER_WRITE) await flush();
	}
	await flush();
	return scans;
}

/** Quarters before it were dropped, epoch ms. */
export async function readQuartersFrom(schema: MongoSchema): Promise<number> {
	const mark = await schema.meta.findOne({ _id: "quarters" });
	return mark && "from" in mark ? mark.from.getTime() : 0;
}

/** Deletes quarters and revisions that begin before; the mark is moved first, so that no audit looks for them. */
export async function dropQuarters(
	schema: MongoSchema,
	writes: FencedWrites,
	organisations: readonly string[],
	before: number,
	lease: Fenced,
): Promise<{ readonly quarters: number }> {
	const from = new Date(before);
	await writes.run(lease, async (session) => {
		await schema.meta.updateOne({ _id: "quarters" }, { $max: { from } as never }, { session, upsert: true });
	});
	let quarters = 0;
	for (const organisation of organisations) {
		// Codes one by one: the index has time behind them.
		const codes = await schema.quarters.distinct("code", { organisation });
		for (const code of codes)
			quarters += await deleteInTurns(schema.quarters, { organisation, code, at: { $lt: from } });
		const date = from.toISOString().slice(0, 10);
		await schema.revisions.deleteMany({ organisation, date: { $lt: date } });
	}
	return { quarters };
}

async function deleteInTurns<T extends { _id: string }>(from: Collection<T>, filter: Filter<T>): Promise<number> {
	for (let deleted = 0; ; await delay(PAUSE_MS)) {
		const found = await from.find(filter, { projection: { _id: 1 }, limit: DELETED_AT_ONCE }).toArray();
		if (found.length === 0) return deleted;
		const these = { _id: { $in: found.map(({ _id }) => _id) } } as Filter<T>;
		deleted += (await from.deleteMany(these)).deletedCount;
	}
}
