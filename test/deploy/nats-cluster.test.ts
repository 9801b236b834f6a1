/* The configuration of NATS in k8s/, run as the cluster of three that it describes, on ports of this machine. */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { connect } from "nats";
import { expect, test } from "vitest";
import { freePort } from "../../scripts/servers/ports.ts";
import { type OwnedProcess, startProcess } from "../../scripts/servers/process.ts";
import { provision } from "../../scripts/servers/provision.ts";
import { api } from "../harness/api.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { startProduct, until } from "../harness/product.ts";

const CONFIGURATION = path.join(import.meta.dirname, "..", "..", "k8s", "servers", "nats", "nats.conf");
const KEY = "the-admin-key-of-this-test";

interface Member {
	readonly url: string;
	readonly server: OwnedProcess;
}

/** Each server as its pod would be, with ports and folders of its own in place of addresses of its own. */
async function startCluster(): Promise<Member[]> {
	const binary = await provision("nats-server");
	const text = await readFile(CONFIGURATION, "utf8");
	const routes = await Promise.all([freePort(), freePort(), freePort()]);
	return Promise.all(
		routes.map(async (route, n) => {
			const dir = await temporaryFolder();
			const port = await freePort();
			const own = text
				.replaceAll(/nats:\/\/nats-(\d)\.nats-pods:6222/g, (_, other) => `nats://127.0.0.1:${routes[Number(other)]}`)
				.replace("port: 4222", `port: ${port}\nhost: 127.0.0.1`)
				.replace("port: 6222", `port: ${route}\n  host: 127.0.0.1`)
				.replace("http_port: 8222", "")
				.replace("/run/nats/nats.pid", path.join(dir, "pid"))
				.replace("store_dir: /data", `store_dir: ${JSON.stringify(dir)}`)
				// Servers older than those of the image do not know it.
				.replace(/^\s*sync_interval:.*$/m, "");
			const file = path.join(dir, "nats.conf");
			await writeFile(file, own);
			const env = { ...process.env, POD_NAME: `nats-${n}` };
			const server = startProcess({ command: binary, args: ["--config", file], env });
			atEndOfFile(() => server.kill());
			return { url: `nats://127.0.0.1:${port}`, server };
		}),
	);
}

test("scans are kept by three servers, and accepted and counted while two of them are there", async () => {
	const members = await startCluster();
	const servers = members.map(({ url }) => url);
	const product = await startProduct({
		env: { SCANPULSE_ADMIN_KEY: KEY, NATS_URL: servers.join(), LOG_REPLICAS: "3" },
	});
	const admin = api(product.url, KEY);
	const { slug } = await admin.post<{ slug: string }>("/api/v1/codes", { url: "https://example.org/" });
	const scanAndCount = async (stored: number) => {
		await admin.post("/api/v1/scans", { code: slug });
		await until(async () => (await admin.get<{ stored: number }>("/api/v1/ledger")).stored === stored, {
			what: `${stored} scans to be counted`,
			timeoutMs: 30_000,
		});
	};
	await scanAndCount(1);

	const client = await connect({ servers });
	const manager = await client.jetstreamManager();
	const { config, cluster } = await manager.streams.info("SCANS");
	await client.close();
	expect([config.num_replicas, cluster?.replicas?.length]).toEqual([3, 2]);

	const leader = members[Number(cluster?.leader?.replace("nats-", ""))];
	await leader?.server.kill();
	await scanAndCount(2);
}, 120_000);
