/*
 * A job that fails for good, as an operator of the clustered product meets it: over HTTP, among the figures, in the log and
 * on an open screen, without having asked for anything.
 */
import { io } from "socket.io-client";
import { expect, test } from "vitest";
import type { Job, JobRun } from "../../contracts/job.ts";
import type { SubscribeReply, Update } from "../../contracts/live.ts";
import { ACTORS } from "../../platform/config.ts";
import { freePort } from "../../scripts/servers/ports.ts";
import { api } from "../harness/api.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { startProduct, until } from "../harness/product.ts";
import { realServer } from "../harness/servers.ts";

const KEY = "failed-job-admin-key";
const JOB = "run_daily_aggregation";

interface Jobs {
	readonly rows: readonly Job[];
}

test("a failed job is seen in /api/v1/jobs, in the metrics, in the log and on the channel `jobs`", {
	timeout: 210_000,
}, async () => {
	const [nats, mongo, port] = await Promise.all([realServer("nats"), realServer("mongo"), freePort()]);
	const shared = { NATS_URL: nats.url, MONGO_URL: mongo.url, SCANPULSE_ADMIN_KEY: KEY };
	const others = ACTORS.filter((actor) => actor !== "accounts").join(",");
	const [accounts, product] = await Promise.all([
		startProduct({ env: { ...shared, SERVICES: "accounts" } }),
		startProduct({ env: { ...shared, SERVICES: others, METRICS_PORT: String(port) } }),
	]);
	const { url } = product;
	const admin = api(url, KEY);
	const make = () => admin.post<{ slug: string }>("/api/v1/codes", { url: "https://example.org/" });
	const { slug } = await until(make, { what: "the processes to know each other" });
	await admin.post("/api/v1/scans", { code: slug });
	await until(async () => (await admin.get<{ stored: number }>("/api/v1/ledger")).stored === 1, { what: "the scan" });

	// What was missed while nobody was there runs at the start.
	await until(
		async () => (await admin.get<Jobs>("/api/v1/jobs")).rows.every(({ lastRun }) => lastRun?.status === "succeeded"),
		{
			what: "the first runs",
			timeoutMs: 30_000,
		},
	);

	const socket = io(`${url}/ops`, { transports: ["websocket"], auth: { token: KEY } });
	atEndOfFile(async () => socket.close());
	const shown: Jobs[] = [];
	socket.on("update", ({ channel, data }: Update<Jobs>) => channel === "jobs" && shown.push(data));
	const reply: SubscribeReply = await socket.timeout(10_000).emitWithAck("subscribe", { channel: "jobs" });
	expect(reply.ok).toBe(true);

	// In which time zone an organisation's days end, nobody says any more.
	await accounts.kill();
	await admin.post(`/api/v1/jobs/${JOB}/run`);
	const ofJob = ({ rows }: Jobs) => rows.find(({ name }) => name === JOB)?.lastRun;
	// The clock may have asked for another run meanwhile: the last one is on the screen, and fails like the first.
	const isFailed = (run: JobRun | undefined) => run?.status === "failed";
	const onScreen = await until(() => shown.map(ofJob).find(isFailed), {
		what: "the failure on the open screen",
		timeoutMs: 180_000,
	});
	const failed = { job: JOB, status: "failed", attempt: 5, error: expect.stringMatching(/accounts/) };
	expect(onScreen).toMatchObject(failed);
	expect(shown.map((jobs) => ofJob(jobs)?.status)).toContain("running");

	expect(ofJob(await admin.get<Jobs>("/api/v1/jobs"))).toEqual(onScreen);
	const { rows } = await admin.get<{ rows: JobRun[] }>(`/api/v1/jobs/${JOB}/runs`);
	expect(rows.find(({ id }) => id === onScreen?.id)).toEqual(onScreen);
	const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
	const figures = metrics.split("\n").filter((line) => line.startsWith(`scanpulse_job_runs_total{job="${JOB}"`));
	expect(figures.join()).toMatch(/status="failed"\} [12]/);
	const lines = product.output().split("\n");
	const logged = lines.filter((line) => line.includes('"level":"error"') && line.includes(`${JOB} failed after 5`));
	expect(logged.length).toBeGreaterThanOrEqual(1);
});
