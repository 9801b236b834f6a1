/*
 * Puts a backup back into MongoDB in place of what is there, and lets the store's positions begin anew, so that no screen
 * and no cache goes on from numbers of before (the Job restore in k8s/). Only while nothing but gateways, realtime and
 * cache runs; a file that is not whole changes nothing.
 */
import { readdir } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { BSON, type Collection, type IndexDescription, MongoClient } from "mongodb";
import { readConfig } from "../platform/config.ts";
import { openScanStore } from "../platform/store/open.ts";
import { isBackup, mongoUrl, NOT_BACKED_UP, readBackup } from "./mongo-backup/file.ts";

const BATCH_DOCUMENTS = 1_000;
const BATCH_BYTES = 8 * 1024 * 1024;
/** A process that works in the store says so each second; one that was silent for so long has stopped, ms. */
const ALIVE_MS = 10_000;

const { values } = parseArgs({
	options: { folder: { type: "string" }, file: { type: "string", default: "newest" } },
});
if (values.folder === undefined) throw new Error("--folder is missing: expected where the backups are");

async function choose(folder: string, wanted: string): Promise<string> {
	if (wanted !== "newest") return path.join(folder, wanted);
	const newest = (await readdir(folder)).filter(isBackup).sort().at(-1);
	if (newest === undefined) throw new Error(`${folder} holds no backup`);
	return path.join(folder, newest);
}

/** @throws when a process that counts is at work. */
async function refuseWhileCounting(client: MongoClient): Promise<void> {
	const { localTime } = await client.db().command({ hello: 1 });
	const since = new Date((localTime as Date).getTime() - ALIVE_MS);
	const alive = await client
		.db()
		.collection<{ _id: string }>("nodes")
		.findOne({ seenAt: { $gt: since } });
	if (alive) throw new Error(`${alive._id} works in the store: stop codes, scans, analytics, cron and accounts first`);
}

async function restore(client: MongoClient, file: string): Promise<number> {
	const db = client.db();
	let collection: Collection | undefined;
	let indexes: IndexDescription[] = [];
	let batch: Uint8Array[] = [];
	let bytes = 0;
	const flush = async () => {
		if (!collection || batch.length === 0) return;
		// Kept as they are: validators may be of another release than the documents.
		const options = { ordered: false, bypassDocumentValidation: true };
		await collection.insertMany(
			batch.map((one) => BSON.deserialize(one, { promoteValues: false })),
			options,
		);
		batch = [];
		bytes = 0;
	};
	for (const { name } of await db.listCollections({ type: "collection" }, { nameOnly: true }).toArray())
		if (!NOT_BACKED_UP.includes(name)) await db.collection(name).drop();
	return readBackup(file, {
		async section({ collection: name, options, indexes: wanted }) {
			collection = await db.createCollection(name, options);
			indexes = wanted.map(({ v: _, ...index }) => index as unknown as IndexDescription);
		},
		async document(document) {
			batch.push(Uint8Array.from(document));
			bytes += document.length;
			if (batch.length >= BATCH_DOCUMENTS || bytes >= BATCH_BYTES) await flush();
		},
		async sectionEnd() {
			await flush();
			if (indexes.length > 0) await collection?.createIndexes(indexes);
		},
	});
}

const file = await choose(values.folder, values.file);
console.log(`${file} holds ${await readBackup(file, {})} documents`);
const client = new MongoClient(mongoUrl(), { writeConcern: { w: "majority", journal: true } });
try {
	await refuseWhileCounting(client);
	await restore(client, file);
} finally {
	await client.close();
}
const store = await openScanStore(readConfig(process.env));
try {
	console.log(`restored; the store's epoch is now ${await store.renewEpoch()}`);
} finally {
	await store.close();
}
