/**
 * The file of an embedded event log or of a spool: a SQLite database in WAL mode whose every commit is synced. Everything
 * here is synchronous and runs in the log's worker thread. What it has acknowledged survives a killed process and a power
 * cut, as far as the disk keeps what it has synced; it does not survive the loss of the disk.
 *
 * The file is locked for as long as it is open, by a lock of the operating system that ends with the process. Checkpoints
 * are made here and not by SQLite, because SQLite ignores their errors: a sync that failed once must never be repeated and
 * believed, so any error but a full disk ends the file for writing until it is opened anew.
 */

import { randomUUID } from "node:crypto";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { CodedError, codeOf } from "../../contracts/errors.ts";
import type { Position } from "../../contracts/events.ts";

const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;
const FORMAT = 1;
const PAGE_BYTES = 4096;
/** How much is appended between two checkpoints: they keep the WAL short and cost a sync of the database file. */
const CHECKPOINT_BYTES = 2 * 1024 * 1024;
/** Rows forgotten in one transaction, so that a long trim holds up appends only for moments. */
const TRIM_ROWS = 2000;

export interface LogFileOptions {
	readonly file: string;
	/** Partitions of a new file; an old one must have as many. @defaultValue those of the file, 1 for a new one */
	readonly partitions?: number;
	/** The file's largest size, beyond which appends are refused with `log_full`. @defaultValue the disk's */
	readonly maxBytes?: number;
}

/** Messages packed for the way between threads: one buffer instead of one per message. */
export interface PackedMessages {
	readonly lengths: readonly number[];
	readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Messages to append, each with its partition. */
export interface PackedAppend extends PackedMessages {
	readonly partitions: readonly number[];
}

/** Messages read, each with its position. */
export interface PackedRead extends PackedMessages {
	readonly positions: readonly Position[];
}

export interface ReadRequest {
	readonly partition: number;
	readonly after: Position;
	readonly maxMessages: number;
	readonly maxBytes: number;
}

interface Row {
	readonly position: Position;
	readonly data: Uint8Array<ArrayBuffer>;
}

export class SqliteLogFile {
	readonly id: string;
	readonly partitions: number;
	readonly #database: DatabaseSync;
	readonly #insert: StatementSync;
	readonly #select: StatementSync;
	#sinceCheckpoint = 0;
	#deadReason: string | undefined;

	/**
	 * Opens a file or makes it. A file that was being made when its process was killed is made again.
	 *
	 * @throws `conflict` when `partitions` is not the file's, `log_unavailable` when another process has it open.
	 */
	constructor({ file, partitions, maxBytes }: LogFileOptions) {
		this.#database = new DatabaseSync(file, { timeout: 0, open: false });
		try {
			this.#database.open();
			this.#prepareFile(partitions ?? 1, maxBytes);
			const log = this.#database.prepare("SELECT id, partitions FROM log").get() as { id: string; partitions: number };
			this.id = log.id;
			this.partitions = log.partitions;
			if (partitions !== undefined && partitions !== log.partitions)
				throw new CodedError(
					"conflict",
					`PARTITIONS is ${partitions}, but the event log ${file} was made with ${log.partitions} and keeps them for its life`,
				);
			this.#insert = this.#database.prepare("INSERT INTO messages (partition, data) VALUES (?, ?)");
			this.#select = this.#database.prepare(
				"SELECT position, data FROM messages WHERE partition = ? AND position > ? ORDER BY position LIMIT ?",
			);
		} catch (error) {
			if (this.#database.isOpen) this.#database.close();
			if (codeOf(error)) throw error;
			const reason =
				primaryCode(error) === SQLITE_BUSY ? "is in use by another process" : `cannot be opened: ${messageOf(error)}`;
			throw new CodedError("log_unavailable", `The event log ${file} ${reason}`);
		}
	}

	/**
	 * Appends all or nothing in one synced transaction and returns the position of the first message; the others follow
	 * without a gap.
	 *
	 * @throws `log_full` when there is no room: nothing was appended. `log_unavailable` after any other error, and from
	 * then on always: whether the messages are in the file is not known.
	 */
	append(groups: readonly PackedAppend[]): Position {
		return this.#write("append to", () => {
			let first: Position | undefined;
			for (const { partitions, lengths, bytes } of groups) {
				let offset = 0;
				for (const [index, length] of lengths.entries()) {
					const data = bytes.subarray(offset, offset + length);
					const { lastInsertRowid } = this.#insert.run(partitions[index] as number, data);
					first ??= Number(lastInsertRowid);
					offset += length;
				}
				this.#sinceCheckpoint += bytes.length;
			}
			return first ?? 0;
		});
	}

	/** What is there after a position, in order; empty when nothing is. */
	read({ partition, after, maxMessages, maxBytes }: ReadRequest): PackedRead {
		const rows: Row[] = [];
		let size = 0;
		for (const row of this.#select.iterate(partition, after, maxMessages) as Iterable<unknown> as Iterable<Row>) {
			rows.push(row);
			size += row.data.length;
			if (size >= maxBytes) break;
		}
		const bytes = new Uint8Array(size);
		let offset = 0;
		for (const { data } of rows) {
			bytes.set(data, offset);
			offset += data.length;
		}
		return { positions: rows.map((row) => row.position), lengths: rows.map((row) => row.data.length), bytes };
	}

	at(partition: number, position: Position): Uint8Array | undefined {
		const row = this.#database
			.prepare("SELECT data FROM messages WHERE partition = ? AND position = ?")
			.get(partition, position);
		return (row as Row | undefined)?.data;
	}

	/** The position of each partition's last message, 0 when it has none. */
	ends(): Position[] {
		const last = this.#database.prepare("SELECT max(position) AS position FROM messages WHERE partition = ?");
		return Array.from({ length: this.partitions }, (_, partition) => {
			const row = last.get(partition) as { position: Position | null };
			return row.position ?? 0;
		});
	}

	/**
	 * Forgets some of the messages at and below a position, but never the log's last one; true while there are more.
	 *
	 * @throws as `append`.
	 */
	trimSome(upTo: Position): boolean {
		const changes = this.#write("trim", () => {
			const { changes } = this.#database
				.prepare(
					`DELETE FROM messages WHERE position IN (
						SELECT position FROM messages
						WHERE position <= ? AND position < (SELECT max(position) FROM messages)
						ORDER BY position LIMIT ?)`,
				)
				.run(upTo, TRIM_ROWS);
			return Number(changes);
		});
		this.#sinceCheckpoint += changes * 16;
		return changes === TRIM_ROWS;
	}

	/** Moves what is in the WAL to the database file when enough has gathered; an error ends the file for writing. */
	checkpointWhenDue(): void {
		if (this.#deadReason !== undefined || this.#sinceCheckpoint < CHECKPOINT_BYTES) return;
		this.#sinceCheckpoint = 0;
		try {
			this.#database.prepare("PRAGMA wal_checkpoint(PASSIVE)").get();
		} catch (error) {
			// A full disk only postpones it: what was not moved stays in the WAL, which was synced.
			if (primaryCode(error) !== SQLITE_FULL) this.#deadReason = messageOf(error);
		}
	}

	close(): void {
		this.#database.close();
	}

	#write<T>(what: string, work: () => T): T {
		if (this.#deadReason !== undefined) throw this.#dead(what);
		try {
			this.#database.exec("BEGIN IMMEDIATE");
			const value = work();
			this.#database.exec("COMMIT");
			return value;
		} catch (error) {
			const full = primaryCode(error) === SQLITE_FULL;
			if (!full) this.#deadReason = messageOf(error);
			try {
				if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
			} catch (rollbackError) {
				this.#deadReason ??= messageOf(rollbackError);
			}
			if (!full) throw this.#dead(what);
			throw new CodedError("log_full", `No room to ${what} the event log: ${messageOf(error)}`);
		}
	}

	#dead(what: string): CodedError {
		return new CodedError(
			"log_unavailable",
			`Cannot ${what} the event log: its file failed and takes no more writes until it is opened anew (${this.#deadReason})`,
		);
	}

	#prepareFile(partitions: number, maxBytes: number | undefined): void {
		const database = this.#database;
		// Exclusive before the first access: the WAL's index then lives in memory and no second process gets in.
		database.exec(`
			PRAGMA locking_mode = EXCLUSIVE;
			PRAGMA page_size = ${PAGE_BYTES};
			PRAGMA journal_mode = WAL;
			PRAGMA synchronous = FULL;
			PRAGMA fullfsync = ON;
			PRAGMA checkpoint_fullfsync = ON;
			PRAGMA wal_autocheckpoint = 0;`);
		database.exec("BEGIN IMMEDIATE");
		const { user_version: format } = database.prepare("PRAGMA user_version").get() as { user_version: number };
		if (format > FORMAT) throw new Error(`it has format ${format}, this release knows ${FORMAT}`);
		if (format === 0) {
			database.exec(`
				CREATE TABLE log (id TEXT NOT NULL, partitions INTEGER NOT NULL) STRICT;
				CREATE TABLE messages (
					position INTEGER PRIMARY KEY AUTOINCREMENT,
					partition INTEGER NOT NULL,
					data BLOB NOT NULL
				) STRICT;
				PRAGMA user_version = ${FORMAT};`);
			database.prepare("INSERT INTO log VALUES (?, ?)").run(randomUUID(), partitions);
			// A log of one partition is read along its primary key.
			if (partitions > 1) database.exec("CREATE INDEX messages_of_partition ON messages (partition)");
		}
		database.exec("COMMIT");
		if (maxBytes !== undefined) database.exec(`PRAGMA max_page_count = ${Math.ceil(maxBytes / PAGE_BYTES)}`);
	}
}

function primaryCode(error: unknown): number | undefined {
	const code = (error as { errcode?: unknown } | null)?.errcode;
	return typeof code === "number" ? code & 0xff : undefined;
}

function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
