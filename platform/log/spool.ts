/**
 * Where a gateway keeps accepted scans while the event log is away: a folder of file logs, one per start, made when the
 * first scan needs it. Messages are kept as they were encoded, with producer, number and totals, so that one that reaches
 * the log twice is recognised. Files are drained oldest first, those of earlier starts before the own, and then deleted.
 *
 * The folder belongs to the process that holds the lock of the data folder it lies in; the caller sees to that.
 */

import { randomUUID } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { CodedError, codeOf } from "../../contracts/errors.ts";
import { drainLog, type Reappend } from "./drain.ts";
import type { EventLog } from "./event-log.ts";
import { type FileLayer, machineFiles } from "./file-layer.ts";
import { openFileLog } from "./file-log.ts";
import { countWaiting, type Frame, frame, scansIn, unframe } from "./spool-frame.ts";

const FILE = /^spool-\d{15}-\d{6}-[\w-]+$/;

export interface SpoolOptions {
	/** The folder, made when absent. */
	readonly dir: string;
	/** As the event log's, so that what is drained goes to the partition it was meant for. */
	readonly partitions: number;
	/** Largest size of one file, beyond which it refuses with `log_full`. @defaultValue the disk's */
	readonly maxBytes?: number;
	/** @defaultValue the file system of the machine */
	readonly files?: FileLayer;
	/** Told of files that cannot be drained. */
	readonly logger?: { warn(message: string): void };
}

interface SpoolFile {
	readonly path: string;
	/** Open for as long as this process appends to it or drains it. */
	log?: EventLog;
	/** Scans that wait in it. */
	scans: number;
	/** Appends that are not settled yet. */
	readonly underWay?: Set<Promise<unknown>>;
}

/** The file that is appended to. */
interface CurrentFile extends SpoolFile {
	readonly log: EventLog;
	/** Scans appended so far, by partition. */
	readonly appended: number[];
	readonly underWay: Set<Promise<unknown>>;
}

export interface Spool {
	/** Scans that wait to be drained. */
	readonly scans: number;
	/** What the files take on the disk. */
	bytes(): Promise<number>;
	/** Names of the files, in the order in which they are drained. */
	files(): string[];
	/**
	 * Keeps an encoded message; resolves when it is durable. One that may be in a file that failed is kept in a new file
	 * once more, as it is.
	 *
	 * @throws `log_full` when there is no room, `log_unavailable` when no file takes it.
	 */
	append(partition: number, data: Uint8Array): Promise<void>;
	/**
	 * Gives everything that waits to `reappend`, in order within each partition, and deletes each file when all of it was
	 * made durable elsewhere. A file that cannot be read is passed over and stays. Ends when nothing is left, also of what
	 * was appended meanwhile, or when the signal says so.
	 *
	 * @throws what `reappend` throws; the message stays and comes again.
	 */
	drain(reappend: Reappend, signal: AbortSignal): Promise<void>;
	/** Ends a draining, lets appends under way finish and frees everything; files that hold scans stay. */
	close(): Promise<void>;
}

/**
 * Opens the spool and counts what earlier starts left in it.
 *
 * @example
 * const spool = await openSpool({ dir: join(dataDir, "spool"), partitions: log.partitions });
 * await spool.append(partition, encodeMessage(message));
 * await spool.drain((partition, message) => log.append(partition, encodeMessage(message)), signal);
 */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
	await machineFiles.makeFolder(options.dir);
	const spool = new FolderSpool(options);
	await spool.countLeft();
	return spool;
}

/** True when there are spool files in a folder, also when it is another process's. */
export async function hasSpoolFiles(dir: string): Promise<boolean> {
	const names = await readdir(dir).catch(() => []);
	return names.some((name) => FILE.test(name));
}

class FolderSpool implements Spool {
	readonly #options: SpoolOptions;
	readonly #started = Date.now();
	readonly #closing = new AbortController();
	#waiting: SpoolFile[] = [];
	#current: CurrentFile | undefined;
	#making: Promise<void> | undefined;
	#made = 0;
	#draining: Promise<void> | undefined;

	constructor(options: SpoolOptions) {
		this.#options = options;
	}

	get scans(): number {
		return this.#all().reduce((sum, { scans }) => sum + scans, 0);
	}

	async bytes(): Promise<number> {
		const sizes = await Promise.all(this.#all().map(({ path }) => bytesIn(path)));
		return sizes.reduce((sum, size) => sum + size, 0);
	}

	files(): string[] {
		return this.#all().map(({ path }) => path);
	}

	async countLeft(): Promise<void> {
		const names = (await readdir(this.#options.dir)).filter((name) => FILE.test(name)).sort();
		this.#waiting = names.map((name) => ({ path: join(this.#options.dir, name), scans: 0 }));
		for (const file of this.#waiting) {
			await this.#withLog(file, async (log) => {
				file.scans = await countWaiting(log);
			});
		}
	}

	async append(partition: number, data: Uint8Array): Promise<void> {
		const what = { data, scans: scansIn(data) };
		try {
			await this.#appendOnce(partition, what);
		} catch (error) {
			if (codeOf(error) !== "log_unavailable" || this.#closing.signal.aborted) throw error;
			await this.#appendOnce(partition, what);
		}
	}

	drain(reappend: Reappend, signal: AbortSignal): Promise<void> {
		if (this.#draining) return this.#draining;
		const draining = this.#drain(reappend, AbortSignal.any([signal, this.#closing.signal]));
		this.#draining = draining.finally(() => {
			this.#draining = undefined;
		});
		return this.#draining;
	}

	async close(): Promise<void> {
		this.#closing.abort();
		await this.#draining?.catch(() => undefined);
		await this.#making?.catch(() => undefined);
		await this.#current?.log.close();
		for (const file of this.#waiting) await file.log?.close();
	}

	#all(): SpoolFile[] {
		return this.#current ? [...this.#waiting, this.#current] : this.#waiting;
	}

	async #drain(reappend: Reappend, signal: AbortSignal): Promise<void> {
		const passedOver = new Set<SpoolFile>();
		while (!signal.aborted) {
			if (this.#waiting.length === passedOver.size && this.#current) this.#seal(this.#current);
			const file = this.#waiting.find((candidate) => !passedOver.has(candidate));
			if (!file) return;
			await Promise.allSettled(file.underWay ?? []);
			let refusal: { readonly error: unknown } | undefined;
			const drained = await this.#withLog(file, (log) =>
				drainLog(
					log,
					(partition, message) =>
						reappend(partition, message).catch((error) => {
							refusal = { error };
							throw error;
						}),
					{
						signal,
						unwrap: unframe,
						onDrained: (message) => {
							file.scans = Math.max(0, file.scans - message.scans.length);
						},
						onMalformed: (reason) => this.#warn(file, `holds a message that is none (${reason})`),
					},
				),
			);
			if (refusal) throw refusal.error;
			if (drained) await this.#remove(file);
			else passedOver.add(file);
		}
	}

	/** Works with a file's log, undefined when the file fails; a file that this process does not use is closed again. */
	async #withLog<T>(file: SpoolFile, work: (log: EventLog) => Promise<T>): Promise<T | undefined> {
		const held = file.log !== undefined;
		try {
			file.log ??= await openFileLog({ dir: file.path, files: this.#options.files });
			return await work(file.log);
		} catch (error) {
			this.#warn(file, `cannot be drained now and stays: ${(error as Error).message}`);
			return undefined;
		} finally {
			if (!held) {
				await file.log?.close();
				file.log = undefined;
			}
		}
	}

	async #appendOnce(partition: number, what: Frame): Promise<void> {
		while (!this.#current) {
			if (this.#closing.signal.aborted) throw new CodedError("log_unavailable", "The spool is closed");
			this.#making ??= this.#makeFile().finally(() => {
				this.#making = undefined;
			});
			await this.#making;
		}
		// Nothing may come between finding the file and appending to it: it could be sealed and drained.
		const file = this.#current;
		try {
			await this.#appendTo(file, partition, what);
		} catch (error) {
			// A file that failed takes nothing more; what it had acknowledged waits in it to be drained.
			if (codeOf(error) === "log_unavailable") this.#seal(file);
			throw error;
		}
	}

	async #makeFile(): Promise<void> {
		const { dir, partitions, maxBytes, files } = this.#options;
		const name = [`${this.#started}`.padStart(15, "0"), `${++this.#made}`.padStart(6, "0"), randomUUID().slice(0, 8)];
		const path = join(dir, `spool-${name.join("-")}`);
		const log = await openFileLog({ dir: path, partitions, maxBytes, files });
		this.#current = { path, log, scans: 0, appended: Array(partitions).fill(0), underWay: new Set() };
	}

	async #appendTo(file: CurrentFile, partition: number, { data, scans }: Frame): Promise<void> {
		const running = (file.appended[partition] ?? 0) + scans;
		file.appended[partition] = running;
		const appending = file.log.append(partition, frame(data, running));
		file.underWay.add(appending);
		try {
			await appending;
			file.scans += scans;
		} catch (error) {
			file.appended[partition] = (file.appended[partition] ?? 0) - scans;
			throw error;
		} finally {
			file.underWay.delete(appending);
		}
	}

	/** From now on nothing is appended to a file, and it waits to be drained. */
	#seal(file: CurrentFile): void {
		if (this.#current !== file) return;
		this.#waiting.push(file);
		this.#current = undefined;
	}

	async #remove(file: SpoolFile): Promise<void> {
		await file.log?.close();
		await rm(file.path, { recursive: true, force: true });
		this.#waiting = this.#waiting.filter((other) => other !== file);
	}

	#warn(file: SpoolFile, what: string): void {
		this.#options.logger?.warn(`The spool file ${file.path} ${what}`);
	}
}

/** What the files of a folder take; one that is gone takes nothing. */
async function bytesIn(folder: string): Promise<number> {
	const names = await readdir(folder).catch(() => []);
	const sizes = await Promise.all(
		names.map((name) =>
			stat(join(folder, name)).then(
				({ size }) => size,
				() => 0,
			),
		),
	);
	return sizes.reduce((sum, size) => sum + size, 0);
}
