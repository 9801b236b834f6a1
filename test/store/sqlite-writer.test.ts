import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SqliteIngest } from "../../platform/store/sqlite-ingest.ts";
import { SqliteMemory } from "../../platform/store/sqlite-memory.ts";
import { openForWriting } from "../../platform/store/sqlite-schema.ts";
import { openSqliteStore } from "../../platform/store/sqlite-store.ts";
import { SqliteTransactions } from "../../platform/store/sqlite-transaction.ts";
import { NOON, Producer, part, scan } from "./scans.ts";

let folder: string;
let files = 0;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "scanpulse-writer-"));
});
afterAll(() => rm(folder, { recursive: true }));

function newFile(): string {
	return join(folder, `store-${++files}.db`);
}

function storedScans(database: DatabaseSync): number {
	const row = database.prepare("SELECT count(*) AS n FROM scans").get();
	return (row as { n: number }).n;
}

/** A writer of partition 0, which it has claimed. */
function openWriter() {
	const database = openForWriting(newFile());
	database.exec("INSERT INTO partitions (partition, position, owner, claim) VALUES (0, 0, 'owner', 1)");
	return { database, transactions: new SqliteTransactions(database), ingest: new SqliteIngest(database) };
}

test("a full disk refuses a batch whole, and the same batch is applied when there is room", () => {
	const { database, transactions, ingest } = openWriter();
	const scans = Array.from({ length: 500 }, () => scan({ referrer: "x".repeat(100) }));
	const batch = part([new Producer("g1").message(scans)]);
	const apply = () => transactions.run(() => ingest.apply([batch], new SqliteMemory(database), NOON));
	const { page_count: pages } = database.prepare("PRAGMA page_count").get() as { page_count: number };
	database.exec(`PRAGMA max_page_count = ${pages + 3}`);
	expect(apply).toThrow(expect.objectContaining({ type: "unavailable" }));
	expect(storedScans(database)).toBe(0);
	database.exec("PRAGMA max_page_count = 100000");
	apply();
	expect(storedScans(database)).toBe(500);
	database.close();
});

test("after a write that failed for good nothing more is written until the file is opened anew", () => {
	const { database, transactions } = openWriter();
	const write = () => transactions.run(() => database.exec("UPDATE partitions SET owner = 'other'"));
	database.exec("PRAGMA query_only = ON");
	expect(write).toThrow(expect.objectContaining({ type: "unavailable" }));
	database.exec("PRAGMA query_only = OFF");
	expect(write).toThrow(expect.objectContaining({ type: "unavailable" }));
	expect(() => transactions.assertUsable()).toThrow(/opened anew/);
	database.close();
});

test("an error that is not the file's takes its transaction back and harms no other", () => {
	const { database, transactions } = openWriter();
	const fail = () =>
		transactions.run(() => {
			database.exec("UPDATE partitions SET owner = 'other'");
			throw new Error("odd");
		});
	expect(fail).toThrow("odd");
	transactions.run(() => undefined);
	expect(database.prepare("SELECT owner FROM partitions").get()).toMatchObject({ owner: "owner" });
	database.close();
});

test("caps stay exact when the memory of buckets is too small to remember any", () => {
	const { database, transactions, ingest } = openWriter();
	const memory = new SqliteMemory(database, { keptValues: 1 });
	const producer = new Producer("g1");
	for (let batch = 0; batch < 8; batch++) {
		const cities = Array.from({ length: 50 }, (_, n) =>
			scan({ city: `city-${batch * 50 + n}`, code: `code-${n % 2}` }),
		);
		const place = { from: batch };
		transactions.run(() => ingest.apply([part([producer.message(cities)], place)], memory, NOON));
	}
	const values = database.prepare(
		`SELECT count(*) AS kept, sum(scans) AS scans FROM quarter_values JOIN subjects ON id = subject
		WHERE code = '' AND dimension = 2`,
	);
	expect(values.get()).toMatchObject({ kept: 301, scans: 400 });
	database.close();
});

test("a checkpoint moves what was written to the file", () => {
	const { database, transactions } = openWriter();
	const fill = database.prepare("INSERT INTO dead_letters VALUES (NULL, 0, 0, '', zeroblob(65536), 0)");
	transactions.run(() => {
		for (let row = 0; row < 600; row++) fill.run();
	});
	transactions.checkpointWhenDue();
	const row = database.prepare("PRAGMA wal_checkpoint(NOOP)").get() as { log: number; checkpointed: number };
	expect(row.log).toBeGreaterThan(8192);
	expect(row.checkpointed).toBe(row.log);
	database.close();
});

test("the write-ahead log that grew while somebody read for long shrinks when it begins anew", () => {
	const { database, transactions } = openWriter();
	const file = (database.prepare("PRAGMA database_list").get() as { file: string }).file;
	const reader = new DatabaseSync(file, { readOnly: true });
	reader.exec("BEGIN");
	reader.prepare("SELECT count(*) FROM partitions").get();
	const fill = database.prepare("INSERT INTO dead_letters VALUES (NULL, 0, 0, '', zeroblob(65536), 0)");
	for (let commit = 0; commit < 12; commit++) {
		transactions.run(() => {
			for (let row = 0; row < 100; row++) fill.run();
		});
		transactions.checkpointWhenDue();
	}
	expect(statSync(`${file}-wal`).size).toBeGreaterThan(72 * 2 ** 20);
	reader.close();
	transactions.checkpointWhenDue();
	transactions.run(() => void fill.run());
	expect(statSync(`${file}-wal`).size).toBeLessThanOrEqual(64 * 2 ** 20);
	database.close();
});

test("a file of a newer release is refused", async () => {
	const file = newFile();
	const database = new DatabaseSync(file);
	database.exec("PRAGMA user_version = 99");
	database.close();
	await expect(openSqliteStore({ file })).rejects.toThrow(/has format 99, this release knows \d+/);
});

test("a closed store refuses questions and closes once more without an error", async () => {
	const store = await openSqliteStore({ file: newFile(), readers: 2 });
	await Promise.all([store.ping(), store.epoch(), store.partitions()]);
	await Promise.all([store.close(), store.close()]);
	await expect(store.partitions()).rejects.toMatchObject({ type: "unavailable" });
});
