/*
 * Gateways as Compose scales them, all told the same data folder: what one had spooled when it went is counted without it,
 * and one that comes takes up a folder that is there.
 */
import { readdir } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { hasSpoolFiles } from "../../platform/log/spool.ts";
import { api } from "../harness/api.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { startProduct, until } from "../harness/product.ts";
import { realServer } from "../harness/servers.ts";

const KEY = "the-admin-key-of-this-test";

test("what a gateway had spooled when there were fewer of them is counted, and the next one takes up its folder", async () => {
	const [nats, mongo] = await Promise.all([realServer("nats"), realServer("mongo")]);
	const volume = await temporaryFolder();
	const env = { SCANPULSE_ADMIN_KEY: KEY, NATS_URL: nats.url, MONGO_URL: mongo.url };
	await startProduct({ env: { ...env, SERVICES: "codes,scans,analytics,cache,accounts" } });
	const gateway = () =>
		startProduct({ env: { ...env, SERVICES: "gateway" }, dataDir: path.join(volume, "gateway-{n}") });
	const first = await gateway();
	const second = await gateway();
	expect((await readdir(volume)).sort()).toEqual(["gateway-1", "gateway-2"]);

	const { slug } = await api(first.url, KEY).post<{ slug: string }>("/api/v1/codes", { url: "https://example.org/" });
	// Known to the second gateway before nobody can be asked.
	await api(second.url, KEY).post("/api/v1/scans", { code: slug });
	await nats.kill();
	for (let scans = 0; scans < 5; scans++) await api(second.url, KEY).post("/api/v1/scans", { code: slug });
	await second.kill();
	await nats.restart();
	const { stored } = await until(
		async () => {
			const ledger = await api(first.url, KEY).get<{ stored: number }>("/api/v1/ledger");
			return ledger.stored >= 6 && ledger;
		},
		{ what: "the spooled scans to be counted", timeoutMs: 60_000 },
	);
	expect(stored).toBe(6);
	await until(async () => !(await hasSpoolFiles(path.join(volume, "gateway-2", "spool"))), { what: "the spool's end" });

	const third = await gateway();
	expect((await fetch(`${third.url}/q/${slug}`, { redirect: "manual" })).status).toBe(302);
	expect((await readdir(volume)).sort()).toEqual(["gateway-1", "gateway-2"]);
}, 180_000);
