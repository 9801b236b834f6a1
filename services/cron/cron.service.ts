/**
 * The clock. Its ticks only queue runs; the one node that holds the lease works them off. The queue and the history are
 * in the records, so that what was missed while everything was down is caught up by the next tick.
 */

import type { Service, ServiceSchema, ServiceSettingSchema } from "moleculer";
import CronMixin from "moleculer-cron";
import { CodedError } from "../../contracts/errors.ts";
import { JOBS, type JobName, type JobRun } from "../../contracts/job.ts";
import { type ActionsOf, broadcast, call } from "../../platform/actors.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Records } from "../../platform/records/records.ts";
import { aggregateDays, dateParameter } from "./daily-aggregation.ts";
import { Leader } from "./leader.ts";
import { type JobWork, runJobs } from "./runner.ts";

/** Cron patterns in UTC. Days end at different instants around the world, on quarter hours. */
const SCHEDULES: Readonly<Record<JobName, string>> = { run_daily_aggregation: "2,17,32,47 * * * *" };
const LEASE = "cron";

interface State {
	records: Records;
	leader: Leader;
	working: Promise<void>;
}

/** What moleculer-cron adds. */
type Methods = { getCronTime(pattern: string): { sendAt(): { toISO(): string } } };

type This = Service & State & Methods;

export default function cron(platform: Platform): ServiceSchema<ServiceSettingSchema, Methods, State> {
	const actions: ActionsOf<"cron", This> = {
		jobs: {
			handler() {
				return Promise.all(
					JOBS.map(async (name) => ({
						name,
						schedule: SCHEDULES[name],
						lastRun: (await this.records.runs(name, 1, 1)).rows[0],
						nextRunAt: new Date(this.getCronTime(SCHEDULES[name]).sendAt().toISO()).toISOString(),
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
				for (const name of ["from", "to"]) dateParameter(name, params[name]);
				return { runId: await this.records.queueRun({ id: crypto.randomUUID(), job: known(job), params }) };
			},
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

	return {
		name: "cron",
		mixins: [clock(queue)],
		actions,

		created() {
			service = this as unknown as This;
		},

		async started() {
			this.records = await platform.records();
			const store = await platform.store();
			const timeZoneOf = async (organisation: string) =>
				(await call(this.broker, "accounts.organisation", { organisation })).timeZone;
			const jobs: Record<JobName, JobWork> = {
				run_daily_aggregation: (context) => aggregateDays({ store, timeZoneOf }, context),
			};
			const onTrouble = (error: unknown) => this.logger.warn("A job is held up:", error);
			this.working = Promise.resolve();
			this.leader = new Leader({
				records: this.records,
				lease: LEASE,
				holder: this.broker.nodeID,
				onTrouble,
				onElected: (lease, signal) => {
					this.logger.info(`Leading the clock, fence ${lease.fence}`);
					const onChange = (run: JobRun) => broadcast(this.broker, "cron.changed", { run });
					this.working = runJobs({ records: this.records, jobs, onChange, onTrouble }, lease, signal);
					// What was missed while nobody led.
					for (const name of JOBS) queue(name);
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
	const crons = JOBS.map((name) => ({ name, cronTime: SCHEDULES[name], timeZone: "UTC", onTick: () => onTick(name) }));
	return Object.assign({ crons }, CronMixin);
}

function known(job: string): JobName {
	const name = JOBS.find((it) => it === job);
	if (!name)
		throw new CodedError("not_found", `No job is named ${JSON.stringify(job)}: expected one of ${JOBS.join(", ")}`);
	return name;
}
