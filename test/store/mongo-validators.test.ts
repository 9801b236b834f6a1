/**
 * What MongoDB itself refuses: documents of another shape than the product writes, in every collection of the store, the
 * records and the entities, also in collections that were there before.
 */

import { ServiceBroker } from "moleculer";
import { type Db, type Document, MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { db as entityStores } from "../../mixins/db.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import { readConfig } from "../../platform/config.ts";
import { openMongoRecords } from "../../platform/records/mongo-records.ts";
import { makeCollections } from "../../platform/store/mongo-collections.ts";
import { openMongoStore } from "../../platform/store/mongo-store.ts";
import type { RunningServer } from "../../scripts/servers/start.ts";
import { ACCOUNT_COLLECTIONS } from "../../services/accounts/collections.ts";
import { CODE_COLLECTIONS } from "../../services/codes/collections.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { until } from "../harness/product.ts";
import { realServer } from "../harness/servers.ts";

const REFUSED = { code: 121 };
/** A value that is right, by the type that a validator asks for. */
const RIGHT: Readonly<Record<string, unknown>> = {
	string: "text",
	number: 1,
	bool: true,
	date: new Date(),
	binData: Buffer.from("x"),
};
/** One that no field of a document may be. */
const WRONG = /^wrong$/;

/** Documents as nobody should write them. */
interface Loose {
	_id: unknown;
	[field: string]: unknown;
}

let mongo: RunningServer;
let client: MongoClient;

beforeAll(async () => {
	mongo = await realServer("mongo");
	client = new MongoClient(mongo.url);
});
afterAll(() => client.close());

async function openAll(database: string): Promise<{ db: Db; close(): Promise<void> }> {
	const url = mongo.url.replace("/scanpulse?", `/${database}?`);
	const store = await openMongoStore({ url });
	const records = await openMongoRecords({ url });
	const config = readConfig({ DATA_DIR: await temporaryFolder(), MONGO_URL: url, LOG_LEVEL: "fatal" });
	const broker = new ServiceBroker(brokerOptions(config));
	const collections = [...CODE_COLLECTIONS, ...ACCOUNT_COLLECTIONS];
	const entities = entityStores(config, collections);
	broker.createService({ name: "entities", mixins: [entities.mixin] });
	await broker.start();
	await Promise.all([
		store.ping(),
		records.ping(),
		...collections.map(({ collection }) =>
			until(
				() =>
					entities
						.of(collection)
						.count({})
						.then(() => true),
				{ what: collection },
			),
		),
	]);
	return {
		db: client.db(database),
		async close() {
			await Promise.all([store.close(), records.close(), broker.stop()]);
		},
	};
}

const schemaOf = (collection: Document): Document => collection.options?.validator?.$jsonSchema;

/** A value that a schema takes. */
function rightFor(schema: Document): unknown {
	if (schema.enum) return schema.enum[0];
	if (schema.bsonType === "array") return schema.items ? [rightFor(schema.items)] : [];
	if (schema.bsonType === "object") {
		const fields = Object.entries<Document>(schema.properties ?? {});
		return Object.fromEntries(fields.map(([name, field]) => [name, rightFor(field)]));
	}
	return RIGHT[schema.bsonType];
}

test("every collection takes what is right and refuses each field that is of a wrong type or missing", async () => {
	const { db, close } = await openAll("validators");
	const collections = await db.listCollections().toArray();
	expect(collections.length).toBeGreaterThan(25);
	for (const collection of collections) {
		const { name } = collection;
		expect(collection, name).toMatchObject({ options: { validationLevel: "strict", validationAction: "error" } });
		const schema = schemaOf(collection);
		expect(schema.required, name).not.toEqual([]);
		const documents = db.collection<Loose>(name);
		await documents.deleteMany({});
		const right: Loose = { _id: `${name} right`, ...(rightFor(schema) as Document) };
		const { insertedId } = await documents.insertOne(right);
		const tried = (document: Loose, field: string) =>
			expect(documents.replaceOne({ _id: insertedId }, document), `${name}.${field}`).rejects.toMatchObject(REFUSED);
		for (const field of Object.keys(schema.properties)) {
			// An id cannot be changed; a new document with a wrong one is refused.
			if (field === "_id") {
				await expect(documents.insertOne({ ...right, _id: true }), `${name}._id`).rejects.toMatchObject(REFUSED);
				continue;
			}
			await tried({ ...right, [field]: WRONG }, field);
			await expect(documents.updateOne({ _id: insertedId }, { $set: { [field]: WRONG } })).rejects.toMatchObject(
				REFUSED,
			);
			const { [field]: _, ...without } = right;
			if (schema.required.includes(field)) await tried(without as Loose, `without ${field}`);
			else expect((await documents.replaceOne({ _id: insertedId }, without)).matchedCount).toBe(1);
		}
	}
	await close();
});

test("collections that were there without validators have them after several processes start at once", async () => {
	const db = client.db("upgraded");
	for (const name of ["quarters", "scans_202603", "codes", "leases", "sessions"]) await db.createCollection(name);
	await db.collection<Loose>("meta").insertOne({ _id: "months", months: ["202603"] });
	await db.collection<Loose>("quarters").insertOne({ _id: "kept", organisation: 5 });

	const opened = await Promise.all(Array.from({ length: 4 }, () => openAll("upgraded")));
	for (const collection of await db.listCollections().toArray())
		expect(schemaOf(collection), collection.name).toBeDefined();
	await expect(db.collection("scans_202603").insertOne({ organisation: "acme" })).rejects.toMatchObject(REFUSED);
	expect(await db.collection("quarters").countDocuments()).toBe(1);
	await Promise.all(opened.map(({ close }) => close()));
});

test("a process of an older version leaves a newer validator as it is", async () => {
	const db = client.db("versions");
	const plan = (version: number, type: "string" | "number") => ({
		things: { version, document: { required: { size: type } } },
	});
	const takes = (size: unknown) => db.collection<Loose>("things").insertOne({ _id: size, size });
	await makeCollections(db, plan(1, "string"));
	await takes("large");
	await makeCollections(db, plan(2, "number"));
	await expect(takes("large")).rejects.toMatchObject(REFUSED);
	await makeCollections(db, plan(1, "string"));
	await takes(5);
	await expect(takes("large")).rejects.toMatchObject(REFUSED);
});
