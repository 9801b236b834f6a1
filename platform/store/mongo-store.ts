/**
 * The scan store in MongoDB (a replica set): every commit is one multi-document transaction, every reading one snapshot.
 * Opening waits for nothing; while MongoDB is away, everything rejects as `unavailable` and works again when it returns.
 */

import type { MongoClient } from "mongodb";
import { askingOne } from "./answers.ts";
import { audit } from "./audit.ts";
import { answer } from "./mongo-answers.ts";
import { MongoAuditSource } from "./mongo-audit.ts";
import { readBooks, readLedger } from "./mongo-books.ts";
import { claimPartition, toPartitionState } from "./mongo-claims.ts";
import { isClosed } from "./mongo-closed.ts";
import { closeMonth } from "./mongo-closed-months.ts";
import { createMongoClient } from "./mongo-connection.ts";
import { closeDay } from "./mongo-days.ts";
import { storeError } from "./mongo-errors.ts";
import { closeHours } from "./mongo-hours.ts";
import { MongoIngest } from "./mongo-ingest.ts";
import { dropMonth, dropQuarters, FencedWrites, listMonths, markMonth, readQuartersFrom } from "./mongo-months.ts";
import { readPage } from "./mongo-pages.ts";
import { MongoQueries } from "./mongo-queries.ts";
import { MongoSchema } from "./mongo-schema.ts";
import { TransactionSession } from "./mongo-transaction.ts";
import type { ScanStore } from "./scan-store.ts";

export interface MongoStoreOptions {
	/** An address, whose client the store makes and closes, or a client that its maker closes. */
	readonly url?: string;
	readonly client?: MongoClient;
	/** @defaultValue the one that the address names */
	readonly database?: string;
}

/** Opens the store without waiting for MongoDB; collections and indexes are made with the first operation. */
export async function openMongoStore(options: MongoStoreOptions): Promise<ScanStore> {
	const { url, database } = options;
	const client = options.client ?? createMongoClient({ url: url ?? "" });
	const schema = new MongoSchema(client.db(database));
	const writing = new TransactionSession(client);
	const closing = new TransactionSession(client);
	const fenced = new FencedWrites(schema, client, closing);
	const ingest = new MongoIngest(schema, writing);
	const queries = new MongoQueries(schema);

	/** An operation on a store that is made, with the failures that callers know. */
	async function prepared<T>(operation: () => Promise<T>): Promise<T> {
		try {
			await schema.prepare();
			return await operation();
		} catch (error) {
			throw storeError(error);
		}
	}

	const ask: ScanStore["answer"] = (selection, questions) => prepared(() => answer(schema, selection, questions));

	return {
		epoch: () =>
			prepared(async () => {
				const meta = await schema.meta.findOne({ _id: "epoch" });
				if (!meta || !("epoch" in meta)) throw new Error("The store has lost its epoch");
				return meta.epoch;
			}),
		renewEpoch: () =>
			prepared(async () => {
				const epoch = crypto.randomUUID();
				await schema.meta.updateOne({ _id: "epoch" }, { $set: { epoch } }, { upsert: true });
				return epoch;
			}),
		partitions: () =>
			prepared(async () => {
				const documents = await schema.partitions
					.find({ _id: { $gte: 0 } })
					.sort({ _id: 1 })
					.toArray();
				return documents.map(toPartitionState);
			}),
		claim: (partition, owner) =>
			prepared(async () => {
				const document = await claimPartition(schema, client, partition, owner, writing.id);
				ingest.follow(document.committed);
				return toPartitionState(document);
			}),
		ingest: (parts) => prepared(() => ingest.ingest(parts)),
		rehearse: (parts) => prepared(() => ingest.rehearse(parts)),
		answer: ask,
		...askingOne(ask),
		minutes: (selection) => prepared(() => queries.minutes(selection)),
		live: (selection, activeFrom) => prepared(() => queries.live(selection, activeFrom)),
		state: (query) => prepared(() => queries.state(query)),
		recent: (query) => prepared(() => queries.recent(query)),
		scans: (selection, after, limit) => prepared(() => readPage(schema, selection, after, limit)),
		ledger: (query) => prepared(() => readLedger(schema, query)),
		books: (query) => prepared(() => readBooks(schema, query)),
		organisations: () => prepared(() => queries.organisations()),
		isClosed: (what) => prepared(() => isClosed(schema, what)),
		closeDay: (day) => prepared(() => closeDay(schema, client, fenced, day)),
		closeMonth: (month) => prepared(() => closeMonth(schema, client, fenced, month)),
		closeHours: (hours) => prepared(() => closeHours(schema, client, fenced, hours)),
		quartersFrom: () => prepared(() => readQuartersFrom(schema)),
		audit: ({ organisation, month }) =>
			prepared(() => audit(new MongoAuditSource(schema, client, organisation), organisation, month)),
		months: () => prepared(() => listMonths(schema)),
		markMonth: (month, state, lease) => prepared(() => markMonth(schema, fenced, month, state, lease)),
		dropMonth: (month, lease) => prepared(() => dropMonth(schema, fenced, month, lease)),
		dropQuarters: (before, lease) =>
			prepared(async () => {
				const organisations = (await queries.organisations()).map(({ organisation }) => organisation);
				return dropQuarters(schema, fenced, organisations, before, lease);
			}),
		ping: () => prepared(async () => void (await schema.db.command({ ping: 1 }))),
		async close() {
			await Promise.all([writing.close(), closing.close()]);
			if (!options.client) await client.close();
		},
	};
}
