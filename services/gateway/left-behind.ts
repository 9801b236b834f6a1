/**
 * What other processes left behind on this machine: scans in a file log from before NATS was configured, and in the
 * spools of gateways that are gone, whose data folders lie beside ours, go to the event log like our own; salts there
 * whose time is over are destroyed, as their gateways would have done.
 */

import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type DataDirLock, lockDataDir } from "../../platform/data-dir.ts";
import { drainLog, type Reappend } from "../../platform/log/drain.ts";
import type { EventLog } from "../../platform/log/event-log.ts";
import { openFileLog } from "../../platform/log/file-log.ts";
import { encodeMessage } from "../../platform/log/message.ts";
import { FILE_LOG } from "../../platform/log/open.ts";
import { hasSpoolFiles, openSpool } from "../../platform/log/spool.ts";
import { livingSalts, readSalts, SALTS_FILE, writeSalts } from "./enrich/salt-file.ts";
import { readGatewayId } from "./gateway-id.ts";

export interface LeftBehindOptions {
	readonly dataDir: string;
	readonly log: EventLog;
	readonly logger: { info(message: string): void; warn(message: string): void };
	/** Told that nothing waits any more in the spool of the gateway of this name. */
	readonly onBroughtHome: (gateway: string) => void;
	/** How often it is looked, ms; a folder must be nobody's at two looks in a row. @defaultValue 5,000 */
	readonly everyMs?: number;
}

export class LeftBehind {
	readonly #options: Required<LeftBehindOptions>;
	readonly #stopping = new AbortController();
	/** Folders with scans that were nobody's at the last look: their process may just be starting again. */
	#orphans = new Set<string>();
	#looking: Promise<void> = Promise.resolve();

	constructor(options: LeftBehindOptions) {
		this.#options = { everyMs: 5_000, ...options };
	}

	start(): void {
		this.#looking = this.#keepLooking();
	}

	async stop(): Promise<void> {
		this.#stopping.abort();
		await this.#looking;
	}

	async #keepLooking(): Promise<void> {
		const { logger, everyMs } = this.#options;
		const { signal } = this.#stopping;
		while (!signal.aborted) {
			await this.#look().catch((error: Error) => logger.warn(`Scans that were left behind stay: ${error.message}`));
			await delay(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
		}
	}

	async #look(): Promise<void> {
		const { dataDir } = this.#options;
		const fileLog = join(dataDir, FILE_LOG);
		if (existsSync(fileLog)) await this.#drainFileLog(fileLog);
		const orphans = new Set<string>();
		for (const folder of await foldersBeside(dataDir)) {
			if (this.#stopping.signal.aborted) continue;
			await destroyOldSalts(folder);
			if (!(await hasSpoolFiles(join(folder, "spool")))) continue;
			const lock = tryLock(folder);
			if (!lock) continue;
			try {
				if (!this.#orphans.has(folder)) orphans.add(folder);
				else if (await this.#drainSpool(join(folder, "spool"))) {
					const gateway = await readGatewayId(folder);
					if (gateway !== undefined) this.#options.onBroughtHome(gateway);
				}
			} finally {
				lock.release();
			}
		}
		this.#orphans = orphans;
	}

	async #drainFileLog(dir: string): Promise<void> {
		const left = await openFileLog({ dir });
		let drained = false;
		try {
			drained = await drainLog(left, this.#reappend, { signal: this.#stopping.signal });
		} finally {
			await left.close();
		}
		if (!drained) return;
		await rm(dir, { recursive: true, force: true });
		this.#options.logger.info("What was in the file log has gone to NATS");
	}

	/** True when nothing is left in it. */
	async #drainSpool(dir: string): Promise<boolean> {
		const { log, logger } = this.#options;
		const spool = await openSpool({ dir, partitions: log.partitions, logger });
		const scans = spool.scans;
		try {
			await spool.drain(this.#reappend, this.#stopping.signal);
			logger.info(`${scans - spool.scans} scans of a gateway that is gone went to the event log`);
			return spool.scans === 0;
		} finally {
			await spool.close();
		}
	}

	readonly #reappend: Reappend = async (partition, message) => {
		const { log } = this.#options;
		await log.append(partition % log.partitions, encodeMessage(message));
	};
}

async function foldersBeside(dataDir: string): Promise<string[]> {
	const own = resolve(dataDir);
	const entries = await readdir(dirname(own), { withFileTypes: true }).catch(() => []);
	return entries
		.filter((entry) => entry.isDirectory())
		.map(({ name }) => join(dirname(own), name))
		.filter((folder) => folder !== own);
}

async function destroyOldSalts(folder: string): Promise<void> {
	const file = join(folder, SALTS_FILE);
	const salts = await readSalts(file);
	if (livingSalts(salts, Date.now()).length === salts.length) return;
	const lock = tryLock(folder);
	if (!lock) return;
	try {
		// A gateway that had the folder until now may have written others.
		await writeSalts(file, livingSalts(await readSalts(file), Date.now()));
	} finally {
		lock.release();
	}
}

/** Undefined when a process works in the folder. */
function tryLock(folder: string): DataDirLock | undefined {
	try {
		return lockDataDir(folder);
	} catch {
		return undefined;
	}
}
