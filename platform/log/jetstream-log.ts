/**
 * The event log in NATS JetStream: one stream on file storage, a subject per partition, refusing what exceeds its bytes.
 *
 * What it acknowledges survives a killed gateway, reader and nats-server. A server of one replica syncs its files every
 * two minutes (nats-server 2.9; `sync_interval` from 2.10 on): a power cut can take what came since, as can the loss of
 * its volume. With three replicas it survives the loss of one node and its volume. Readers and producers notice a log
 * that lost its end by comparing identities, and count what is missing.
 */

import { setTimeout as delay } from "node:timers/promises";
import { CodedError } from "../../contracts/errors.ts";
import type { Position } from "../../contracts/events.ts";
import type { EventLog, LogEnd, LogMessage, ReadOptions } from "./event-log.ts";
import { JetStreamConnection } from "./jetstream-connection.ts";
import { JetStreamReader } from "./jetstream-reader.ts";
import { apiErrorOf, partitionSubject, streamIdentity } from "./jetstream-session.ts";

const NO_MESSAGE = 10037;
const STORE_FAILED = 10077;
/** Codes with which a server or an account says that its storage is used up. */
const OUT_OF_STORAGE = new Set([10002, 10023, 10047]);
const DEFAULT_PARTITIONS = 4;
const DEFAULT_MAX_MESSAGES = 512;
const CLOSE_TIMEOUT_MS = 1500;

export interface JetStreamLogOptions {
	/** Addresses of NATS servers of one cluster, with user and password where they need them. */
	readonly servers: string | readonly string[];
	/** Partitions of a new stream; one that is there must have as many. @defaultValue those of the stream, 4 for a new one */
	readonly partitions?: number;
	/** @defaultValue "SCANS" */
	readonly stream?: string;
	/**
	 * Size beyond which the stream refuses messages with `log_full`; one that is there is given more room, never less.
	 *
	 * @defaultValue that of the stream, 4 GiB for a new one
	 */
	readonly maxBytes?: number;
	/** Copies of a new stream on servers of a cluster: 1, 3 or 5. @defaultValue 1 */
	readonly replicas?: number;
	/** After this an append or a question is given up with `log_unavailable`, ms. @defaultValue 1000 */
	readonly requestTimeoutMs?: number;
	/** How long the opening waits for NATS before the log is handed out as one that is away, ms. @defaultValue 2000 */
	readonly openTimeoutMs?: number;
	/** Between two attempts to connect, ms. @defaultValue 250 */
	readonly reconnectDelayMs?: number;
	/** Told once when the log goes away and once when it is back. */
	readonly logger?: { info(message: string): void; warn(message: string): void };
}

/**
 * Opens the log and makes its stream when it is absent. When NATS is away the log is opened all the same and connects for
 * as long as it takes; until then it refuses with `log_unavailable`, and its `id` is empty.
 *
 * @throws `conflict` when `partitions` is not what the stream was made with.
 */
export async function openJetStreamLog(options: JetStreamLogOptions): Promise<EventLog> {
	const log = new JetStreamLog(options);
	try {
		await log.opened(options.openTimeoutMs ?? 2000);
		return log;
	} catch (error) {
		await log.close();
		throw error;
	}
}

class JetStreamLog implements EventLog {
	readonly #connection: JetStreamConnection;
	readonly #stream: string;
	readonly #requestTimeoutMs: number;
	readonly #readers = new Set<JetStreamReader>();
	readonly #appends = new Set<Promise<unknown>>();
	#closed: Promise<void> | undefined;

	constructor({ servers, stream = "SCANS", requestTimeoutMs = 1000, ...options }: JetStreamLogOptions) {
		this.#stream = stream;
		this.#requestTimeoutMs = requestTimeoutMs;
		this.#connection = new JetStreamConnection({
			servers: typeof servers === "string" ? [servers] : servers,
			stream,
			requestTimeoutMs,
			partitions: options.partitions,
			newPartitions: DEFAULT_PARTITIONS,
			maxBytes: options.maxBytes,
			replicas: options.replicas ?? 1,
			reconnectDelayMs: options.reconnectDelayMs ?? 250,
			logger: options.logger,
		});
	}

	get id(): string {
		return this.#connection.id;
	}

	get partitions(): number {
		return this.#connection.partitions;
	}

	/** Resolves when connected or after `timeoutMs`. */
	opened(timeoutMs: number): Promise<void> {
		return this.#connection.opened(timeoutMs);
	}

	append(partition: number, data: Uint8Array): Promise<Position> {
		const appending = this.#append(partition, data);
		this.#appends.add(appending);
		const forget = () => this.#appends.delete(appending);
		appending.then(forget, forget);
		return appending;
	}

	async *read(partition: number, after: Position, options: ReadOptions): AsyncGenerator<readonly LogMessage[]> {
		const { signal, maxMessages = DEFAULT_MAX_MESSAGES } = options;
		this.#assertPartition(partition);
		if (signal.aborted) return;
		const reader = new JetStreamReader(this.#connection.session(), { stream: this.#stream, partition, after });
		const end = () => reader.end();
		this.#readers.add(reader);
		signal.addEventListener("abort", end, { once: true });
		try {
			await reader.start();
			for (;;) {
				const batch = await reader.next(maxMessages);
				if (!batch) return;
				yield batch;
			}
		} finally {
			signal.removeEventListener("abort", end);
			this.#readers.delete(reader);
			reader.end();
		}
	}

	async at(partition: number, position: Position): Promise<LogMessage | undefined> {
		this.#assertPartition(partition);
		if (position < 1) return undefined;
		return this.#find(partition, { seq: position });
	}

	async ends(): Promise<LogEnd[]> {
		await this.#streamState();
		return Promise.all(
			Array.from({ length: this.partitions }, async (_, partition) => {
				const last = await this.#find(partition, { last_by_subj: this.#subject(partition) });
				return { partition, position: last?.position ?? 0 };
			}),
		);
	}

	async trim(upTo: Position): Promise<void> {
		const { first_seq: first, last_seq: last } = await this.#streamState();
		const keepFrom = Math.min(upTo + 1, last);
		if (keepFrom <= first) return;
		// One purge of all subjects: one by subject stalls publishers, and a server killed soon after it came back with its
		// last sequence set to 0.
		await this.#connection.ask((session) => session.manager.streams.purge(this.#stream, { seq: keepFrom }));
	}

	close(): Promise<void> {
		this.#closed ??= this.#close();
		return this.#closed;
	}

	async #close(): Promise<void> {
		const timeout = delay(CLOSE_TIMEOUT_MS, undefined, { ref: false });
		await Promise.race([Promise.allSettled(this.#appends), timeout]);
		// Before the connection is closed: the client waits for who still reads.
		for (const reader of this.#readers) reader.fail("it is closed");
		await Promise.race([this.#connection.close(), timeout]);
	}

	async #append(partition: number, data: Uint8Array): Promise<Position> {
		this.#assertPartition(partition);
		if (this.#closed) throw this.#connection.away();
		return this.#connection.ask(async (session) => {
			const timeout = this.#requestTimeoutMs;
			const answer = await session.connection.request(this.#subject(partition), data, { timeout });
			const ack = answer.json<PublishAck>();
			if (ack.error) throw refusal(ack.error);
			return ack.seq;
		});
	}

	async #find(partition: number, query: { seq: number } | { last_by_subj: string }): Promise<LogMessage | undefined> {
		return this.#connection.ask(async ({ manager }) => {
			try {
				const message = await manager.streams.getMessage(this.#stream, query);
				if (message.subject !== this.#subject(partition)) return undefined;
				return { partition, position: message.seq, data: message.data };
			} catch (error) {
				if (apiErrorOf(error) === NO_MESSAGE) return undefined;
				throw error;
			}
		});
	}

	/** The stream's state, after it was compared with the one that the session knows. */
	async #streamState(): Promise<{ first_seq: number; last_seq: number }> {
		return this.#connection.ask(async (session) => {
			const info = await session.manager.streams.info(this.#stream);
			if (streamIdentity(info) === session.id) return info.state;
			void session.connection.close();
			throw new CodedError("log_unavailable", "The event log's stream was made anew");
		});
	}

	#subject(partition: number): string {
		return partitionSubject(this.#stream, partition);
	}

	#assertPartition(partition: number): void {
		if (!Number.isInteger(partition) || partition < 0 || partition >= this.partitions)
			throw new RangeError(`The event log has partitions 0–${this.partitions - 1}, not ${partition}`);
	}
}

interface PublishAck {
	readonly seq: number;
	readonly error?: { readonly err_code?: number; readonly description?: string };
}

function refusal({ err_code: code, description = "" }: NonNullable<PublishAck["error"]>): CodedError {
	const full = OUT_OF_STORAGE.has(code ?? 0) || (code === STORE_FAILED && /maximum bytes|no space/i.test(description));
	return full
		? new CodedError("log_full", `The event log in NATS has no room: ${description}`)
		: new CodedError("log_unavailable", `The event log in NATS refused: ${description}`);
}
