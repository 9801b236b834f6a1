/** The scan store in MongoDB, on a real replica set: what every scan store must do. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll } from "vitest";
import { openMongoStore } from "../../platform/store/mongo-store.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import { type RunningServer, startMongo } from "../../scripts/servers/start.ts";
import { scanStoreSuite } from "./scan-store.suite.ts";
import { tamperWithMongo } from "./tamper-mongo.ts";

let dir: string;
let server: RunningServer;
let databases = 0;

beforeAll(async () => {
	dir = await mkdtemp(path.join(tmpdir(), "scanpulse-mongo-store-"));
	server = await startMongo({ dir });
});
afterAll(async () => {
	await server.stop();
	await rm(dir, { recursive: true, force: true });
});

scanStoreSuite("MongoDB", async () => {
	const database = `suite_${++databases}`;
	const opened: ScanStore[] = [];
	return {
		async open() {
			const store = await openMongoStore({ url: server.url, database });
			opened.push(store);
			return store;
		},
		async tamper(kind, by) {
			const client = new MongoClient(server.url);
			await tamperWithMongo(client.db(database), kind, by);
			await client.close();
		},
		async age() {
			const client = new MongoClient(server.url);
			await client
				.db(database)
				.collection("days")
				.updateMany({}, { $unset: { timeZone: 1, capped: 1, codes: 1, seen: 1, packed: 1, columns: 1 } });
			await client
				.db(database)
				.collection("months")
				.updateMany({}, { $unset: { packed: 1, columns: 1 } });
			await client.db(database).collection("columns").deleteMany({});
			await client.close();
		},
		async remove() {
			await Promise.all(opened.map((store) => store.close()));
			const client = new MongoClient(server.url);
			await client.db(database).dropDatabase();
			await client.close();
		},
	};
});
