/**
 * The writer's transactions, and what an error of the disk means: after a write or sync that failed nothing of the file
 * can be believed that was not read back, so the writer refuses everything until the store is opened anew.
 */

import type { DatabaseSync } from "node:sqlite";
import { CodedError } from "../../contracts/errors.ts";

const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
/** Errors that pass: nothing was written, and the same may be tried again. */
const PASSING = new Set([SQLITE_BUSY, SQLITE_FULL]);
const LASTING_OF_FILE = new Set([SQLITE_READONLY, SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_CANTOPEN]);
/** Pages in the WAL from which on a checkpoint moves them to the file. */
const CHECKPOINT_PAGES = 8192;

export class SqliteTransactions {
	readonly #database: DatabaseSync;
	#failure: string | undefined;

	constructor(database: DatabaseSync) {
		this.#database = database;
	}

	/**
	 * Runs `work` in one transaction that is synced when this returns.
	 *
	 * @throws what `work` threw; `unavailable` when the disk is full or the file is locked, and from the first failed write
	 * or sync on always.
	 */
	run<T>(work: () => T): T {
		return this.#run(work, "COMMIT");
	}

	/** Runs `work` as `run` does, and takes it back. */
	rehearse(work: () => void): void {
		this.#run(work, "ROLLBACK");
	}

	#run<T>(work: () => T, end: "COMMIT" | "ROLLBACK"): T {
		this.assertUsable();
		try {
			this.#database.exec("BEGIN IMMEDIATE");
			const value = work();
			this.#database.exec(end);
			return value;
		} catch (error) {
			this.#note(error);
			try {
				if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
			} catch (rollbackError) {
				this.#failure ??= messageOf(rollbackError);
			}
			throw this.#asCoded(error);
		}
	}

	/** Moves what is in the WAL to the file when enough has gathered. */
	checkpointWhenDue(): void {
		if (this.#failure !== undefined || this.#pagesInWal("NOOP") < CHECKPOINT_PAGES) return;
		try {
			this.#pagesInWal("PASSIVE");
		} catch (error) {
			this.#note(error);
		}
	}

	/** @throws `unavailable` when the file takes no more writes. */
	assertUsable(): void {
		if (this.#failure === undefined) return;
		throw new CodedError(
			"unavailable",
			`The scan store takes no more writes until it is opened anew: its file failed (${this.#failure})`,
		);
	}

	/** Makes a checkpoint of this mode; returns how many pages of the WAL are not in the file after it. */
	#pagesInWal(mode: "NOOP" | "PASSIVE"): number {
		const row = this.#database.prepare(`PRAGMA wal_checkpoint(${mode})`).get();
		const { log, checkpointed } = row as { log: number; checkpointed: number };
		return log - checkpointed;
	}

	#note(error: unknown): void {
		if (LASTING_OF_FILE.has(primaryCode(error) ?? 0)) this.#failure ??= messageOf(error);
	}

	#asCoded(error: unknown): unknown {
		if (this.#failure === undefined && !PASSING.has(primaryCode(error) ?? 0)) return error;
		return new CodedError("unavailable", `The scan store cannot be written: ${this.#failure ?? messageOf(error)}`);
	}
}

function primaryCode(error: unknown): number | undefined {
	const code = (error as { errcode?: unknown } | null)?.errcode;
	return typeof code === "number" ? code & 0xff : undefined;
}

function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
