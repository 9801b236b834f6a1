/**
 * The small shared records of a deployment: live nodes, fenced leases, job runs, salts and one-time tokens. Two
 * implementations (a SQLite file, MongoDB) pass one and the same suite. Time is the store's clock, never the caller's.
 */

import type { Salt } from "../../contracts/account.ts";
import type { Page } from "../../contracts/code.ts";
import type { JobRun, RunStatus } from "../../contracts/job.ts";
import type { ReportFormat, ReportRun } from "../../contracts/report.ts";

export interface Lease {
	readonly name: string;
	readonly holder: string;
	/** Grows with every change of holder; transactions of older fences are refused. */
	readonly fence: number;
}

export interface NewRun {
	readonly id: string;
	readonly job: string;
	readonly params?: Readonly<Record<string, unknown>>;
	/**
	 * Makes the run unique: queueing another with the same key is a no-op. Used for runs by the clock, such as
	 * `run_daily_aggregation@2026-11-23`.
	 */
	readonly key?: string;
	/** ISO instant before which it is not started; now when absent. */
	readonly notBefore?: string;
}

export interface RunChange {
	readonly status: RunStatus;
	readonly startedAt?: string;
	readonly finishedAt?: string;
	readonly attempt?: number;
	readonly result?: unknown;
	readonly error?: string;
	readonly notBefore?: string;
}

/** A report of a period with its files; `id` is the period's. */
export interface MadeReport extends Omit<ReportRun, "formats" | "madeAt"> {
	readonly organisation: string;
	readonly files: Readonly<Partial<Record<ReportFormat, Uint8Array>>>;
}

export interface Records {
	/**
	 * Says that a node of an actor lives and returns the sorted names of all nodes of the actor seen within `ttlMs`.
	 */
	heartbeat(actor: string, node: string, ttlMs: number): Promise<readonly string[]>;
	/** Takes a node off the list at once (a stop in order). */
	leave(actor: string, node: string): Promise<void>;

	/** Acquires or renews a lease for `ttlMs`; null when another holder has it. */
	acquire(name: string, holder: string, ttlMs: number): Promise<Lease | null>;
	/** Gives a lease back; nothing happens when it is not held any more. */
	release(lease: Lease): Promise<void>;

	/** Queues a run; the id of the run that now stands for the key. */
	queueRun(run: NewRun): Promise<string>;
	/** The oldest queued run that may start now, or null. */
	nextRun(): Promise<JobRun | null>;
	/**
	 * Changes a run under a lease.
	 *
	 * @throws `lease_lost` when the lease's fence is not the store's.
	 */
	changeRun(id: string, change: RunChange, lease: Lease): Promise<JobRun>;
	/** Runs of a job, newest first. */
	runs(job: string, page: number, pageSize: number): Promise<Page<JobRun>>;
	/** Runs left `running` by a holder that is gone. */
	runningRuns(): Promise<JobRun[]>;

	/**
	 * Keeps a report of a period under a lease, unless there is one of that period: then nothing happens, and false.
	 *
	 * @throws `lease_lost` when the lease's fence is not the store's.
	 */
	keepReport(made: MadeReport, lease: Lease): Promise<boolean>;
	/** The periods of which a report was made. */
	reportPeriods(organisation: string, report: string): Promise<string[]>;
	/** Reports by the beginning of their periods, newest first unless `oldestFirst`. */
	reportRuns(
		query: { readonly organisation: string; readonly report: string; readonly oldestFirst?: boolean },
		page: number,
		pageSize: number,
	): Promise<Page<ReportRun>>;
	/** A file of a report, or null. */
	reportFile(query: {
		readonly organisation: string;
		readonly report: string;
		readonly id: string;
		readonly format: ReportFormat;
	}): Promise<{ readonly run: ReportRun; readonly content: Uint8Array } | null>;
	/** The periods of a report whose files are there yet, newest first, without the newest `keep` that were made. */
	reportFilesBeyond(organisation: string, report: string, keep: number): Promise<string[]>;
	/**
	 * Removes the files of periods. That they were made, and what was counted, stays: none of them is made again.
	 *
	 * @throws `lease_lost` when the lease's fence is not the store's.
	 */
	dropReportFiles(
		of: { readonly organisation: string; readonly report: string; readonly periods: readonly string[] },
		lease: Lease,
	): Promise<void>;
	/** Removes all that was made of a report. */
	dropReports(organisation: string, report: string): Promise<void>;

	/** Salts of the days, made when absent and the same for everybody who asks; those older than 48 h are destroyed. */
	salts(days: readonly string[]): Promise<Salt[]>;

	/** Keeps the hash of a one-time token until `expiresAt`, epoch ms. */
	putToken(hash: string, expiresAt: number): Promise<void>;
	/** True exactly once for a token that was put and has not expired. */
	takeToken(hash: string): Promise<boolean>;
	/** True exactly once in the life of a deployment for each name, such as `first-start`. */
	claimOnce(name: string): Promise<boolean>;

	ping(): Promise<void>;
	close(): Promise<void>;
}
