/**
 * Spools of processes that are gone: a gateway that died and does not come back leaves scans that were accepted. Whoever
 * holds the lock of such a data folder may drain its spool; a folder whose process lives is left alone.
 */

import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { lockDataDir } from "../data-dir.ts";
import type { Reappend } from "./drain.ts";
import { hasSpoolFiles, openSpool, type SpoolOptions } from "./spool.ts";

/** The spool's folder within a data folder. */
export const SPOOL_FOLDER = "spool";

export interface ForeignSpoolOptions extends Omit<SpoolOptions, "dir"> {
	/** The folder in which the data folders of all processes lie side by side. */
	readonly parent: string;
	/** The data folder of this process, which is left out. */
	readonly own: string;
	/** Ends the draining. */
	readonly signal: AbortSignal;
}

/**
 * Drains the spools in all data folders side by side whose processes are gone.
 *
 * @throws what `reappend` throws; what was not drained stays.
 */
export async function drainForeignSpools(reappend: Reappend, options: ForeignSpoolOptions): Promise<void> {
	const { parent, own, signal, ...spoolOptions } = options;
	const entries = await readdir(parent, { withFileTypes: true }).catch(() => []);
	for (const entry of entries) {
		const dataDir = resolve(parent, entry.name);
		const dir = join(dataDir, SPOOL_FOLDER);
		if (signal.aborted) return;
		if (!entry.isDirectory() || dataDir === resolve(own) || !(await hasSpoolFiles(dir))) continue;
		const lock = lockOf(dataDir);
		if (!lock) continue;
		try {
			const spool = await openSpool({ ...spoolOptions, dir });
			try {
				await spool.drain(reappend, signal);
			} finally {
				await spool.close();
			}
		} finally {
			lock.release();
		}
	}
}

/** The lock of a data folder, or undefined when a process lives in it. */
function lockOf(dataDir: string) {
	try {
		return lockDataDir(dataDir);
	} catch {
		return undefined;
	}
}
