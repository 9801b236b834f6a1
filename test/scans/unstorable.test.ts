/**
 * A scan that the store refuses for a lasting reason, in the middle of good ones: it alone becomes a dead letter, with
 * the reason, and everything around it is counted.
 */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MongoClient } from "mongodb";
import { expect, test } from "vitest";
import { readConfig } from "../../platform/config.ts";
import { encodeMessage } from "../../platform/log/message.ts";
import { openEventLog } from "../../platform/log/open.ts";
import { openScanStore } from "../../platform/store/open.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { realServer } from "../harness/servers.ts";
import { Producer, scan } from "../store/scans.ts";
import { selection } from "../store/suite/with-store.ts";
import { startCounting } from "./counting.ts";

interface DeadLetterKept {
	readonly partition: number;
	readonly position: number;
	readonly reason: string;
	readonly scan: { readonly id: string };
}

/** A store that refuses scans of the slug `poison`, whatever the product thinks of them. */
interface PickyStore {
	readonly env: Readonly<Record<string, string>>;
	deadLetters(): Promise<DeadLetterKept[]>;
}

const scanOf = (data: Uint8Array) => JSON.parse(Buffer.from(data).toString());

async function pickySqlite(): Promise<PickyStore> {
	const env = { DATA_DIR: await temporaryFolder() };
	await (await openScanStore(readConfig(env))).close();
	const file = join(env.DATA_DIR, "store.db");
	const database = new DatabaseSync(file);
	database.exec(`CREATE TRIGGER picky BEFORE INSERT ON scans WHEN new.slug = 'poison'
		BEGIN SELECT RAISE(ABORT, 'it is poison'); END`);
	database.close();
	return {
		env,
		async deadLetters() {
			const reader = new DatabaseSync(file, { readOnly: true });
			const rows = reader.prepare("SELECT partition, position, reason, data FROM dead_letters").all();
			reader.close();
			return rows.map((row) => ({ ...row, scan: scanOf(row.data as Uint8Array) }) as unknown as DeadLetterKept);
		},
	};
}

async function pickyMongo(): Promise<PickyStore> {
	const { url } = await realServer("mongo");
	const client = new MongoClient(url);
	atEndOfFile(() => client.close());
	// The version of a release to come, so that this one leaves the validator alone.
	const $jsonSchema = { title: "9999", not: { properties: { slug: { enum: ["poison"] } } } };
	await client.db().createCollection("scans_202603", { validator: { $jsonSchema } });
	return {
		env: { MONGO_URL: url },
		async deadLetters() {
			const letters = await client.db().collection("dead_letters").find().toArray();
			return letters.map((letter) => ({ ...letter, scan: scanOf(letter.data.buffer) }) as unknown as DeadLetterKept);
		},
	};
}

test.each([
	["SQLite", pickySqlite, "it is poison"],
	["MongoDB", pickyMongo, "Document failed validation"],
])("%s: of a batch with a scan that cannot be stored, that scan alone is dropped", async (_, newStore, reason) => {
	const { env, deadLetters } = await newStore();
	const log = await openEventLog(readConfig({ DATA_DIR: await temporaryFolder(), PARTITIONS: "2" }));
	atEndOfFile(() => log.close());
	// All of it is in the log before counting begins, so that it comes in one batch of two partitions.
	const gateways = [new Producer("gateway-0"), new Producer("gateway-1")];
	const poison = scan({ id: "poison", slug: "poison" });
	let position = 0;
	for (let message = 0; message < 9; message++) {
		for (const [partition, gateway] of gateways.entries()) {
			const scans = [scan(), scan({ visitor: `${message}` }), scan(), scan({ code: "flyer" })];
			const isPoisoned = message === 4 && partition === 1;
			const data = encodeMessage(gateway.message(isPoisoned ? scans.with(2, poison) : scans));
			const at = await log.append(partition, data);
			if (isPoisoned) position = at;
		}
	}
	for (const [partition, gateway] of gateways.entries())
		await log.append(partition, encodeMessage(gateway.message([scan({ id: `last of ${partition}` })])));

	const { counted, store } = await startCounting(log, env);
	await Promise.all([counted("last of 0"), counted("last of 1")]);

	expect(await deadLetters()).toMatchObject([
		{ partition: 1, position, reason: expect.stringContaining(reason), scan: { id: "poison" } },
	]);
	const { dropped, ...ledger } = await store.ledger({ organisation: "acme" });
	expect(ledger).toEqual({ accepted: 74, stored: 73, duplicate: 0, missing: 0 });
	expect(Object.entries(dropped)).toEqual([[expect.stringContaining(reason), 1]]);
	expect((await store.counts(selection())).value).toEqual({ scans: 73, visitors: 9, bots: 0 });
	expect(await store.audit({ organisation: "acme" })).toMatchObject({ clean: true, scans: 73 });
});
