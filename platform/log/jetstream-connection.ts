/**
 * Holds one session of the event log in NATS after the other, for as long as it takes, until it is closed: who asks while
 * there is none is told at once, and why. Whatever goes wrong with NATS becomes one of the log's own errors here.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { NatsError } from "nats";
import { CodedError, codeOf } from "../../contracts/errors.ts";
import { type JetStreamSession, openSession, type StreamOptions } from "./jetstream-session.ts";

export interface ConnectionOptions extends Omit<StreamOptions, "partitions" | "partitionsMatter"> {
	/** Partitions that the stream must have. @defaultValue those of the stream, `newPartitions` for a new one */
	readonly partitions?: number;
	/** Partitions of a new stream when none are asked for. */
	readonly newPartitions: number;
	/** Between two attempts to connect, ms. */
	readonly reconnectDelayMs: number;
	/** Told once when the log goes away and once when it is back, and of room that NATS does not give. */
	readonly logger?: { info(message: string): void; warn(message: string): void };
}

export class JetStreamConnection {
	readonly #options: ConnectionOptions;
	readonly #closing = new AbortController();
	readonly #first = Promise.withResolvers<void>();
	readonly #done: Promise<void>;
	#partitions: number;
	#id = "";
	#session: JetStreamSession | undefined;
	#reason = "not connected yet";
	/** Those who use the log know its number of partitions from then on: no stream may have another. */
	#handedOut = false;

	constructor(options: ConnectionOptions) {
		this.#options = options;
		this.#partitions = options.partitions ?? options.newPartitions;
		this.#first.promise.catch(() => undefined);
		this.#done = this.#stayConnected();
	}

	/** The stream's identity, empty until it was first met. */
	get id(): string {
		return this.#id;
	}

	get partitions(): number {
		return this.#partitions;
	}

	/**
	 * Resolves when connected or after `timeoutMs`.
	 *
	 * @throws `conflict` when the stream has another number of partitions than was asked for
	 */
	async opened(timeoutMs: number): Promise<void> {
		const waiting = new AbortController();
		const timer = delay(timeoutMs, undefined, { signal: waiting.signal }).catch(() => undefined);
		try {
			await Promise.race([this.#first.promise, timer]);
			this.#handedOut = true;
		} finally {
			waiting.abort();
		}
	}

	/** @throws `log_unavailable`, with `notSent`, when there is none */
	session(): JetStreamSession {
		if (!this.#session || this.#session.connection.isClosed()) throw this.away();
		return this.#session;
	}

	/** Whatever goes wrong that is not one of the log's own errors means that the log is not there. */
	async ask<T>(question: (session: JetStreamSession) => Promise<T>): Promise<T> {
		const session = this.session();
		try {
			return await question(session);
		} catch (error) {
			if (codeOf(error)) throw error;
			const { code, message } = error as NatsError;
			if (code === "MAX_PAYLOAD_EXCEEDED") throw new CodedError("too_large", `The message exceeds NATS's limit`);
			// Nobody listens: the stream is gone or has no leader. The next session finds out.
			if (code === "503") void session.connection.close();
			throw new CodedError("log_unavailable", `The event log did not answer: ${message}`);
		}
	}

	/** What is thrown when nothing is sent. */
	away(): CodedError {
		return new CodedError("log_unavailable", `The event log in NATS is away: ${this.#reason}`, { notSent: true });
	}

	/** Resolves when no session is open and none will be. */
	async close(): Promise<void> {
		this.#reason = "it is closed";
		this.#closing.abort();
		const session = this.#session;
		this.#session = undefined;
		await Promise.all([session?.connection.close(), this.#done]);
	}

	async #stayConnected(): Promise<void> {
		const { logger, stream, reconnectDelayMs } = this.#options;
		const { signal } = this.#closing;
		while (!signal.aborted) {
			try {
				const session = await this.#connect();
				if (signal.aborted) {
					await session.connection.close();
					return;
				}
				this.#session = session;
				this.#id = session.id;
				this.#reason = "";
				logger?.info(`The event log ${stream} in NATS is there`);
				this.#first.resolve();
				const error = await session.connection.closed();
				this.#session = undefined;
				if (!signal.aborted) this.#isAway(error ? error.message : "the connection was lost");
			} catch (error) {
				if (codeOf(error) === "conflict" && !this.#handedOut) this.#first.reject(error);
				this.#isAway((error as Error).message);
			}
			await delay(reconnectDelayMs, undefined, { signal }).catch(() => undefined);
		}
	}

	async #connect(): Promise<JetStreamSession> {
		const session = await openSession({
			...this.#options,
			partitions: this.#partitions,
			partitionsMatter: this.#options.partitions !== undefined || this.#handedOut,
		});
		this.#partitions = session.partitions;
		return session;
	}

	#isAway(reason: string): void {
		if (this.#closing.signal.aborted || this.#reason === reason) return;
		this.#reason = reason;
		this.#options.logger?.warn(`The event log ${this.#options.stream} in NATS is away: ${reason}`);
	}
}
