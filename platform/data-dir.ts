/**
 * The lock of a data folder: one process owns it at a time. The operating system holds the lock (SQLite's exclusive file
 * lock), so it is gone with its process, however that ends. Processes that are all told the same, as the containers of one
 * service are, take numbered folders side by side: the first that is nobody's, so that who comes again takes up what one
 * that is gone has left.
 */

import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";

const LOCK_FILE = "lock.db";
/** Stands in DATA_DIR for the number of a folder. */
export const FOLDER_NUMBER = "{n}";
const MOST_FOLDERS = 1_000;

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
 * Makes the folder when it is absent and locks it; with {@link FOLDER_NUMBER} in its name, the one with the lowest number,
 * from 1, that no process holds.
 *
 * @throws {DataDirError} when another process holds it, or when it cannot be written.
 */
export function lockDataDir(dataDir: string): DataDirLock {
	const most = dataDir.includes(FOLDER_NUMBER) ? MOST_FOLDERS : 1;
	for (let number = 1; number <= most; number++) {
		const lock = lockUnlessHeld(dataDir.replaceAll(FOLDER_NUMBER, String(number)));
		if (lock) return lock;
	}
	throw new DataDirError(
		`DATA_DIR is ${JSON.stringify(dataDir)}: another Scanpulse process works in it. Stop that one, or give this one a folder of its own.`,
	);
}

/** Undefined when another process holds the folder. */
function lockUnlessHeld(dataDir: string): DataDirLock | undefined {
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
		if (errcode === 5 || errcode === 261 || /locked|busy/i.test(message)) return undefined;
		throw new DataDirError(
			`DATA_DIR is ${JSON.stringify(dataDir)}: expected a folder that can be written (${message})`,
		);
	}
	const held = database;
	return { dir, release: () => held.close() };
}
