/** What a running product tells Prometheus and who supervises it: every figure that an operator is promised. */

import { expect, test } from "vitest";
import { freePort } from "../../scripts/servers/ports.ts";
import { api } from "../harness/api.ts";
import { startProduct, until } from "../harness/product.ts";

test("every promised figure is there and moves with what happens", async () => {
	const key = "metrics-test-admin-key";
	const port = await freePort();
	const { url } = await startProduct({ env: { SCANPULSE_ADMIN_KEY: key, METRICS_PORT: String(port) } });
	const admin = api(url, key);
	const { slug } = await admin.post<{ slug: string }>("/api/v1/codes", { url: "https://example.org/" });
	await admin.request("GET", `/q/${slug}`);
	await admin.post("/api/v1/scans", { code: slug });
	await until(async () => (await admin.get<{ stored: number }>("/api/v1/ledger")).stored === 2, { what: "both scans" });
	for (let n = 0; n < 2; n++) await admin.get("/api/v1/analytics/summary");
	const text = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
	// A run of a job, and the first time that is told where a partition stands, come when they come.
	for (const first of ["scanpulse_job_runs_total{", 'scanpulse_consumer_lag{partition="0"} 0'])
		await until(async () => (await text()).includes(first), { what: first });
	const metrics = await text();
	for (const line of [
		/^scanpulse_consumer_lag\{partition="0"\} 0$/m,
		/^scanpulse_spool_bytes 0$/m,
		/^scanpulse_realtime_connections 0$/m,
		/^scanpulse_event_loop_delay_seconds\{quantile="0.99"\} /m,
		/^scanpulse_http_request_seconds_count\{method="GET",route="\/q",status="302"\} 1$/m,
		/^scanpulse_http_request_seconds_count\{method="POST",route="\/api\/v1\/scans",status="202"\} 1$/m,
		/^scanpulse_commit_seconds_count [12]$/m,
		/^scanpulse_job_runs_total\{job="\w+",status="succeeded"\} \d/m,
		/^scanpulse_cache_reads_total\{tier="l1",result="hit"\} 1$/m,
		/^scanpulse_cache_reads_total\{tier="l1",result="miss"\} 1$/m,
	])
		expect(metrics).toMatch(line);
});

test("on its metrics port a process says whether it lives, and whether it serves until it drains", async () => {
	const port = await freePort();
	const product = await startProduct({ env: { METRICS_PORT: String(port) } });
	const status = async (path: string) => (await fetch(`http://127.0.0.1:${port}/health/${path}`)).status;
	expect([await status("live"), await status("ready")]).toEqual([200, 200]);
	const stopped = product.stop();
	const both = () => Promise.all([status("live"), status("ready")]);
	await until(async () => `${await both()}` === "200,503", { what: "readiness to turn while it lives", everyMs: 20 });
	await stopped;
});
