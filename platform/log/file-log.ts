/**
 * The embedded event log: segment files that are only ever appended to. The same code is the spool of a gateway. What it
 * acknowledges was synced first, so it survives a killed process and a power cut, as far as the disk keeps what it has
 * synced; it does not survive the loss of the disk.
 *
 * What comes while a group is being synced is the next group, so groups grow with load and the latency stays that of one
 * sync. Readers at the end are served from memory. The folder belongs to the process that holds the lock of the data
 * folder it lies in.
 */

import { CodedError, codeOf } from "../../contracts/errors.ts";
import type { Position } from "../../contracts/events.ts";
import type { EventLog, LogEnd, LogMessage, ReadOptions } from "./event-log.ts";
import { type FileLayer, machineFiles } from "./file-layer.ts";
import { LogTail } from "./log-tail.ts";
import { Segments } from "./segments.ts";

const DEFAULT_MAX_MESSAGES = 512;
/** A batch ends with the message that reaches this size, so that large messages do not pile up in memory. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** As much is written and synced at once. */
const MAX_GROUP_BYTES = 4 * 1024 * 1024;

export interface FileLogOptions {
	/** The folder, made when absent. */
	readonly dir: string;
	/** Partitions of a new log; an old one must have as many. @defaultValue those of the log, 1 for a new one */
	readonly partitions?: number;
	/** Most bytes of messages, beyond which appends are refused with `log_full`. @defaultValue the disk's */
	readonly maxBytes?: number;
	/** @defaultValue the file system of the machine */
	readonly files?: FileLayer;
}

interface Gathered {
	readonly partition: number;
	readonly data: Uint8Array;
	readonly resolve: (position: Position) => void;
	readonly reject: (error: unknown) => void;
}

/**
 * Opens the log in a folder.
 *
 * @throws `conflict` when `partitions` is not what the log was made with, `log_unavailable` when the folder cannot be used
 * or something that was synced is damaged.
 *
 * @example
 * const log = await openFileLog({ dir: "data/log", partitions: 1 });
 * const position = await log.append(0, encodeMessage(message));
 */
export async function openFileLog({ files = machineFiles, ...options }: FileLogOptions): Promise<EventLog> {
	return new FileLog(await Segments.open({ ...options, files }));
}

class FileLog implements EventLog {
	readonly id: string;
	readonly partitions: number;
	readonly #segments: Segments;
	readonly #tail = new LogTail();
	/**
	 * Each with the position that it has read to. What nobody still has to read is not kept in memory: messages that outlive
	 * their append by long are what the old heap is collected for.
	 */
	readonly #readers = new Set<{ position: Position }>();
	#gathered: Gathered[] = [];
	#appending: Promise<void> | undefined;
	#closing: Promise<void> | undefined;
	/** Readers at the end, told when something was appended or the log is closed. */
	readonly #waiting = new Set<() => void>();

	constructor(segments: Segments) {
		this.#segments = segments;
		this.id = segments.id;
		this.partitions = segments.partitions;
	}

	append(partition: number, data: Uint8Array): Promise<Position> {
		return new Promise((resolve, reject) => {
			this.#assertUsable(partition);
			this.#gathered.push({ partition, data, resolve, reject });
			this.#appending ??= Promise.resolve().then(() => this.#appendGathered());
		});
	}

	async *read(partition: number, after: Position, options: ReadOptions): AsyncGenerator<readonly LogMessage[]> {
		const { signal, maxMessages = DEFAULT_MAX_MESSAGES } = options;
		const reader = { position: after };
		this.#readers.add(reader);
		try {
			while (!signal.aborted) {
				this.#assertUsable(partition);
				reader.position = Math.max(reader.position, this.#segments.trimmed);
				for await (const messages of this.#tail.after(reader.position) ?? this.#fromFiles(reader.position)) {
					for (const batch of batches(messages, partition, maxMessages)) {
						if (signal.aborted) return;
						yield batch;
					}
					reader.position = messages.at(-1)?.position ?? reader.position;
					if (signal.aborted) return;
				}
				this.#forgetRead();
				if (reader.position >= this.#segments.next - 1) await this.#moreOrEnd(signal);
			}
		} finally {
			this.#readers.delete(reader);
			this.#forgetRead();
		}
	}

	async at(partition: number, position: Position): Promise<LogMessage | undefined> {
		this.#assertUsable(partition);
		if (position < 1 || position <= this.#segments.trimmed || position >= this.#segments.next) return undefined;
		for await (const [message] of this.#tail.after(position - 1) ?? this.#fromFiles(position - 1))
			return message?.position === position && message.partition === partition ? message : undefined;
		return undefined;
	}

	async ends(): Promise<LogEnd[]> {
		this.#assertUsable();
		const { lastOf, trimmed } = this.#segments;
		return lastOf.map((last, partition) => ({ partition, position: last > trimmed ? last : 0 }));
	}

	async trim(upTo: Position): Promise<void> {
		this.#assertUsable();
		const { deadReason } = this.#segments;
		if (deadReason !== undefined) throw failed(deadReason);
		try {
			await this.#segments.trim(upTo);
			this.#tail.forget(this.#segments.trimmed);
		} catch (error) {
			throw failed(error);
		}
	}

	close(): Promise<void> {
		this.#closing ??= this.#close();
		return this.#closing;
	}

	async #close(): Promise<void> {
		await this.#appending;
		this.#wakeReaders();
		await this.#segments.close();
	}

	async #appendGathered(): Promise<void> {
		while (this.#gathered.length > 0) {
			const group = this.#takeGroup();
			try {
				const first = await this.#segments.append(group);
				if (this.#readers.size > 0)
					this.#tail.add(group.map(({ partition, data }, index) => ({ partition, position: first + index, data })));
				for (const [index, { resolve }] of group.entries()) resolve(first + index);
				this.#wakeReaders();
			} catch (error) {
				for (const { reject } of group) reject(error);
			}
		}
		this.#appending = undefined;
	}

	#takeGroup(): Gathered[] {
		let bytes = 0;
		let count = 0;
		for (const { data } of this.#gathered) {
			bytes += data.length;
			if (count > 0 && bytes > MAX_GROUP_BYTES) break;
			count++;
		}
		return count === this.#gathered.length ? this.#gathered.splice(0) : this.#gathered.splice(0, count);
	}

	/** Whatever goes wrong with the files that is not one of the log's own errors means that the log is not there. */
	async *#fromFiles(after: Position): AsyncGenerator<readonly LogMessage[]> {
		try {
			yield* this.#segments.readFrom(after);
		} catch (error) {
			throw codeOf(error) ? error : failed(error);
		}
	}

	#forgetRead(): void {
		let lowest = Number.POSITIVE_INFINITY;
		for (const { position } of this.#readers) lowest = Math.min(lowest, position);
		this.#tail.forget(lowest);
	}

	/** Waits until something was appended, the log is closed, or the signal says so. */
	#moreOrEnd(signal: AbortSignal): Promise<void> {
		if (signal.aborted || this.#closing) return Promise.resolve();
		return new Promise((resolve) => {
			const wake = () => {
				this.#waiting.delete(wake);
				signal.removeEventListener("abort", wake);
				resolve();
			};
			signal.addEventListener("abort", wake);
			this.#waiting.add(wake);
		});
	}

	#wakeReaders(): void {
		for (const wake of this.#waiting) wake();
	}

	#assertUsable(partition = 0): void {
		if (this.#closing) throw new CodedError("log_unavailable", "The event log is closed");
		if (!Number.isInteger(partition) || partition < 0 || partition >= this.partitions)
			throw new RangeError(`The event log has partitions 0–${this.partitions - 1}, not ${partition}`);
	}
}

function* batches(messages: readonly LogMessage[], partition: number, maxMessages: number): Generator<LogMessage[]> {
	let batch: LogMessage[] = [];
	let bytes = 0;
	for (const message of messages) {
		if (message.partition !== partition) continue;
		batch.push(message);
		bytes += message.data.length;
		if (batch.length < maxMessages && bytes < MAX_BATCH_BYTES) continue;
		yield batch;
		batch = [];
		bytes = 0;
	}
	if (batch.length > 0) yield batch;
}

function failed(error: unknown): CodedError {
	return new CodedError("log_unavailable", `The event log failed: ${error instanceof Error ? error.message : error}`);
}
