/*
 * A lock between processes of this machine. It is a lock of the operating system on a SQLite file, so it ends with the
 * process that holds it, however that process ends: there is no stale lock to clean up.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { until } from "./until.ts";

const SQLITE_BUSY = 5;

/** True once the lock is held, false while another holds it. */
function tryLock(database: DatabaseSync): boolean {
	try {
		database.exec("BEGIN EXCLUSIVE");
		return true;
	} catch (error) {
		if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return false;
		throw error;
	}
}

/** Runs `work` while no other process and no other caller here runs under the same lock file. */
export async function withLock<T>(file: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
	mkdirSync(path.dirname(file), { recursive: true });
	const database = new DatabaseSync(file, { timeout: 0 });
	try {
		await until(() => tryLock(database), { what: `the lock ${file}`, timeoutMs, everyMs: 100 });
		return await work();
	} finally {
		database.close();
	}
}
