/**
 * The clock's jobs as an operator meets them: what was missed runs at the start, a run says what it found, a failed one is
 * tried again and then seen everywhere, and a run with wrong parameters is refused.
 */

import { join } from "node:path";
import type { ServiceSchema } from "moleculer";
import { expect, test } from "vitest";
import { dataOf } from "../../contracts/errors.ts";
import { JOBS, type JobName, type JobRun } from "../../contracts/job.ts";
import cron, { type CronOptions } from "../../services/cron/cron.service.ts";
import { runActor } from "../harness/actor.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { until } from "../harness/product.ts";
import { NOON, scan } from "../store/scans.ts";
import { Feeder } from "../store/suite/feeder.ts";
import { tamperWithSqlite } from "../store/tamper-sqlite.ts";

const DAY = 86_400_000;

const accounts: ServiceSchema = {
	name: "accounts",
	actions: { organisation: () => ({ id: "acme", name: "Acme", timeZone: "Asia/Kathmandu" }) },
};

interface ClockOptions extends CronOptions {
	readonly env?: Readonly<Record<string, string>>;
	readonly beside?: readonly ServiceSchema[];
	/** Whether there are scans of organisation `acme` on 2026-03-14. */
	readonly scans?: boolean;
}

async function clock({ env = {}, beside = [accounts], scans = true, ...options }: ClockOptions = {}) {
	const dataDir = env.DATA_DIR ?? (await temporaryFolder());
	const actor = await runActor((platform) => cron(platform, options) as ServiceSchema, {
		env: { DATA_DIR: dataDir, ...env },
		beside,
	});
	const runs = (job: JobName) => actor.call("cron.runs", { job, page: 1, pageSize: 50 });
	const finished = async (job: JobName, runId?: string): Promise<JobRun> =>
		until(
			async () =>
				(await runs(job)).rows.find(
					({ id, status }) => (runId === undefined || id === runId) && (status === "succeeded" || status === "failed"),
				),
			{ what: `${job} to end`, timeoutMs: 20_000 },
		);
	for (const job of JOBS) await finished(job);
	if (scans) {
		const feeder = await Feeder.claim(await actor.platform.store());
		await feeder.feed([scan({ visitor: "v" }), scan({ code: "flyer" }), scan({ at: NOON + 1, bot: true })]);
	}
	const run = async (job: JobName, params?: Record<string, unknown>) =>
		finished(job, (await actor.call("cron.run", { job, ...(params && { params }) })).runId);
	return { ...actor, dataDir, runs, run };
}

test("what was missed while nobody was there runs at the start, and not again when it is not due", async () => {
	const first = await clock({ scans: false });
	for (const job of JOBS) {
		expect((await first.runs(job)).total).toBe(1);
		expect((await first.call("cron.jobs", {})).find(({ name }) => name === job)?.lastRun?.status).toBe("succeeded");
	}
	await first.stop();
	const second = await clock({ scans: false, env: { DATA_DIR: first.dataDir } });
	await second.run("audit");
	expect((await second.runs("cleanup_old_data")).total).toBe(1);
	expect((await second.runs("audit")).total).toBe(2);
	for (const { schedule, nextRunAt } of await second.call("cron.jobs", {})) {
		expect(schedule).toMatch(/^[\d,]+ /);
		expect(Date.parse(nextRunAt ?? "")).toBeGreaterThan(Date.now());
	}
});

test("an audit says in its result what is not as it was scanned", async () => {
	const { run, dataDir, platform } = await clock();
	expect((await run("audit")).result).toEqual({ organisations: 1, scans: 3, clean: true, differing: [] });
	tamperWithSqlite(join(dataDir, "store.db"), "a code's total", 1);
	const { status, result } = await run("audit");
	expect(status).toBe("succeeded");
	expect(result).toMatchObject({
		clean: false,
		differing: [{ organisation: "acme", differing: 1, differences: [{ what: "totals", code: "poster" }] }],
	});
	expect(await platform.metrics.metrics()).toContain("scanpulse_audit_differences 1");
});

test("a dry run says what would go; a run lets it go; the next finds nothing more", async () => {
	const { run, platform } = await clock({ env: { RETENTION_DAYS: "30" } });
	const store = await platform.store();
	const states = async () => (await store.months()).map(({ month, state }) => `${month} ${state}`);
	expect((await run("cleanup_old_data", { dryRun: true })).result).toMatchObject({
		dryRun: true,
		months: [{ month: "202603", scans: 3 }],
		kept: [],
	});
	expect(await states()).toEqual(["202603 open"]);
	expect((await run("cleanup_old_data")).result).toMatchObject({
		dryRun: false,
		months: [{ month: "202603", scans: 3 }],
	});
	expect(await states()).toEqual(["202603 closed"]);
	expect((await run("cleanup_old_data")).result).toMatchObject({ months: [], kept: [] });
	expect((await run("audit")).result).toMatchObject({ clean: true, scans: 0 });
});

test("a month that an audit finds dirty stays, takes scans again, and goes once it is mended", async () => {
	const { run, dataDir, platform } = await clock({ env: { RETENTION_DAYS: "30" } });
	const file = join(dataDir, "store.db");
	tamperWithSqlite(file, "a value of a code's quarter", 1);
	const { result } = await run("cleanup_old_data");
	expect(result).toMatchObject({ months: [], kept: [{ month: "202603", report: { clean: false, differing: 1 } }] });
	expect(await (await platform.store()).months()).toEqual([{ month: "202603", state: "open" }]);
	tamperWithSqlite(file, "a value of a code's quarter", -1);
	expect((await run("cleanup_old_data")).result).toMatchObject({ months: [{ month: "202603", scans: 3 }], kept: [] });
});

test("days and months that are over are closed, once; late scans and another time zone make them anew", async () => {
	let timeZone = "Asia/Kathmandu";
	const moving: ServiceSchema = { name: "accounts", actions: { organisation: () => ({ id: "acme", timeZone }) } };
	const { run, platform } = await clock({ beside: [moving] });
	const first = Temporal.PlainDate.from("2026-03-01");
	const today = Temporal.Now.plainDateISO(timeZone);
	const days = first.until(today, { largestUnit: "days" }).days;
	const months = first.until(today, { largestUnit: "months" }).months;
	const result = async (params?: Record<string, unknown>) => (await run("run_daily_aggregation", params)).result;
	expect(await result({ to: "2026-03-15" })).toEqual({ organisations: 1, days: 14, months: 0, hours: 0, scans: 2 });
	expect(await result()).toEqual({ organisations: 1, days: days - 14, months, hours: 0, scans: 0 });
	expect(await result()).toEqual({ organisations: 1, days: 0, months: 0, hours: 0, scans: 0 });

	const feeder = await Feeder.claim(await platform.store(), 1);
	await feeder.feed([scan({ code: "flyer" }), scan({ at: NOON + 40 * DAY })]);
	expect(await result({ from: "2026-04-01" })).toEqual({ organisations: 1, days: 1, months: 1, hours: 0, scans: 1 });
	expect(await result()).toEqual({ organisations: 1, days: 1, months: 1, hours: 0, scans: 3 });

	timeZone = "America/New_York";
	expect(await result()).toMatchObject({ months, scans: 4 });
	expect(await result()).toEqual({ organisations: 1, days: 0, months: 0, hours: 0, scans: 0 });
	expect((await run("audit")).result).toMatchObject({ clean: true });
});

test("a failing job is tried again, and when it has failed that is seen by everybody", async () => {
	const { run, call, told, platform } = await clock({ beside: [], maxAttempts: 3, backoffMs: 20 });
	const failed = await run("run_daily_aggregation");
	expect(failed).toMatchObject({
		status: "failed",
		attempt: 3,
		error: expect.stringContaining("accounts.organisation"),
	});
	const jobs = await call("cron.jobs", {});
	expect(jobs.find(({ name }) => name === "run_daily_aggregation")?.lastRun).toEqual(failed);
	const said = told("cron.changed").filter(({ run: { id } }) => id === failed.id);
	expect(said.map(({ run: { status, attempt } }) => `${status} ${attempt}`)).toEqual([
		...["queued 0", "running 1", "queued 1", "running 2", "queued 2", "running 3", "failed 3"],
	]);
	const metrics = await platform.metrics.metrics();
	expect(metrics).toContain('scanpulse_job_runs_total{job="run_daily_aggregation",status="failed"} 1');
	expect(metrics).toContain('scanpulse_job_runs_total{job="audit",status="succeeded"} 1');
});

test.each([
	["run_daily_aggregation", { from: "yesterday" }, ["from"]],
	["run_daily_aggregation", { to: "2026-02-30" }, ["to"]],
	["run_daily_aggregation", { dryRun: true }, ["dryRun"]],
	["cleanup_old_data", { dryRun: "yes" }, ["dryRun"]],
	["audit", { from: "2026-01-01", deep: true }, ["from", "deep"]],
] as const)("a run of %s with %j is refused by the names of its parameters", async (job, params, paths) => {
	const { call, runs } = await clock({ scans: false });
	const error = await call("cron.run", { job, params }).catch((reason: unknown) => reason);
	expect(error).toMatchObject({ type: "invalid", code: 422 });
	expect(dataOf(error).errors?.map(({ path }) => path)).toEqual(paths);
	expect((await runs(job)).total).toBe(1);
});
