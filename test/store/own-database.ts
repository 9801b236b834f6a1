/** Gives each test of a file a MongoDB database of its own: a store, who feeds it, and who closes its days. */

import { type Db, MongoClient } from "mongodb";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { openMongoStore } from "../../platform/store/mongo-store.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import { realServer } from "../harness/servers.ts";
import { Closing } from "./suite/closing.ts";
import { Feeder } from "./suite/feeder.ts";

export interface OwnDatabase {
	/** Of the server, for those who open another store of the database. */
	readonly url: string;
	readonly db: Db;
	readonly store: ScanStore;
	readonly feeder: Feeder;
	readonly closing: Closing;
}

/** @param name begins the names of the databases @param take is given what the next test works with */
export function eachInOwnDatabase(name: string, take: (own: OwnDatabase) => void): void {
	let url: string;
	let client: MongoClient;
	let databases = 0;
	beforeAll(async () => {
		url = (await realServer("mongo")).url;
		client = new MongoClient(url);
	});
	afterAll(() => client.close());
	beforeEach(async () => {
		const database = `${name}_${++databases}`;
		const store = await openMongoStore({ client, database });
		take({ url, db: client.db(database), store, feeder: await Feeder.claim(store), closing: new Closing(store) });
		return () => store.close();
	});
}
