/** Jobs of the clock, their runs and what is said of them. */

export const JOBS = ["run_daily_aggregation", "audit", "cleanup_old_data", "generate_reports"] as const;
export type JobName = (typeof JOBS)[number];

/** The parameters that a run may be given. */
export const JOB_PARAMETERS: Readonly<Record<JobName, readonly string[]>> = {
	run_daily_aggregation: ["from", "to"],
	audit: [],
	cleanup_old_data: ["dryRun"],
	generate_reports: [],
};

export type RunStatus = "queued" | "running" | "succeeded" | "failed";

/** One run; times are ISO instants, `result` is the job's own report. */
export interface JobRun {
	readonly id: string;
	readonly job: string;
	readonly status: RunStatus;
	readonly queuedAt: string;
	readonly startedAt?: string;
	readonly finishedAt?: string;
	readonly attempt: number;
	readonly params?: Readonly<Record<string, unknown>>;
	readonly result?: unknown;
	readonly error?: string;
}

export interface Job {
	readonly name: JobName;
	/** Cron pattern, in UTC; absent when the job runs by hand only. */
	readonly schedule?: string;
	readonly lastRun?: JobRun;
	/** ISO instant of the next run by the clock. */
	readonly nextRunAt?: string;
}
