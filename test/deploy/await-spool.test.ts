/* What a gateway's pod waits for before it is stopped, beside a running product with a real NATS. */
import path from "node:path";
import { expect, test } from "vitest";
import { freePort } from "../../scripts/servers/ports.ts";
import { startProcess } from "../../scripts/servers/process.ts";
import { api } from "../harness/api.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { startProduct, until } from "../harness/product.ts";
import { realServer } from "../harness/servers.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");
const KEY = "the-admin-key-of-this-test";

test("a gateway waits until its spool is drained, and not for an event log that is away", async () => {
	const nats = await realServer("nats");
	const env = {
		SCANPULSE_ADMIN_KEY: KEY,
		NATS_URL: nats.url,
		PORT: String(await freePort()),
		METRICS_PORT: String(await freePort()),
	};
	const product = await startProduct({ env });
	const admin = api(product.url, KEY);
	const { slug } = await admin.post<{ slug: string }>("/api/v1/codes", { url: "https://example.org/" });
	const spoolBytes = async () => {
		const metrics = await (await fetch(`http://127.0.0.1:${env.METRICS_PORT}/metrics`)).text();
		return Number(/^scanpulse_spool_bytes (\S+)$/m.exec(metrics)?.[1]);
	};
	const awaitSpool = async () => {
		const script = path.join(ROOT, "scripts", "await-spool.ts");
		const owned = startProcess({
			command: process.execPath,
			args: [script, "--notice-seconds=0", "--most-seconds=60"],
			env: { ...process.env, ...env },
		});
		atEndOfFile(() => owned.kill());
		expect((await owned.exited).code, owned.output()).toBe(0);
		return owned.output();
	};

	expect(await awaitSpool()).toBe("the spool is empty\n");
	await nats.kill();
	await admin.post("/api/v1/scans", { code: slug });
	await until(async () => (await spoolBytes()) > 0, { what: "the scan to be in the spool" });
	expect(await awaitSpool()).toMatch(/^\d+ bytes stay in the spool: the event log is away\n$/);
	const [said] = await Promise.all([awaitSpool(), nats.restart()]);
	expect(said).toBe("the spool is empty\n");
	const { stored } = await until(
		async () => {
			const ledger = await admin.get<{ stored: number }>("/api/v1/ledger");
			return ledger.stored === 1 && ledger;
		},
		{ what: "the scan to be counted" },
	);
	expect(stored).toBe(1);
}, 120_000);
