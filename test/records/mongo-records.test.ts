/* The records in a real MongoDB, opened by two clients as two processes do. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openMongoRecords } from "../../platform/records/mongo-records.ts";
import type { Records } from "../../platform/records/records.ts";
import { startProcess } from "../../scripts/servers/process.ts";
import { type RunningServer, startMongo } from "../../scripts/servers/start.ts";
import { until } from "../../scripts/servers/until.ts";
import { describeRecords } from "./records.suite.ts";

let dir: string;
let mongo: RunningServer;
let client: MongoClient;
let databases = 0;

beforeAll(async () => {
	dir = await mkdtemp(path.join(tmpdir(), "scanpulse-mongo-records-"));
	mongo = await startMongo({ dir: path.join(dir, "db") });
	client = new MongoClient(mongo.url);
});
afterAll(async () => {
	await client.close();
	await mongo.stop();
	await rm(dir, { recursive: true, force: true });
});

function newDatabase() {
	const name = `records${++databases}`;
	return { name, url: mongo.url.replace("/scanpulse?", `/${name}?`) };
}

describeRecords("MongoDB", async () => {
	const { name, url } = newDatabase();
	const salts = client.db(name).collection<{ _id: string; salt: string; expiresAt: Date }>("salts");
	return {
		open: () => openMongoRecords({ url }),
		plantSalt: async (day, salt) => {
			await salts.insertOne({ _id: day, salt, expiresAt: new Date(Date.parse(day) + 72 * 3_600_000) });
		},
		holds: async (text) => (await salts.countDocuments({ salt: text })) > 0,
	};
});

test("what expires does so by indexes of the store", async () => {
	const { name, url } = newDatabase();
	const records = await openMongoRecords({ url });
	const expiring = [];
	for (const { name: collection } of await client.db(name).listCollections().toArray())
		for (const index of await client.db(name).collection(collection).indexes())
			if (index.expireAfterSeconds !== undefined) expiring.push(`${collection}.${Object.keys(index.key)}`);
	expect(expiring.sort()).toEqual(["jobs.endedAt", "nodes.seenAt", "salts.expiresAt", "tokens.expiresAt"]);
	await records.close();
});

test("no record is looked for in a whole collection", async () => {
	const { name, url } = newDatabase();
	const records = await openMongoRecords({ url });
	const refuse = (notablescan: boolean) => client.db("admin").command({ setParameter: 1, notablescan });
	await refuse(true);
	try {
		await expect(client.db(name).collection("jobs").findOne({ attempt: 1 })).rejects.toThrow(/notablescan/);
		const lease = await records.acquire("clock", "one", 60_000);
		if (!lease) throw new Error("The lease is somebody's");
		await records.heartbeat("scans", "node-1", 60_000);
		await records.leave("scans", "node-1");
		const run = { id: "r1", job: "generate_reports" as const, key: "generate_reports@2026-01-01T00:00" };
		expect(await records.queueRun(run)).toBe("r1");
		expect(await records.queueRun({ ...run, id: "r2" })).toBe("r1");
		await records.queueRun({ id: "r3", job: "audit" });
		expect(await records.nextRun()).toMatchObject({ id: "r1" });
		await records.changeRun("r1", { status: "running", attempt: 1 }, lease);
		expect(await records.runningRuns()).toHaveLength(1);
		expect(await records.runs("generate_reports", 1, 20)).toMatchObject({ total: 1 });
		const of = { organisation: "default", report: "weekly" };
		expect(await records.reportPeriods(of.organisation, of.report)).toEqual([]);
		expect(await records.reportRuns(of, 1, 20)).toMatchObject({ total: 0 });
		expect(await records.reportFile({ ...of, id: "2026-W01", format: "csv" })).toBeNull();
		expect(await records.reportFilesBeyond(of.organisation, of.report, 60)).toEqual([]);
		await records.dropReports(of.organisation, of.report);
		expect(await records.salts([new Date().toISOString().slice(0, 10)])).toHaveLength(1);
		await records.putToken("hash", Date.now() + 60_000);
		expect(await records.takeToken("hash")).toBe(true);
		expect(await records.claimOnce("first-start")).toBe(true);
		await records.release(lease);
	} finally {
		await refuse(false);
		await records.close();
	}
});

test("a holder that was killed in the middle of a change does not keep its lease", async () => {
	const { name, url } = newDatabase();
	const records: Records = await openMongoRecords({ url });
	const load = (module: string) => JSON.stringify(new URL(`../../platform/${module}`, import.meta.url).href);
	// It leaves its transaction open after having written the lease, as changeRun does.
	const script = `
		import { createMongoClient } from ${load("store/mongo-connection.ts")};
		import { TransactionSession } from ${load("store/mongo-transaction.ts")};
		import { acquireLease } from ${load("records/mongo-leases.ts")};
		const client = createMongoClient({ url: ${JSON.stringify(url)} });
		const leases = client.db().collection("leases");
		const transactions = new TransactionSession(client);
		const lease = await acquireLease(client, leases, transactions.id, { name: "clock", holder: "dead", ttlMs: 300 });
		await transactions.run(async (session) => {
			await leases.updateOne({ _id: "clock", fence: lease.fence }, { $inc: { writes: 1 } }, { session });
			console.log("open");
			await new Promise((resolve) => setTimeout(resolve, 600_000));
		});`;
	const child = startProcess({ command: process.execPath, args: ["--input-type=module", "-e", script] });
	await new Promise<void>((resolve, reject) => {
		child.onLine(() => resolve());
		void child.exited.then(() => reject(new Error(child.output())));
	});
	await child.kill("SIGKILL");
	const begun = performance.now();
	const attempt = () => records.acquire("clock", "next", 60_000);
	expect(await until(attempt, { what: "the lease" })).toEqual({ name: "clock", holder: "next", fence: 2 });
	expect(performance.now() - begun).toBeLessThan(5000);
	expect(await client.db(name).collection("leases").countDocuments()).toBe(1);
	await records.close();
});

test("while MongoDB is away it says so within seconds, also when it is opened then, and works when it is back", async () => {
	const { url } = newDatabase();
	const before = await openMongoRecords({ url });
	await before.claimOnce("first-start");
	await mongo.kill("SIGKILL");
	const meanwhile = await openMongoRecords({ url });
	const begun = performance.now();
	for (const records of [before, meanwhile])
		await expect(records.heartbeat("scans", "a", 1000)).rejects.toMatchObject({ type: "unavailable" });
	expect(performance.now() - begun).toBeLessThan(10_000);
	await mongo.restart();
	for (const records of [before, meanwhile]) {
		await until(() => records.ping().then(() => true), { what: "MongoDB to be back", timeoutMs: 30_000 });
		expect(await records.claimOnce("first-start")).toBe(false);
		const lease = await records.acquire("clock", "a", 60_000);
		await records.queueRun({ id: "r", job: "audit" });
		expect(await records.changeRun("r", { status: "running" }, lease!)).toMatchObject({ status: "running" });
		await records.close();
	}
});
