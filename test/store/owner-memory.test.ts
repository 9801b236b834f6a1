import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noneKept } from "../../platform/store/bucket.ts";
import { PartitionMemory } from "../../platform/store/mongo-lookups.ts";
import { RememberedProducers } from "../../platform/store/remembered-producers.ts";
import { SqliteIngest } from "../../platform/store/sqlite-ingest.ts";
import { SqliteMemory } from "../../platform/store/sqlite-memory.ts";
import { openForWriting } from "../../platform/store/sqlite-schema.ts";
import { SqliteTransactions } from "../../platform/store/sqlite-transaction.ts";
import { NOON, Producer, part, scan } from "./scans.ts";

let folder: string;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "scanpulse-memory-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** How many of `names` something remembers. */
function remembered<T>(names: readonly string[], find: (name: string) => T | undefined): number {
	return names.filter((name) => find(name) !== undefined).length;
}

test("producers are remembered up to a bound, whose totals count too, and those used last stay", () => {
	const producers = new RememberedProducers(100);
	const names = Array.from({ length: 1_000 }, (_, n) => `gateway-${n}`);
	for (const name of names) {
		producers.set(name, { number: 1, totals: { acme: 1, other: 2, third: 3 }, at: NOON });
		producers.set("gateway-0", { number: 2, totals: { acme: 1 }, at: NOON });
		producers.shrink();
	}
	expect(remembered(names, (name) => producers.get(name))).toBeLessThanOrEqual(26);
	expect(producers.get("gateway-0")).toMatchObject({ number: 2 });
	expect(producers.get("gateway-999")).toMatchObject({ number: 1 });
});

test("what many organisations make one producer remember is forgotten when others speak", () => {
	const producers = new RememberedProducers(100);
	const totals = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`organisation-${n}`, n]));
	producers.set("large", { number: 1, totals, at: NOON });
	producers.set("small", { number: 1, totals: {}, at: NOON });
	producers.shrink();
	expect(producers.get("large")).toBeUndefined();
	expect(producers.get("small")).toBeDefined();
});

test("the owner of a partition in MongoDB remembers values up to a bound, however they lie in buckets", () => {
	const memory = new PartitionMemory(1, 10_000);
	const ids = Array.from({ length: 500 }, (_, n) => `bucket-${n}`);
	for (const id of ids) {
		const kept = noneKept();
		memory.keep(id, kept);
		for (let city = 0; city < 200; city++) kept[0]?.add(`city-${city}`);
		memory.shrink();
	}
	expect(remembered(ids, (id) => memory.bucket(id))).toBeLessThanOrEqual(50);
	expect(memory.bucket("bucket-499")?.[0]?.size).toBe(200);
	for (let city = 0; city < 20_000; city++) memory.bucket("bucket-499")?.[1]?.add(`city-${city}`);
	memory.shrink();
	expect(remembered(ids, (id) => memory.bucket(id))).toBe(0);
});

test("counts, totals and first visits are the same when the embedded store's owner can remember nothing", () => {
	const forgetful = count("forgetful", 1);
	const mindful = count("mindful", undefined);
	expect(forgetful).toEqual(mindful);
	expect(forgetful.totals).toHaveLength(41);
	expect(forgetful.missing).toBe(0);
});

/** Counts scans of forty codes by twenty producers, and tells what was stored. @param bound of each kind of memory */
function count(name: string, bound: number | undefined) {
	const database = openForWriting(join(folder, `${name}.db`));
	database.exec("INSERT INTO partitions (partition, position, owner, claim) VALUES (0, 0, 'owner', 1)");
	const transactions = new SqliteTransactions(database);
	const ingest = new SqliteIngest(database);
	const bounds = { keptValues: bound, subjects: bound, producers: bound };
	const memory = new SqliteMemory(database, bounds);
	const producers = Array.from({ length: 20 }, (_, n) => new Producer(`gateway-${n}`));
	for (let batch = 0; batch < 60; batch++) {
		const scans = Array.from({ length: 40 }, (_, n) =>
			scan({ id: `${batch}-${n}`, code: `code-${n}`, visitor: `v-${batch % 7}`, city: `city-${n % 5}` }),
		);
		const message = producers[batch % 20]?.message(scans);
		if (!message) throw new Error("There is no such producer");
		transactions.run(() => ingest.apply([part([message], { from: batch })], memory, NOON));
	}
	const all = (sql: string) =>
		database
			.prepare(sql)
			.all()
			.map((row) => ({ ...row }));
	const [books] = all("SELECT missing FROM ledger");
	const totals = all(
		"SELECT organisation, code, scans, visitors FROM totals JOIN subjects ON id = subject ORDER BY code",
	);
	const values = all("SELECT count(*) AS n, sum(scans) AS scans FROM quarter_values");
	database.close();
	return { missing: books?.missing, totals, values };
}
