/**
 * The event log: what gateways append scans to and what their owners read in order. Two implementations (segment files,
 * NATS JetStream) pass one and the same suite; everything that differs between them ends here.
 */

import type { Position } from "../../contracts/events.ts";

export interface LogMessage {
	readonly partition: number;
	/** Grows within the log, has gaps within a partition. */
	readonly position: Position;
	readonly data: Uint8Array;
}

export interface LogEnd {
	readonly partition: number;
	/** Position of the partition's last message; 0 when it has none (any more). */
	readonly position: Position;
}

export interface ReadOptions {
	/** Ends the reading; the iteration then finishes without an error. */
	readonly signal: AbortSignal;
	/**
	 * Most messages of one batch.
	 * @defaultValue 512
	 */
	readonly maxMessages?: number;
}

export interface EventLog {
	/**
	 * Made with the log and gone with it: two logs never share one, so that a position can be told to be of this log. Empty
	 * while a log was never reached, another one after a log was lost and made anew: ask for it after `ends`.
	 */
	readonly id: string;
	/** Fixed for the log's life. */
	readonly partitions: number;
	/**
	 * Appends a message; resolves to its position only when it is durable. Appends to one partition must wait for each
	 * other when their order matters.
	 *
	 * @throws `log_unavailable` when the log cannot be reached (the message may or may not be in it), `log_full` when it
	 * refused for want of room (the message is not in it).
	 */
	append(partition: number, data: Uint8Array): Promise<Position>;
	/**
	 * Reads a partition in order from the first message after `after`, and goes on as messages arrive, in batches of what
	 * is there.
	 *
	 * @throws `log_unavailable` when the log goes away; the caller compares positions and reads again.
	 */
	read(partition: number, after: Position, options: ReadOptions): AsyncIterable<readonly LogMessage[]>;
	/** The message at a position of a partition, or undefined when none stands there (any more). */
	at(partition: number, position: Position): Promise<LogMessage | undefined>;
	/** Where each partition ends now. */
	ends(): Promise<LogEnd[]>;
	/** Forgets messages at and below a position, of all partitions, but never the last one of the log. */
	trim(upTo: Position): Promise<void>;
	/** Lets appends under way finish and frees everything. */
	close(): Promise<void>;
}
