/**
 * The lock of a data folder: one process owns it at a time. The operating system holds the lock (SQLite's exclusive file
 * lock), so it is gone with its process, however that ends.
 */

import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";

const LOCK_FILE = "lock.db";

export interface DataDirLock {
	/** Absolute path of the folder. */
	readonly dir: string;
	release(): void;
}

/** The folder cannot be had; the message says why and what to do. */
export class DataDirError extends Error {
	override name = "DataDirError";
}

/**
 * Makes the folder when it is absent and locks it.
 *
 * @throws {DataDirError} when another process holds it, or when it cannot be written.
 */
export function lockDataDir(dataDir: string): DataDirLock {
	const dir = resolve(dataDir);
	let database: DatabaseSync | undefined;
	try {
		mkdirSync(dir, { recursive: true });
		database = new DatabaseSync(join(dir, LOCK_FILE), { timeout: 0 });
		database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;");
		// The first write takes the exclusive lock, and exclusive mode keeps it until the file is closed.
		database.exec("BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS owner (pid INTEGER); COMMIT;");
	} catch (error) {
		database?.close();
		const { message, errcode } = error as Error & { errcode?: number };
		if (errcode === 5 || errcode === 261 || /locked|busy/i.test(message)) {
			throw new DataDirError(
				`DATA_DIR is ${JSON.stringify(dataDir)}: another Scanpulse process works in it. Stop that one, or give this one a folder of its own.`,
			);
		}
		throw new DataDirError(
			`DATA_DIR is ${JSON.stringify(dataDir)}: expected a folder that can be written (${message})`,
		);
	}
	const held = database;
	return { dir, release: () => held.close() };
}
