/** Producers that were quiet for more than a year: no store keeps them for ever, and forgetting them counts nothing twice. */

import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MongoClient } from "mongodb";
import { expect, test } from "vitest";
import { openMongoStore } from "../../platform/store/mongo-store.ts";
import { DAY_MS } from "../../platform/store/quarters.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import { openSqliteStore } from "../../platform/store/sqlite-store.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { realServer } from "../harness/servers.ts";
import { NOON, Producer, scan } from "./scans.ts";
import { Feeder } from "./suite/feeder.ts";
import { selection } from "./suite/with-store.ts";

interface Opened {
	readonly store: ScanStore;
	/** Producers that a partition remembers, in order. */
	known(partition: number): Promise<string[]>;
	/** Makes their last messages as old as that. */
	age(producers: readonly string[], at: number): Promise<void>;
	close(): Promise<void>;
}

async function openMongo(): Promise<Opened> {
	const client = new MongoClient((await realServer("mongo")).url);
	const store = await openMongoStore({ client });
	const producers = client.db().collection<{ producer: string; at: Date }>("producers");
	return {
		store,
		known: async (partition) => (await producers.find({ partition }).toArray()).map(({ producer }) => producer).sort(),
		age: async (names, at) =>
			void (await producers.updateMany({ producer: { $in: [...names] } }, { $set: { at: new Date(at) } })),
		close: async () => {
			await store.close();
			await client.close();
		},
	};
}

async function openSqlite(): Promise<Opened> {
	const file = path.join(await temporaryFolder(), "store.db");
	const store = await openSqliteStore({ file });
	const database = new DatabaseSync(file);
	return {
		store,
		async known(partition) {
			const found = database
				.prepare("SELECT producer FROM producers WHERE partition = ? ORDER BY producer")
				.all(partition);
			return found.map(({ producer }) => String(producer));
		},
		async age(names, at) {
			for (const name of names) database.prepare("UPDATE producers SET at = ? WHERE producer = ?").run(at, name);
		},
		async close() {
			database.close();
			await store.close();
		},
	};
}

test.each([
	["MongoDB", openMongo],
	["SQLite", openSqlite],
])(
	"in %s the next owner forgets them, except the one that the partition stands at; their scans stay counted once",
	async (_, open) => {
		const { store, known, age, close } = await open();
		const quiet = new Producer("quiet");
		const sent = quiet.message([scan(), scan({ ownId: true }), scan({ code: "other" })]);
		const feeder = await Feeder.claim(store, 0, new Producer("last"));
		await feeder.apply([sent, new Producer("busy").message([scan()])]);
		await feeder.feed([scan()]);
		const elsewhere = await Feeder.claim(store, 1, new Producer("quiet"));
		await elsewhere.feed([scan()]);
		await age(["quiet", "last"], Date.now() - 401 * DAY_MS);

		const next = await Feeder.claim(store, 0, feeder.producer);
		expect(await known(0)).toEqual(["busy", "last"]);
		expect(await known(1)).toEqual(["quiet"]);

		// A log that was wound back brings the message again.
		expect(await next.apply([sent])).toMatchObject({ duplicate: 3, missing: 0, stored: 0 });
		expect((await store.counts(selection({ from: NOON - DAY_MS, to: NOON + DAY_MS }))).value.scans).toBe(6);
		await close();
	},
);
