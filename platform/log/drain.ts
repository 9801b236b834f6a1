/**
 * Empties a log file that nobody appends to any more: its messages go, unchanged and in order within each partition, to
 * whoever makes them durable elsewhere, and are forgotten here afterwards. After a crash some messages come again, with
 * the producer and number they had: so it is recognised that they were applied.
 */

import { CodedError } from "../../contracts/errors.ts";
import type { EventLog, LogMessage } from "./event-log.ts";
import { decodeMessage, type ScanMessage } from "./message.ts";

/** Makes a message durable elsewhere; what it throws ends the draining, and the message stays. */
export type Reappend = (partition: number, message: ScanMessage) => Promise<void>;

export interface DrainOptions {
	/** Ends the draining after the messages under way; the rest stays. */
	readonly signal: AbortSignal;
	/** The encoded message within what the log holds. @defaultValue all of it */
	readonly unwrap?: (data: Uint8Array) => Uint8Array;
	/** Told of each message that was made durable elsewhere. */
	readonly onDrained?: (message: ScanMessage) => void;
	/** Told of what is no message and is passed over; the producers' totals will show what is missing. */
	readonly onMalformed?: (reason: string) => void;
}

/** Messages between two notes of how far it got. */
const BATCH_MESSAGES = 16;

/**
 * Drains what is in the log now; true when that was all of it, false when it was ended by the signal. The last message
 * stays in the log, so a log that was drained should be deleted.
 *
 * @throws what `reappend` throws, and `log_unavailable` when the file cannot be read or holds messages of a newer release.
 */
export async function drainLog(log: EventLog, reappend: Reappend, options: DrainOptions): Promise<boolean> {
	const ends = (await log.ends()).filter(({ position }) => position > 0);
	/** How far each partition got that is not done yet. */
	const reached = new Map(ends.map(({ partition }) => [partition, 0]));
	const failed = new AbortController();
	const signal = AbortSignal.any([options.signal, failed.signal]);

	const drainPartition = async (partition: number, end: number) => {
		for await (const batch of log.read(partition, 0, { signal, maxMessages: BATCH_MESSAGES })) {
			for (const message of batch) {
				if (signal.aborted) return;
				await drainMessage(message, reappend, options);
				reached.set(partition, message.position);
				if (message.position >= end) reached.delete(partition);
				if (!reached.has(partition)) break;
			}
			if (reached.size === 0) return;
			// Only a note of how far it got: without it more messages come again after a crash.
			await log.trim(Math.min(...reached.values())).catch(() => undefined);
			if (!reached.has(partition)) return;
		}
	};
	const drainings = ends.map(({ partition, position }) =>
		drainPartition(partition, position).catch((error) => {
			failed.abort();
			throw error;
		}),
	);
	await Promise.allSettled(drainings);
	await Promise.all(drainings);
	return reached.size === 0;
}

async function drainMessage({ partition, data }: LogMessage, reappend: Reappend, options: DrainOptions): Promise<void> {
	const decoded = decodeMessage(options.unwrap ? options.unwrap(data) : data);
	if (decoded.kind === "newer")
		throw new CodedError("log_unavailable", `The file holds messages of a newer release (version ${decoded.version})`);
	if (decoded.kind === "malformed") {
		options.onMalformed?.(decoded.reason);
		return;
	}
	await reappend(partition, decoded.message);
	options.onDrained?.(decoded.message);
}
