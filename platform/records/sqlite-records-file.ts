/**
 * The records' SQLite file. A second process, such as the sign-in command, may have it open at the same time: every change
 * is one statement or one immediate transaction, and a short wait for the other is normal. Synchronous: runs in the
 * records' worker thread. Salts that are destroyed are overwritten, in the file and in its WAL.
 */

import { randomBytes } from "node:crypto";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { Salt } from "../../contracts/account.ts";
import type { Page } from "../../contracts/code.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { JobRun, RunStatus } from "../../contracts/job.ts";
import type { ReportRun } from "../../contracts/report.ts";
import { RUNS_LIVE_DAYS, SALT_BYTES, SALTS_LIVE_HOURS } from "./lifetimes.ts";
import type { Lease, MadeReport, NewRun, Records, RunChange } from "./records.ts";
import * as reports from "./sqlite-reports.ts";

const BUSY_TIMEOUT_MS = 5000;
const FORMAT = 2;
/** Nodes that were not seen for so long are forgotten, ms. */
const NODES_LIVE_MS = 3_600_000;
/** The store's clock, epoch ms. */
const NOW = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
const DAY_MS = 86_400_000;

const SCHEMA = `
	CREATE TABLE nodes (
		actor TEXT NOT NULL, node TEXT NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY (actor, node)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE leases (
		name TEXT PRIMARY KEY, holder TEXT NOT NULL, fence INTEGER NOT NULL, expires INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;
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
	CREATE TABLE salts (day TEXT PRIMARY KEY, salt TEXT NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
	CREATE TABLE tokens (hash TEXT PRIMARY KEY, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
	CREATE TABLE once (name TEXT PRIMARY KEY, claimed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/** The records as a thread sees them that may wait for the disk. */
export type SyncRecords = {
	readonly [K in keyof Records]: (...args: Parameters<Records[K]>) => Awaited<ReturnType<Records[K]>>;
};

interface RunRow {
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
}

export class SqliteRecordsFile implements SyncRecords {
	readonly #database: DatabaseSync;

	constructor(file: string) {
		this.#database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
		this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;");
		this.#transaction(() => {
			const format = this.#one<{ user_version: number }>("PRAGMA user_version")?.user_version ?? 0;
			if (format > FORMAT) throw new Error(`${file} has format ${format}, this release knows ${FORMAT}`);
			if (format === 0) this.#database.exec(SCHEMA);
			if (format < 2) this.#database.exec(reports.REPORTS_SCHEMA);
			if (format < FORMAT) this.#database.exec(`PRAGMA user_version = ${FORMAT}`);
		});
	}

	heartbeat(actor: string, node: string, ttlMs: number): string[] {
		this.#run(`INSERT INTO nodes VALUES (?, ?, ${NOW}) ON CONFLICT DO UPDATE SET seen = excluded.seen`, actor, node);
		this.#run(`DELETE FROM nodes WHERE seen < ${NOW} - ?`, Math.max(ttlMs, NODES_LIVE_MS));
		const seen = this.#all<{ node: string }>(
			`SELECT node FROM nodes WHERE actor = ? AND seen > ${NOW} - ?`,
			actor,
			ttlMs,
		);
		return seen.map((row) => row.node).sort();
	}

	leave(actor: string, node: string): void {
		this.#run("DELETE FROM nodes WHERE actor = ? AND node = ?", actor, node);
	}

	acquire(name: string, holder: string, ttlMs: number): Lease | null {
		const lease = this.#one<Lease>(
			`INSERT INTO leases VALUES (?, ?, 1, ${NOW} + ?) ON CONFLICT DO UPDATE
			SET fence = fence + (holder <> excluded.holder), holder = excluded.holder, expires = excluded.expires
			WHERE holder = excluded.holder OR expires <= ${NOW}
			RETURNING name, holder, fence`,
			name,
			holder,
			ttlMs,
		);
		return lease ? { ...lease } : null;
	}

	release({ name, holder, fence }: Lease): void {
		const sql = "UPDATE leases SET holder = '', expires = 0 WHERE name = ? AND holder = ? AND fence = ?";
		this.#run(sql, name, holder, fence);
	}

	queueRun({ id, job, params, key, notBefore }: NewRun): string {
		return this.#transaction(() => {
			this.#run(`DELETE FROM runs WHERE ended < ${NOW} - ?`, RUNS_LIVE_DAYS * DAY_MS);
			this.#run(
				`INSERT INTO runs (id, key, job, status, queued, not_before, attempt, params)
				VALUES (?, ?, ?, 'queued', ${NOW}, coalesce(?, ${NOW}), 0, ?) ON CONFLICT DO NOTHING`,
				id,
				key ?? null,
				job,
				notBefore === undefined ? null : Date.parse(notBefore),
				params === undefined ? null : JSON.stringify(params),
			);
			return this.#one<{ id: string }>("SELECT id FROM runs WHERE key = ?", key ?? null)?.id ?? id;
		});
	}

	nextRun(): JobRun | null {
		const row = this.#one<RunRow>(
			`SELECT * FROM runs WHERE status = 'queued' AND not_before <= ${NOW} ORDER BY sequence LIMIT 1`,
		);
		return row ? toRun(row) : null;
	}

	changeRun(id: string, change: RunChange, lease: Lease): JobRun {
		return this.#transaction(() => {
			this.#requireHeld(lease);
			const over = change.status === "succeeded" || change.status === "failed";
			const row = this.#one<RunRow>(
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
				{
					id,
					status: change.status,
					over: over ? 1 : 0,
					startedAt: change.startedAt ?? null,
					finishedAt: change.finishedAt ?? null,
					attempt: change.attempt ?? null,
					result: change.result === undefined ? null : JSON.stringify(change.result),
					error: change.error ?? null,
					notBefore: change.notBefore === undefined ? null : Date.parse(change.notBefore),
				},
			);
			if (!row) throw new CodedError("not_found", `There is no run ${id}`);
			return toRun(row);
		});
	}

	runs(job: string, page: number, pageSize: number): Page<JobRun> {
		const total = this.#one<{ total: number }>("SELECT count(*) AS total FROM runs WHERE job = ?", job)?.total ?? 0;
		const rows = this.#all<RunRow>(
			"SELECT * FROM runs WHERE job = ? ORDER BY sequence DESC LIMIT ? OFFSET ?",
			job,
			pageSize,
			(page - 1) * pageSize,
		);
		return { rows: rows.map(toRun), total, page, pageSize };
	}

	runningRuns(): JobRun[] {
		return this.#all<RunRow>("SELECT * FROM runs WHERE status = 'running' ORDER BY sequence").map(toRun);
	}

	keepReport(made: MadeReport, lease: Lease): boolean {
		return this.#transaction(() => {
			this.#requireHeld(lease);
			return reports.keepReport(this.#database, made);
		});
	}

	reportPeriods(organisation: string, report: string): string[] {
		return reports.reportPeriods(this.#database, organisation, report);
	}

	reportRuns(...[query, page, pageSize]: Parameters<Records["reportRuns"]>): Page<ReportRun> {
		return reports.reportRuns(this.#database, query, page, pageSize);
	}

	reportFile(query: Parameters<Records["reportFile"]>[0]): { run: ReportRun; content: Uint8Array } | null {
		return reports.reportFile(this.#database, query);
	}

	reportFilesBeyond(...query: Parameters<Records["reportFilesBeyond"]>): string[] {
		return reports.reportFilesBeyond(this.#database, ...query);
	}

	dropReportFiles(...[of, lease]: Parameters<Records["dropReportFiles"]>): void {
		this.#transaction(() => {
			this.#requireHeld(lease);
			reports.dropReportFiles(this.#database, of);
		});
	}

	dropReports(organisation: string, report: string): void {
		this.#run("DELETE FROM reports WHERE organisation = ? AND report = ?", organisation, report);
	}

	salts(days: readonly string[]): Salt[] {
		const destroyed = this.#run(`DELETE FROM salts WHERE expires <= ${NOW}`);
		if (destroyed > 0) this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
		return days.flatMap((day) => {
			const expires = Date.parse(`${day}T00:00:00Z`) + DAY_MS + SALTS_LIVE_HOURS * 3_600_000;
			this.#run(`INSERT INTO salts SELECT :day, :salt, :expires WHERE :expires > ${NOW} ON CONFLICT DO NOTHING`, {
				day,
				salt: randomBytes(SALT_BYTES).toString("base64url"),
				expires,
			});
			const salt = this.#one<Salt>("SELECT day, salt FROM salts WHERE day = ?", day);
			return salt ? [{ ...salt }] : [];
		});
	}

	putToken(hash: string, expiresAt: number): void {
		this.#run(`DELETE FROM tokens WHERE expires <= ${NOW}`);
		this.#run("INSERT OR REPLACE INTO tokens VALUES (?, ?)", hash, Math.round(expiresAt));
	}

	takeToken(hash: string): boolean {
		return this.#one(`DELETE FROM tokens WHERE hash = ? AND expires > ${NOW} RETURNING 1`, hash) !== undefined;
	}

	claimOnce(name: string): boolean {
		return this.#run(`INSERT INTO once VALUES (?, ${NOW}) ON CONFLICT DO NOTHING`, name) === 1;
	}

	ping(): void {
		this.#one("SELECT 1 FROM once LIMIT 1");
	}

	close(): void {
		this.#database.close();
	}

	#requireHeld({ name, holder, fence }: Lease): void {
		const held = this.#one("SELECT 1 FROM leases WHERE name = ? AND holder = ? AND fence = ?", name, holder, fence);
		if (!held) throw new CodedError("lease_lost", `${holder} does not hold the lease ${name} with fence ${fence}`);
	}

	#transaction<T>(work: () => T): T {
		this.#database.exec("BEGIN IMMEDIATE");
		try {
			const value = work();
			this.#database.exec("COMMIT");
			return value;
		} catch (error) {
			if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
			throw error;
		}
	}

	#run(sql: string, ...values: Values): number {
		return Number(this.#database.prepare(sql).run(...(values as SQLInputValue[])).changes);
	}

	#one<T = unknown>(sql: string, ...values: Values): T | undefined {
		return this.#database.prepare(sql).get(...(values as SQLInputValue[])) as T | undefined;
	}

	#all<T>(sql: string, ...values: Values): T[] {
		return this.#database.prepare(sql).all(...(values as SQLInputValue[])) as T[];
	}
}

/** Values of a statement in their order, or one object of named ones. */
type Values = SQLInputValue[] | [Record<string, SQLInputValue>];

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
