/*
 * The servers that every clustered test and the stack stand on: they start for real, keep their data on the same port
 * over a kill and a restart, and leave no process behind.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import { MongoClient } from "mongodb";
import { connect, RetentionPolicy, StorageType } from "nats";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startProcess } from "../../scripts/servers/process.ts";
import { type RunningServer, startMongo, startNats, startRedis } from "../../scripts/servers/start.ts";
import { until } from "../../scripts/servers/until.ts";

let dir: string;
const servers: RunningServer[] = [];

beforeAll(async () => {
	dir = await mkdtemp(path.join(tmpdir(), "scanpulse-servers-"));
});
afterEach(async () => {
	await Promise.all(servers.splice(0).map((server) => server.stop()));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

function owned(server: RunningServer): RunningServer {
	servers.push(server);
	return server;
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
}

test("JetStream keeps a published message over a SIGKILL and a restart on the same port", async () => {
	const server = owned(await startNats({ dir: path.join(dir, "nats") }));
	const publisher = await connect({ servers: server.url, reconnect: false });
	const manager = await publisher.jetstreamManager();
	await manager.streams.add({
		name: "t",
		subjects: ["t.>"],
		storage: StorageType.File,
		retention: RetentionPolicy.Limits,
	});
	await publisher.jetstream().publish("t.1", "first");
	const killed = server.pid;
	await server.kill("SIGKILL");
	await publisher.closed();
	expect(isAlive(killed)).toBe(false);

	await server.restart();
	const reader = await connect({ servers: server.url, reconnect: false });
	const message = await (await reader.jetstreamManager()).streams.getMessage("t", { seq: 1 });
	expect(message.string()).toBe("first");
	expect(server.pid).not.toBe(killed);
	await reader.close();
});

test("MongoDB commits a transaction as a replica set and finds it after a SIGKILL, and on another port", async () => {
	const server = owned(await startMongo({ dir: path.join(dir, "mongo") }));
	const client = new MongoClient(server.url);
	const session = client.startSession();
	await session.withTransaction(() => client.db().collection("t").insertOne({ name: "first" }, { session }));
	await session.endSession();
	await client.close();
	await server.kill("SIGKILL");

	await server.restart();
	const later = new MongoClient(server.url);
	expect(await later.db().collection("t").countDocuments({ name: "first" })).toBe(1);
	await later.close();

	await server.stop();
	const elsewhere = owned(await startMongo({ dir: path.join(dir, "mongo") }));
	expect(elsewhere.port).not.toBe(server.port);
	const last = new MongoClient(elsewhere.url);
	expect(await last.db().collection("t").countDocuments({ name: "first" })).toBe(1);
	await last.close();
});

test("Redis finds its keys after an orderly restart, and stops when told", async () => {
	const server = owned(await startRedis({ dir: path.join(dir, "redis") }));
	const before = new Redis(server.url);
	await before.set("key", "value");
	before.disconnect();
	await server.restart();
	const after = new Redis(server.url);
	expect(await after.get("key")).toBe("value");
	after.disconnect();
	await server.stop();
	expect(isAlive(server.pid)).toBe(false);
});

test("a server that cannot use its folder fails with its own log", async () => {
	const file = path.join(dir, "a-file");
	await writeFile(file, "");
	await expect(startMongo({ dir: path.join(file, "below") })).rejects.toThrow(/ENOTDIR/);
	await expect(startRedis({ dir: path.join(dir, "refused"), args: ["--no-such-option", "1"] })).rejects.toThrow(
		/ended while starting[\s\S]*no-such-option/,
	);
});

test.runIf(process.platform === "linux")(
	"a server dies with the process that started it, even one that was killed",
	async () => {
		const module = new URL("../../scripts/servers/start.ts", import.meta.url).href;
		const script = `import { startRedis } from ${JSON.stringify(module)};
		const server = await startRedis({ dir: ${JSON.stringify(path.join(dir, "orphan"))} });
		console.log(server.pid); setInterval(() => {}, 1000);`;
		const parent = startProcess({ command: process.execPath, args: ["--input-type=module", "-e", script] });
		const pid = await new Promise<number>((resolve) => parent.onLine((line) => resolve(Number(line))));
		expect(isAlive(pid)).toBe(true);
		await parent.kill("SIGKILL");
		await until(() => !isAlive(pid), { what: `process ${pid} to be gone` });
	},
);
