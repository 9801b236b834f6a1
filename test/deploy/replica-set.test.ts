/* The jobs of k8s/ for MongoDB, run on a real replica set of three with a key file: making it one, backup, restore. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { BSON, MongoClient } from "mongodb";
import { beforeAll, expect, test } from "vitest";
import { renderOverlay } from "../../scripts/manifests/installations.ts";
import { freePort } from "../../scripts/servers/ports.ts";
import { startProcess } from "../../scripts/servers/process.ts";
import { provision } from "../../scripts/servers/provision.ts";
import { api } from "../harness/api.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { startProduct, until } from "../harness/product.ts";
import { workloadsOf } from "./installation.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");
const { EJSON } = BSON;
const KEY = "the-admin-key-of-this-test";

let folder: string;
let hosts: string[];

async function attempt(script: string, args: readonly string[], env: Record<string, string> = {}) {
	const owned = startProcess({
		command: process.execPath,
		args: [path.join(ROOT, "scripts", script), ...args],
		cwd: ROOT,
		env: { ...process.env, ...env },
	});
	atEndOfFile(() => owned.kill());
	const { code } = await owned.exited;
	return { code, output: owned.output() };
}

async function run(script: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
	const { code, output } = await attempt(script, args, env);
	expect(code, output).toBe(0);
	return output;
}

async function counted(address: string, scans: number): Promise<void> {
	const stored = async () => (await api(address, KEY).get<{ stored: number }>("/api/v1/ledger")).stored;
	await until(async () => (await stored()) === scans, { what: `${scans} scans to be stored`, timeoutMs: 30_000 });
}

/** What the store holds that does not change by itself. */
async function holdings() {
	const client = new MongoClient(urlFor("scanpulse", "second"), { promoteValues: false });
	try {
		const db = client.db();
		const all = async (name: string) => EJSON.stringify(await db.collection(name).find().sort({ _id: 1 }).toArray());
		const collections = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name).sort();
		const lasting = collections.filter((name) =>
			/^(scans_|quarters|totals|ledger|codes|partitions|visitors|ids)/.test(name),
		);
		const indexes = async (name: string) => (await db.collection(name).indexes()).map((index) => index.name).sort();
		return {
			collections,
			documents: await Promise.all(lasting.map(all)),
			indexes: await Promise.all(collections.map(indexes)),
			epoch: EJSON.stringify(await db.collection<{ _id: string }>("meta").findOne({ _id: "epoch" })),
		};
	} finally {
		await client.close();
	}
}

const initiate = () =>
	run("initiate-replica-set.ts", [
		`--members=${hosts.join()}`,
		`--key-file=${path.join(folder, "mongo.key")}`,
		`--users=${path.join(folder, "users")}`,
	]);

const setPassword = (user: string, password: string) => writeFile(path.join(folder, "users", user), `${password}\n`);

const urlFor = (user: string, password: string) =>
	`mongodb://${user}:${password}@${hosts.join()}/scanpulse?replicaSet=rs0&authSource=admin`;

async function logIn(user: string, password: string): Promise<{ user: string; members: number }> {
	const client = new MongoClient(urlFor(user, password), { serverSelectionTimeoutMS: 10_000 });
	try {
		const { authInfo } = await client.db("admin").command({ connectionStatus: 1 });
		const { hosts: members } = await client.db("admin").command({ hello: 1 });
		return { user: authInfo.authenticatedUsers[0].user, members: members.length };
	} finally {
		await client.close();
	}
}

beforeAll(async () => {
	folder = await temporaryFolder();
	await mkdir(path.join(folder, "users"));
	await writeFile(path.join(folder, "mongo.key"), `${randomBytes(96).toString("base64")}\n`, { mode: 0o400 });
	await setPassword("scanpulse", "first");
	const mongod = await provision("mongod");
	const servers = workloadsOf(await renderOverlay("production")).find(({ metadata }) => metadata.name === "mongo");
	const asInPod = servers?.spec.template.spec.containers[0]?.args ?? [];
	hosts = await Promise.all(
		["a", "b", "c"].map(async (name) => {
			const port = await freePort();
			const dir = path.join(folder, name);
			await mkdir(dir);
			// As in its pod, but for what is this machine's own.
			const own: Readonly<Record<string, string>> = {
				"--port": String(port),
				"--dbpath": dir,
				"--keyFile": path.join(folder, "mongo.key"),
				"--wiredTigerCacheSizeGB": "0.25",
			};
			const args = [
				...asInPod.map((arg) => {
					const option = arg.split("=", 1)[0] as string;
					return own[option] === undefined ? arg : `${option}=${own[option]}`;
				}),
				...["--bind_ip=127.0.0.1", "--oplogSize=64", "--nounixsocket"],
				"--setParameter=diagnosticDataCollectionEnabled=false",
			].filter((arg) => arg !== "--bind_ip_all");
			const server = startProcess({ command: mongod, args });
			atEndOfFile(() => server.kill());
			return `127.0.0.1:${port}`;
		}),
	);
});

test("the product counts in a replica set of three that asks for passwords, and a second run changes only those", async () => {
	expect((await initiate()).replaceAll(/^not yet: .*\n/gm, "")).toBe(
		"the servers are now the replica set rs0\nusers: scanpulse\n",
	);
	expect(await logIn("scanpulse", "first")).toEqual({ user: "scanpulse", members: 3 });

	const product = await startProduct({ env: { SCANPULSE_ADMIN_KEY: KEY, MONGO_URL: urlFor("scanpulse", "first") } });
	const admin = api(product.url, KEY);
	const { slug } = await admin.post<{ slug: string }>("/api/v1/codes", { url: "https://example.org/" });
	await admin.post("/api/v1/scans", { code: slug });
	await counted(product.url, 1);
	expect((await product.stop()).code).toBe(0);

	await setPassword("scanpulse", "second");
	expect(await initiate()).toContain("the servers are the replica set rs0 already");
	expect(await logIn("scanpulse", "second")).toEqual({ user: "scanpulse", members: 3 });
	await expect(logIn("scanpulse", "first")).rejects.toThrow(/Authentication failed/);
}, 120_000);

test("what a backup holds is back after a restore, and numbers and indexes with it", async () => {
	const env = { SCANPULSE_ADMIN_KEY: KEY, MONGO_URL: urlFor("scanpulse", "second") };
	const dataDir = await temporaryFolder();
	const backups = await temporaryFolder();
	const before = await startProduct({ env, dataDir });
	const admin = api(before.url, KEY);
	const { slug } = await admin.post<{ slug: string }>("/api/v1/codes", { url: "https://example.org/kept" });
	const scan = async (address: string, n: number) => {
		const { stored } = await api(address, KEY).get<{ stored: number }>("/api/v1/ledger");
		for (let i = 0; i < n; i++) await api(address, KEY).post("/api/v1/scans", { code: slug, visitor: `v${i}` });
		await counted(address, stored + n);
	};
	await scan(before.url, 5);
	const kept = await holdings();
	expect(await run("mongo-backup.ts", [`--folder=${backups}`], env)).toMatch(/\.backup\.gz: \d+ documents\n$/);
	await scan(before.url, 3);
	await admin.post("/api/v1/codes", { url: "https://example.org/made-after-the-backup" });

	const refused = await attempt("mongo-restore.ts", [`--folder=${backups}`], env);
	expect(refused).toMatchObject({ code: 1, output: expect.stringContaining("works in the store: stop codes, scans") });
	expect((await before.stop()).code).toBe(0);
	expect(await run("mongo-restore.ts", [`--folder=${backups}`], env)).toMatch(/the store's epoch is now [0-9a-f-]{36}/);
	const back = await holdings();
	expect(back.epoch).not.toBe(kept.epoch);
	expect({ ...back, epoch: "" }).toEqual({ ...kept, epoch: "" });

	// With a log of its own: what was accepted after the backup is gone, and the product goes on from the backup.
	const after = await startProduct({ env, dataDir: await temporaryFolder() });
	const codes = await api(after.url, KEY).get<{ rows: { url: string }[] }>("/api/v1/codes");
	expect(codes.rows.map(({ url }) => url)).toContain("https://example.org/kept");
	expect(codes.rows.map(({ url }) => url)).not.toContain("https://example.org/made-after-the-backup");
	await scan(after.url, 2);
	expect((await after.stop()).code).toBe(0);
}, 180_000);

test("a backup that is cut changes nothing", async () => {
	const env = { MONGO_URL: urlFor("scanpulse", "second") };
	const backups = await temporaryFolder();
	await run("mongo-backup.ts", [`--folder=${backups}`], env);
	const [file] = await readdir(backups);
	const whole = gunzipSync(await readFile(path.join(backups, file as string)));
	await writeFile(path.join(backups, file as string), gzipSync(whole.subarray(0, whole.length - 40)));
	const kept = await holdings();
	expect((await attempt("mongo-restore.ts", [`--folder=${backups}`], env)).code).toBe(1);
	expect(await holdings()).toEqual(kept);
});
