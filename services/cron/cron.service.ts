/**
 * The clock. Its ticks only queue runs; the one node that holds the lease works them off. The queue and the history are
 * in the records, so that what was missed while everything was down is caught up by the next tick.
 */

import type { Service, ServiceMethods, ServiceSchema, ServiceSettingSchema } from "moleculer";
import CronMixin from "moleculer-cron";
import { Counter, Gauge } from "prom-client";
import { CodedError } from "../../contracts/errors.ts";
import { JOB_PARAMETERS, JOBS, type JobName, type JobRun } from "../../contracts/job.ts";
import { db } from "../../mixins/db.ts";
import { type ActionsOf, broadcast, call } from "../../platform/actors.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Records } from "../../platform/records/records.ts";
import type { AuditReport } from "../../platform/store/scan-store.ts";
import { auditAll } from "./audit-job.ts";
import { booleanParameter, cleanUp } from "./cleanup.ts";
import { aggregateDays, dateParameter } from "./daily-aggregation.ts";
import { Leader } from "./leader.ts";
import { type GenerateOptions, generateReports } from "./reports/generate.ts";
import { pruneReports } from "./reports/prune.ts";
import { reportActions } from "./reports/report-actions.ts";
import { readContent } from "./reports/report-content.ts";
import { ReportFiles } from "./reports/report-files.ts";
import { REPORT_COLLECTIONS, ReportShelf } from "./reports/report-shelf.ts";
import { type JobWork, type RunnerOptions, runJobs } from "./runner.ts";

const MINUTE_MS = 60_000;

/** Cron patterns in UTC, and how long a job may not have run before it was missed, ms. */
const SCHEDULES: Readonly<Record<JobName, { readonly pattern: string; readonly everyMs: number }>> = {
	// Days end at different instants around the world, on quarter hours.
	run_daily_aggregation: { pattern: "2,17,32,47 * * * *", everyMs: 15 * MINUTE_MS },
	audit: { pattern: "40 2 * * *", everyMs: 24 * 60 * MINUTE_MS },
	cleanup_old_data: { pattern: "10 4 * * *", everyMs: 24 * 60 * MINUTE_MS },
	// After the days that it reads were closed.
	generate_reports: { pattern: "7,22,37,52 * * * *", everyMs: 15 * MINUTE_MS },
};
/** After how long, at most twice that, a run goes on that has to wait for something, ms. */
const AGAIN_MS = 10_000;
const LEASE = "cron";

export type CronOptions = Pick<RunnerOptions, "maxAttempts" | "backoffMs">;

interface State {
	records: Records;
	shelf: ReportShelf;
	leader: Leader;
	working: Promise<void>;
}

/** What moleculer-cron adds. */
type Added = { getCronTime(pattern: string): { sendAt(): { toISO(): string } } };

type Methods = {
	/** A run has another state: said to everybody, counted, and logged when it is a bad one. */
	changed(run: JobRun): void;
	audited(report: AuditReport): void;
	/** Queues what was missed while nobody led. */
	catchUp(): Promise<void>;
};

type This = Service & State & Methods & Added;

export default function cron(
	platform: Platform,
	options: CronOptions = {},
): ServiceSchema<ServiceSettingSchema, Methods & Added, State> {
	const stores = db(platform.config, REPORT_COLLECTIONS);
	const actions: ActionsOf<"cron", This> = {
		...reportActions<This>({
			shelf: () => service.shelf,
			records: () => service.records,
			onWanted: () => void queueNow("generate_reports"),
		}),

		jobs: {
			handler() {
				return Promise.all(
					JOBS.toSorted().map(async (name) => ({
						name,
						schedule: SCHEDULES[name].pattern,
						lastRun: (await this.records.runs(name, 1, 1)).rows[0],
						nextRunAt: new Date(this.getCronTime(SCHEDULES[name].pattern).sendAt().toISO()).toISOString(),
					})),
				);
			},
		},

		runs: {
			params: { job: "string", page: "number|integer|positive", pageSize: "number|integer|positive" },
			handler({ params: { job, page, pageSize } }) {
				return this.records.runs(known(job), page, pageSize);
			},
		},

		run: {
			params: { job: "string", params: "object|optional" },
			async handler({ params: { job, params = {} } }) {
				const name = known(job);
				checkParameters(name, params);
				const run = { id: crypto.randomUUID(), job: name, status: "queued", attempt: 0, params } as const;
				const runId = await this.records.queueRun(run);
				broadcast(this.broker, "cron.changed", { run: { ...run, queuedAt: new Date().toISOString() } });
				return { runId };
			},
		},
	};

	const runs = new Counter({
		name: "scanpulse_job_runs_total",
		help: "Runs of jobs that ended in this process, by how",
		labelNames: ["job", "status"],
		registers: [platform.metrics],
	});
	const differences = new Gauge({
		name: "scanpulse_audit_differences",
		help: "What the last audit in this process found that does not say what the raw scans say",
		registers: [platform.metrics],
	});

	const methods: ServiceMethods & Methods & ThisType<This> = {
		changed(run: JobRun) {
			broadcast(this.broker, "cron.changed", { run });
			if (run.status !== "succeeded" && run.status !== "failed") return;
			runs.inc({ job: run.job, status: run.status });
			if (run.status === "failed") this.logger.error(`${run.job} failed after ${run.attempt} attempts: ${run.error}`);
		},

		audited({ organisation, differing, differences: found }: AuditReport) {
			differences.inc(differing);
			if (differing > 0) this.logger.error(`Of ${organisation}, ${differing} numbers are not what was scanned:`, found);
		},

		async catchUp() {
			for (const name of JOBS) {
				const { rows } = await this.records.runs(name, 1, 1);
				const queuedAt = rows[0] ? Date.parse(rows[0].queuedAt) : 0;
				if (Date.now() - queuedAt >= SCHEDULES[name].everyMs) queue(name);
			}
		},
	};

	let service: This;
	/** The tick's key is its minute, so that the ticks of all nodes queue one run. */
	const queue = (job: JobName) => {
		const key = `${job}@${new Date().toISOString().slice(0, 16)}`;
		service.records
			?.queueRun({ id: crypto.randomUUID(), job, key })
			.catch((error) => service.logger.warn(`${job} could not be queued, the next tick catches up:`, error));
	};
	/** A run that has to wait for something goes on soon; however many want that, once. */
	const queueAgain = (job: JobName) => {
		const notBefore = new Date(Math.ceil(Date.now() / AGAIN_MS + 1) * AGAIN_MS).toISOString();
		return service.records.queueRun({ id: crypto.randomUUID(), job, key: `${job}@${notBefore}`, notBefore });
	};
	const queueNow = (job: JobName) =>
		service.records
			.queueRun({ id: crypto.randomUUID(), job })
			.catch((error) => service.logger.warn(`${job} could not be queued, the next tick does it:`, error));

	return {
		name: "cron",
		mixins: [clock(queue), stores.mixin],
		actions,
		methods: methods as ServiceMethods & Methods & Added & ThisType<This>,

		created() {
			service = this as unknown as This;
		},

		async started() {
			this.records = await platform.records();
			const store = await platform.store();
			const timeZoneOf = async (organisation: string) =>
				(await call(this.broker, "accounts.organisation", { organisation })).timeZone;
			const { retentionDays } = platform.config;
			const findCode = async (organisation: string, reference: string) => {
				const code = await call(this.broker, "codes.route", { organisation, reference });
				return code && !code.deleted ? code.id : null;
			};
			this.shelf = new ReportShelf({ reports: stores.of("reports"), timeZoneOf, findCode });
			const jobs: Record<JobName, JobWork> = {
				run_daily_aggregation: (context) => aggregateDays({ store, timeZoneOf }, context),
				audit(context) {
					differences.set(0);
					return auditAll(store, context, (report) => service.audited(report));
				},
				async cleanup_old_data(context) {
					const cleaned = await cleanUp({ store, retentionDays, timeZoneOf }, context);
					const { records, shelf } = service;
					return { ...cleaned, reportFiles: await pruneReports({ records, shelf }, context) };
				},
				async generate_reports(context) {
					const { records, shelf, broker } = service;
					const files = new ReportFiles();
					const read = (...of: Parameters<GenerateOptions["read"]>) => readContent(broker, ...of);
					const render = (...of: Parameters<GenerateOptions["render"]>) => files.render(...of);
					try {
						const report = await generateReports({ records, shelf, timeZoneOf, read, render }, context);
						if (report.waiting > 0) await queueAgain("generate_reports");
						return report;
					} finally {
						await files.close();
					}
				},
			};
			const onTrouble = (error: unknown) => this.logger.warn("A job is held up:", error);
			this.working = Promise.resolve();
			this.leader = new Leader({
				records: this.records,
				lease: LEASE,
				holder: platform.member,
				onTrouble,
				onElected: (lease, signal) => {
					this.logger.info(`Leading the clock, fence ${lease.fence}`);
					const onChange = (run: JobRun) => this.changed(run);
					const { records } = this;
					this.working = runJobs({ ...options, records, jobs, onChange, onTrouble }, lease, signal);
					this.catchUp().catch(onTrouble);
				},
			});
		},

		async stopped() {
			await this.leader?.stop();
			await this.working;
		},
	};
}

function clock(onTick: (job: JobName) => void): Partial<ServiceSchema> {
	const crons = JOBS.map((name) => ({
		name,
		cronTime: SCHEDULES[name].pattern,
		timeZone: "UTC",
		onTick: () => onTick(name),
	}));
	return Object.assign({ crons }, CronMixin);
}

/** @throws `invalid` with every parameter that the job does not take, or not so */
function checkParameters(job: JobName, params: Readonly<Record<string, unknown>>): void {
	const foreign = Object.keys(params).filter((name) => !JOB_PARAMETERS[job].includes(name));
	if (foreign.length > 0) {
		const errors = foreign.map((path) => ({ path, message: `${job} takes no such parameter` }));
		throw new CodedError("invalid", `${job} takes no ${foreign.join(", ")}`, { errors });
	}
	for (const name of ["from", "to"]) dateParameter(name, params[name]);
	booleanParameter("dryRun", params.dryRun);
}

function known(job: string): JobName {
	const name = JOBS.find((it) => it === job);
	if (!name)
		throw new CodedError("not_found", `No job is named ${JSON.stringify(job)}: expected one of ${JOBS.join(", ")}`);
	return name;
}
