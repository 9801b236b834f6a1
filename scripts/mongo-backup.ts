/*
 * Writes everything that MongoDB holds of the product into one file, as it was at one moment, while the product runs
 * (the Job backup in k8s/). The moment is that of its first reading: the servers must keep what was then for as long as
 * this takes (`minSnapshotHistoryWindowInSeconds`), else it fails and leaves no file.
 */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import path from "node:path";
import { finished } from "node:stream/promises";
import { parseArgs } from "node:util";
import { createGzip } from "node:zlib";
import { BSON, type CollectionInfo, MongoClient } from "mongodb";
import { BACKUP_VERSION, backupName, END_OF_SECTION, mongoUrl, NOT_BACKED_UP } from "./mongo-backup/file.ts";

const { values } = parseArgs({ options: { folder: { type: "string" } } });
if (values.folder === undefined) throw new Error("--folder is missing: expected where the file of the backup goes");
const file = path.join(values.folder, backupName(new Date()));
const part = `${file}.part`;

async function writeBackup(client: MongoClient, write: (bytes: Uint8Array) => Promise<void>): Promise<number> {
	const db = client.db();
	const session = client.startSession({ snapshot: true });
	try {
		const collections = await db.listCollections<CollectionInfo>({ type: "collection" }).toArray();
		await write(BSON.serialize({ scanpulseBackup: BACKUP_VERSION, database: db.databaseName, at: new Date() }));
		let documents = 0;
		for (const { name, options } of collections.filter((one) => !NOT_BACKED_UP.includes(one.name))) {
			const collection = db.collection(name);
			const indexes = (await collection.indexes()).filter((index) => index.name !== "_id_");
			await write(BSON.serialize({ collection: name, options, indexes }));
			for await (const document of collection.find({}, { session, raw: true })) {
				await write(document as unknown as Uint8Array);
				documents++;
			}
			await write(END_OF_SECTION);
		}
		await write(BSON.serialize({ end: true, documents }));
		return documents;
	} finally {
		await session.endSession();
	}
}

const client = new MongoClient(mongoUrl(), { readConcern: { level: "majority" } });
try {
	const gzip = createGzip();
	const out = gzip.pipe(createWriteStream(part));
	const failed = Promise.race([once(gzip, "error"), once(out, "error")]).then(([error]) => Promise.reject(error));
	failed.catch(() => undefined);
	const documents = await writeBackup(client, async (bytes) => {
		if (!gzip.write(bytes)) await Promise.race([once(gzip, "drain"), failed]);
	});
	gzip.end();
	await finished(out);
	const handle = await open(part, "r");
	await handle.sync();
	await handle.close();
	await rename(part, file);
	console.log(`${file}: ${documents} documents`);
} catch (error) {
	await rm(part, { force: true });
	throw error;
} finally {
	await client.close();
}
