/* The jobs of k8s/ that make MongoDB's servers a replica set and end a restore, run on real servers with a key file. */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { MongoClient } from "mongodb";
import { beforeAll, expect, test } from "vitest";
import { freePort } from "../../scripts/servers/ports.ts";
import { startProcess } from "../../scripts/servers/process.ts";
import { provision } from "../../scripts/servers/provision.ts";
import { api } from "../harness/api.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { startProduct, until } from "../harness/product.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");
const KEY = "the-admin-key-of-this-test";

let folder: string;
let hosts: string[];

async function run(script: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
	const file = path.join(ROOT, "scripts", script);
	const owned = startProcess({
		command: process.execPath,
		args: [file, ...args],
		cwd: ROOT,
		env: { ...process.env, ...env },
	});
	atEndOfFile(() => owned.kill());
	const { code } = await owned.exited;
	expect(code, owned.output()).toBe(0);
	return owned.output();
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
	await setPassword("backup", "of-the-backup");
	const mongod = await provision("mongod");
	hosts = await Promise.all(
		["a", "b", "c"].map(async (name) => {
			const port = await freePort();
			const dir = path.join(folder, name);
			await mkdir(dir);
			const server = startProcess({
				command: mongod,
				args: [
					...["--replSet", "rs0", "--dbpath", dir, "--bind_ip", "127.0.0.1", "--port", String(port)],
					...["--keyFile", path.join(folder, "mongo.key"), "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"],
					...["--nounixsocket", "--setParameter", "diagnosticDataCollectionEnabled=false"],
				],
			});
			atEndOfFile(() => server.kill());
			return `127.0.0.1:${port}`;
		}),
	);
});

test("the product counts in a replica set of three that asks for passwords, and a second run changes only those", async () => {
	expect((await initiate()).replaceAll(/^not yet: .*\n/gm, "")).toBe(
		"the servers are now the replica set rs0\nusers: backup, scanpulse\n",
	);
	expect(await logIn("scanpulse", "first")).toEqual({ user: "scanpulse", members: 3 });

	const product = await startProduct({ env: { SCANPULSE_ADMIN_KEY: KEY, MONGO_URL: urlFor("scanpulse", "first") } });
	const admin = api(product.url, KEY);
	const { slug } = await admin.post<{ slug: string }>("/api/v1/codes", { url: "https://example.org/" });
	await admin.post("/api/v1/scans", { code: slug });
	const stored = async () => (await admin.get<{ stored: number }>("/api/v1/ledger")).stored;
	await until(async () => (await stored()) === 1, { what: "the scan to be stored", timeoutMs: 30_000 });
	expect((await product.stop()).code).toBe(0);

	await setPassword("scanpulse", "second");
	expect(await initiate()).toContain("the servers are the replica set rs0 already");
	expect(await logIn("scanpulse", "second")).toEqual({ user: "scanpulse", members: 3 });
	expect(await logIn("backup", "of-the-backup")).toEqual({ user: "backup", members: 3 });
	await expect(logIn("scanpulse", "first")).rejects.toThrow(/Authentication failed/);
}, 120_000);

test("a restore ends with positions that begin anew", async () => {
	const env = { MONGO_URL: urlFor("scanpulse", "second") };
	const epochs = [await run("renew-epoch.ts", [], env), await run("renew-epoch.ts", [], env)];
	expect(epochs[0]).toMatch(/epoch is now [0-9a-f-]{36}/);
	expect(epochs[1]).not.toBe(epochs[0]);
});
