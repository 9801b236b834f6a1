/**
 * Runs queued jobs, one at a time, for as long as this node leads. A failed run is tried again after a growing pause;
 * every step is written to the run's record under the lease, so that an old leader's late word is refused.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { JobName, JobRun } from "../../contracts/job.ts";
import type { Lease, Records, RunChange } from "../../platform/records/records.ts";

export interface JobContext {
	readonly params: Readonly<Record<string, unknown>>;
	readonly lease: Lease;
	/** Aborted when leadership or the process ends; a job then stops between two of its steps. */
	readonly signal: AbortSignal;
}

/** Does the job's work and reports; may be run again at any moment, also after it was cut off. */
export type JobWork = (context: JobContext) => Promise<unknown>;

export interface RunnerOptions {
	readonly records: Records;
	readonly jobs: Readonly<Record<JobName, JobWork>>;
	onChange(run: JobRun): void;
	onTrouble(error: unknown): void;
	/** How often the queue is looked at when nobody says that something was queued, ms. @defaultValue 1000 */
	readonly everyMs?: number;
	/** @defaultValue 5 */
	readonly maxAttempts?: number;
	/** Pause before the second attempt, doubled for each further one, ms. @defaultValue 2000 */
	readonly backoffMs?: number;
}

/** Works until `signal` is aborted; resolves when the run under way has ended. */
export async function runJobs(options: RunnerOptions, lease: Lease, signal: AbortSignal): Promise<void> {
	const { records, onTrouble, everyMs = 1_000 } = options;
	await requeueAbandoned(options, lease).catch(onTrouble);
	while (!signal.aborted) {
		try {
			const run = await records.nextRun();
			if (run) await attempt(options, run, lease, signal);
			else await delay(everyMs, undefined, { signal }).catch(() => undefined);
		} catch (error) {
			onTrouble(error);
			await delay(everyMs, undefined, { signal }).catch(() => undefined);
		}
	}
}

/** What a leader that is gone left running begins again: every job may be repeated. */
async function requeueAbandoned({ records, onChange }: RunnerOptions, lease: Lease): Promise<void> {
	for (const run of await records.runningRuns()) {
		onChange(await records.changeRun(run.id, { status: "queued" }, lease));
	}
}

async function attempt(options: RunnerOptions, run: JobRun, lease: Lease, signal: AbortSignal): Promise<void> {
	const { records, jobs, onChange, onTrouble, maxAttempts = 5, backoffMs = 2_000 } = options;
	const change = async (to: RunChange) => onChange(await records.changeRun(run.id, to, lease));
	const number = run.attempt + 1;
	await change({ status: "running", startedAt: now(), attempt: number });
	try {
		const work = jobs[run.job as JobName];
		const result = await work({ params: run.params ?? {}, lease, signal });
		if (signal.aborted) return;
		await change({ status: "succeeded", finishedAt: now(), result });
	} catch (error) {
		onTrouble(error);
		const text = error instanceof Error ? error.message : String(error);
		if (number >= maxAttempts) return change({ status: "failed", finishedAt: now(), error: text });
		const notBefore = new Date(Date.now() + backoffMs * 2 ** (number - 1)).toISOString();
		await change({ status: "queued", error: text, notBefore });
	}
}

function now(): string {
	return new Date().toISOString();
}
