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
import type { JobRun } from "../../contracts/job.ts";
import type { ReportRun } from "../../contracts/report.ts";
import { SALT_BYTES, SALTS_LIVE_HOURS } from "./lifetimes.ts";
import type { Lease, MadeReport, NewRun, Records, RunChange } from "./records.ts";
import { NOW } from "./sqlite-clock.ts";
import * as reports from "./sqlite-reports.ts";
import * as jobs from "./sqlite-runs.ts";

const BUSY_TIMEOUT_MS = 5000;
const FORMAT = 2;
/** Nodes that were not seen for so long are forgotten, ms. */
const NODES_LIVE_MS = 3_600_000;
const DAY_MS = 86_400_000;

const SCHEMA = `
	CREATE TABLE nodes (
		actor TEXT NOT NULL, node TEXT NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY (actor, node)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE leases (
		name TEXT PRIMARY KEY, holder TEXT NOT NULL, fence INTEGER NOT NULL, expires INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;
	${jobs.RUNS_SCHEMA}
	CREATE TABLE salts (day TEXT PRIMARY KEY, salt TEXT NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
	CREATE TABLE tokens (hash TEXT PRIMARY KEY, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
	CREATE TABLE once (name TEXT PRIMARY KEY, claimed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/** The records as a thread sees them that may wait for the disk. */
export type SyncRecords = {
	readonly [K in keyof Records]: (...args: Parameters<Records[K]>) => Awaited<ReturnType<Records[K]>>;
};

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

	queueRun(run: NewRun): string {
		return this.#transaction(() => jobs.queueRun(this.#database, run));
	}

	nextRun(): JobRun | null {
		return jobs.nextRun(this.#database);
	}

	changeRun(id: string, change: RunChange, lease: Lease): JobRun {
		return this.#transaction(() => {
			this.#requireHeld(lease);
			return jobs.changeRun(this.#database, id, change);
		});
	}

	runs(...[job, page, pageSize]: Parameters<Records["runs"]>): Page<JobRun> {
		return jobs.runs(this.#database, job, page, pageSize);
	}

	runningRuns(): JobRun[] {
		return jobs.runningRuns(this.#database);
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
