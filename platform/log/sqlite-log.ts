/**
 * The embedded event log: one SQLite file in a worker thread, so that no commit holds up a redirect. The same code is the
 * spool of a gateway. What it acknowledges survives a killed process and a power cut (see `sqlite-log-file.ts`).
 */

import { CodedError, codeOf } from "../../contracts/errors.ts";
import type { Position } from "../../contracts/events.ts";
import { WorkerClient } from "../worker-rpc.ts";
import type { EventLog, LogEnd, LogMessage, ReadOptions } from "./event-log.ts";
import type { SqliteLogMethods } from "./sqlite-log.worker.ts";
import type { LogFileOptions, PackedRead } from "./sqlite-log-file.ts";

const DEFAULT_MAX_MESSAGES = 512;
/** A batch ends with the message that reaches this size, so that large messages do not pile up in memory. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

interface Gathered {
	readonly partition: number;
	readonly data: Uint8Array;
	resolve(position: Position): void;
	reject(error: unknown): void;
}

/**
 * Opens the log in a file, which is made when absent and is this process's alone until it is closed.
 *
 * @throws `conflict` when `partitions` is not what the file was made with, `log_unavailable` when the file cannot be
 * opened or another process has it open.
 *
 * @example
 * const log = await openSqliteLog({ file: "data/log.db", partitions: 1 });
 * const position = await log.append(0, encodeMessage(message));
 */
export async function openSqliteLog(options: LogFileOptions): Promise<EventLog> {
	const worker = new WorkerClient<SqliteLogMethods>(new URL("./sqlite-log.worker.ts", import.meta.url), undefined);
	try {
		return new SqliteLog(worker, await worker.call("open", options));
	} catch (error) {
		await worker.close();
		throw error;
	}
}

class SqliteLog implements EventLog {
	readonly id: string;
	readonly partitions: number;
	readonly #worker: WorkerClient<SqliteLogMethods>;
	#gathered: Gathered[] = [];
	#readers = 0;
	#closing: Promise<void> | undefined;

	constructor(worker: WorkerClient<SqliteLogMethods>, { id, partitions }: { id: string; partitions: number }) {
		this.#worker = worker;
		this.id = id;
		this.partitions = partitions;
	}

	append(partition: number, data: Uint8Array): Promise<Position> {
		return new Promise((resolve, reject) => {
			this.#assertUsable(partition);
			this.#gathered.push({ partition, data, resolve, reject });
			if (this.#gathered.length === 1) queueMicrotask(() => this.#send());
		});
	}

	async *read(partition: number, after: Position, options: ReadOptions): AsyncGenerator<readonly LogMessage[]> {
		const { signal, maxMessages = DEFAULT_MAX_MESSAGES } = options;
		const reader = ++this.#readers;
		const end = () => void this.#worker.call("endRead", reader).catch(() => undefined);
		signal.addEventListener("abort", end, { once: true });
		try {
			let position = after;
			while (!signal.aborted) {
				this.#assertUsable(partition);
				const request = { reader, partition, after: position, maxMessages, maxBytes: MAX_BATCH_BYTES };
				const read = await this.#ask(this.#worker.call("read", request));
				if (signal.aborted) return;
				if (!read) throw closed();
				const messages = unpack(partition, read);
				position = messages.at(-1)?.position ?? position;
				yield messages;
			}
		} finally {
			signal.removeEventListener("abort", end);
		}
	}

	async at(partition: number, position: Position): Promise<LogMessage | undefined> {
		this.#assertUsable(partition);
		const data = await this.#ask(this.#worker.call("at", { partition, position }));
		return data && { partition, position, data };
	}

	async ends(): Promise<LogEnd[]> {
		this.#assertUsable();
		const positions = await this.#ask(this.#worker.call("ends", undefined as never));
		return positions.map((position, partition) => ({ partition, position }));
	}

	async trim(upTo: Position): Promise<void> {
		this.#assertUsable();
		await this.#ask(this.#worker.call("trim", upTo));
	}

	close(): Promise<void> {
		this.#closing ??= this.#close();
		return this.#closing;
	}

	async #close(): Promise<void> {
		this.#send();
		try {
			await this.#worker.call("close", undefined as never);
		} finally {
			await this.#worker.close();
		}
	}

	/** Sends what was appended in this turn in one buffer, which moves to the worker without being copied again. */
	#send(): void {
		const group = this.#gathered;
		this.#gathered = [];
		if (group.length === 0) return;
		const lengths = group.map(({ data }) => data.length);
		const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
		let offset = 0;
		for (const { data } of group) {
			bytes.set(data, offset);
			offset += data.length;
		}
		const append = { partitions: group.map(({ partition }) => partition), lengths, bytes };
		this.#ask(this.#worker.call("append", append, [bytes.buffer])).then(
			(first) => {
				for (const [index, { resolve }] of group.entries()) resolve(first + index);
			},
			(error) => {
				for (const { reject } of group) reject(error);
			},
		);
	}

	/** Whatever goes wrong in the worker that is not one of the log's own errors means that the log is not there. */
	async #ask<T>(answer: Promise<T>): Promise<T> {
		try {
			return await answer;
		} catch (error) {
			if (codeOf(error)?.startsWith("log_")) throw error;
			throw this.#closing ? closed() : new CodedError("log_unavailable", `The event log failed: ${error}`);
		}
	}

	#assertUsable(partition = 0): void {
		if (this.#closing) throw closed();
		if (!Number.isInteger(partition) || partition < 0 || partition >= this.partitions)
			throw new RangeError(`The event log has partitions 0–${this.partitions - 1}, not ${partition}`);
	}
}

function closed(): CodedError {
	return new CodedError("log_unavailable", "The event log is closed");
}

function unpack(partition: number, { positions, lengths, bytes }: PackedRead): LogMessage[] {
	let offset = 0;
	return positions.map((position, index) => {
		const end = offset + (lengths[index] as number);
		const message = { partition, position, data: bytes.subarray(offset, end) };
		offset = end;
		return message;
	});
}
