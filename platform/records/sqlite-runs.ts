/** Runs of jobs in the records' SQLite file. Synchronous: runs in the records' worker thread. */

import type { DatabaseSync } from "node:sqlite";
import type { Page } from "../../contracts/code.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { JobRun, RunStatus } from "../../contracts/job.ts";
import { RUNS_LIVE_DAYS } from "./lifetimes.ts";
import type { NewRun, RunChange } from "./records.ts";
import { NOW } from "./sqlite-clock.ts";

const DAY_MS = 86_400_000;

/** `key`: of two runs with the same, only the first is queued. `ended`: epoch ms by the store's clock. */
export const RUNS_SCHEMA = `
	CREATE TABLE runs (
		sequence INTEGER PRIMARY KEY AUTOINCREMENT,
		id TEXT NOT NULL UNIQUE,
		key TEXT UNIQUE,
		job TEXT NOT NULL,
		status TEXT NOT NULL,
		queued INTEGER NOT NULL,
		not_before INTEGER NOT NULL,
		ended INTEGER,
		started_at TEXT,
		finished_at TEXT,
		attempt INTEGER NOT NULL,
		params TEXT,
		result TEXT,
		error TEXT
	) STRICT;
	CREATE INDEX runs_of_job ON runs (job);
	CREATE INDEX runs_by_status ON runs (status);
`;

type RunRow = {
	readonly id: string;
	readonly job: string;
	readonly status: RunStatus;
	readonly queued: number;
	readonly started_at: string | null;
	readonly finished_at: string | null;
	readonly attempt: number;
	readonly params: string | null;
	readonly result: string | null;
	readonly error: string | null;
};

/** Within a transaction of the caller's. @returns the id of the run that has the key */
export function queueRun(database: DatabaseSync, { id, job, params, key, notBefore }: NewRun): string {
	database.prepare(`DELETE FROM runs WHERE ended < ${NOW} - ?`).run(RUNS_LIVE_DAYS * DAY_MS);
	database
		.prepare(
			`INSERT INTO runs (id, key, job, status, queued, not_before, attempt, params)
			VALUES (?, ?, ?, 'queued', ${NOW}, coalesce(?, ${NOW}), 0, ?) ON CONFLICT DO NOTHING`,
		)
		.run(
			id,
			key ?? null,
			job,
			notBefore === undefined ? null : Date.parse(notBefore),
			params === undefined ? null : JSON.stringify(params),
		);
	const queued = database.prepare("SELECT id FROM runs WHERE key = ?").get(key ?? null) as { id: string } | undefined;
	return queued?.id ?? id;
}

export function nextRun(database: DatabaseSync): JobRun | null {
	const row = database
		.prepare(`SELECT * FROM runs WHERE status = 'queued' AND not_before <= ${NOW} ORDER BY sequence LIMIT 1`)
		.get() as RunRow | undefined;
	return row ? toRun(row) : null;
}

/** @throws `not_found` when there is no such run */
export function changeRun(database: DatabaseSync, id: string, change: RunChange): JobRun {
	const over = change.status === "succeeded" || change.status === "failed";
	const row = database
		.prepare(
			`UPDATE runs SET
				status = :status,
				ended = iif(:over, ${NOW}, NULL),
				started_at = coalesce(:startedAt, started_at),
				finished_at = coalesce(:finishedAt, iif(:over, finished_at, NULL)),
				attempt = coalesce(:attempt, attempt),
				result = coalesce(:result, result),
				error = coalesce(:error, iif(:status IN ('running', 'succeeded'), NULL, error)),
				not_before = coalesce(:notBefore, not_before)
			WHERE id = :id RETURNING *`,
		)
		.get({
			id,
			status: change.status,
			over: over ? 1 : 0,
			startedAt: change.startedAt ?? null,
			finishedAt: change.finishedAt ?? null,
			attempt: change.attempt ?? null,
			result: change.result === undefined ? null : JSON.stringify(change.result),
			error: change.error ?? null,
			notBefore: change.notBefore === undefined ? null : Date.parse(change.notBefore),
		}) as RunRow | undefined;
	if (!row) throw new CodedError("not_found", `There is no run ${id}`);
	return toRun(row);
}

export function runs(database: DatabaseSync, job: string, page: number, pageSize: number): Page<JobRun> {
	const { total } = database.prepare("SELECT count(*) AS total FROM runs WHERE job = ?").get(job) as { total: number };
	const rows = database
		.prepare("SELECT * FROM runs WHERE job = ? ORDER BY sequence DESC LIMIT ? OFFSET ?")
		.all(job, pageSize, (page - 1) * pageSize) as RunRow[];
	return { rows: rows.map(toRun), total, page, pageSize };
}

export function runningRuns(database: DatabaseSync): JobRun[] {
	const rows = database.prepare("SELECT * FROM runs WHERE status = 'running' ORDER BY sequence").all() as RunRow[];
	return rows.map(toRun);
}

function toRun(row: RunRow): JobRun {
	return {
		id: row.id,
		job: row.job,
		status: row.status,
		queuedAt: new Date(row.queued).toISOString(),
		attempt: row.attempt,
		...(row.started_at !== null && { startedAt: row.started_at }),
		...(row.finished_at !== null && { finishedAt: row.finished_at }),
		...(row.params !== null && { params: JSON.parse(row.params) }),
		...(row.result !== null && { result: JSON.parse(row.result) }),
		...(row.error !== null && { error: row.error }),
	};
}
