/** Producers that were quiet for more than a year: MongoDB does not keep them for ever, and forgetting them counts nothing twice. */

import { MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openMongoStore } from "../../platform/store/mongo-store.ts";
import { DAY_MS } from "../../platform/store/quarters.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import { realServer } from "../harness/servers.ts";
import { NOON, Producer, scan } from "./scans.ts";
import { Feeder } from "./suite/feeder.ts";
import { selection } from "./suite/with-store.ts";

interface ProducerDocument {
	readonly _id: string;
	readonly partition: number;
	readonly producer: string;
	readonly at: Date;
}

let client: MongoClient;
let store: ScanStore;

beforeAll(async () => {
	client = new MongoClient((await realServer("mongo")).url);
	store = await openMongoStore({ client });
});
afterAll(async () => {
	await store.close();
	await client.close();
});

test("the next owner forgets them, except the one that the partition stands at, and their scans stay counted once", async () => {
	const producers = client.db().collection<ProducerDocument>("producers");
	const known = async () => (await producers.find({ partition: 0 }).toArray()).map(({ producer }) => producer).sort();
	const quiet = new Producer("quiet");
	const sent = quiet.message([scan(), scan({ ownId: true }), scan({ code: "other" })]);
	const feeder = await Feeder.claim(store, 0, new Producer("last"));
	await feeder.apply([sent, new Producer("busy").message([scan()])]);
	await feeder.feed([scan()]);
	const elsewhere = await Feeder.claim(store, 1, new Producer("quiet"));
	await elsewhere.feed([scan()]);
	const old = { $set: { at: new Date(Date.now() - 401 * DAY_MS) } };
	await producers.updateMany({ producer: { $in: ["quiet", "last"] } }, old);

	const next = await Feeder.claim(store, 0, feeder.producer);
	expect(await known()).toEqual(["busy", "last"]);
	expect(await producers.countDocuments({ partition: 1 })).toBe(1);

	// A log that was wound back brings the message again.
	expect(await next.apply([sent])).toMatchObject({ duplicate: 3, missing: 0, stored: 0 });
	expect((await store.counts(selection({ from: NOON - DAY_MS, to: NOON + DAY_MS }))).value.scans).toBe(6);
});
