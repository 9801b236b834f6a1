/**
 * What a spool puts around a message: how many scans its file took in the message's partition so far, this message's
 * included. So the scans that wait in a file are counted from its ends, without reading all of it.
 */

import type { EventLog, LogMessage } from "./event-log.ts";
import { decodeMessage } from "./message.ts";

const FRAME_BYTES = 6;

export interface Frame {
	/** The encoded message. */
	readonly data: Uint8Array;
	readonly scans: number;
}

/** How many scans an encoded message has. */
export function scansIn(data: Uint8Array): number {
	const decoded = decodeMessage(data);
	return decoded.kind === "scans" ? decoded.message.scans.length : 0;
}

export function frame(data: Uint8Array, running: number): Uint8Array {
	const framed = Buffer.allocUnsafe(FRAME_BYTES + data.length);
	framed.writeUIntBE(running, 0, FRAME_BYTES);
	framed.set(data, FRAME_BYTES);
	return framed;
}

/** The encoded message of what a spool file holds. */
export function unframe(framed: Uint8Array): Uint8Array {
	return framed.subarray(FRAME_BYTES);
}

/** How many scans wait in a spool file. */
export async function countWaiting(log: EventLog): Promise<number> {
	let waiting = 0;
	for (const { partition, position } of await log.ends()) {
		if (position === 0) continue;
		const last = await log.at(partition, position);
		const first = await firstOf(log, partition);
		if (first && last) waiting += runningOf(last) - runningOf(first) + scansIn(unframe(first.data));
	}
	return waiting;
}

async function firstOf(log: EventLog, partition: number): Promise<LogMessage | undefined> {
	const { signal } = new AbortController();
	for await (const [message] of log.read(partition, 0, { signal, maxMessages: 1 })) return message;
	return undefined;
}

function runningOf({ data }: LogMessage): number {
	return data.length < FRAME_BYTES
		? 0
		: Buffer.from(data.buffer, data.byteOffset, FRAME_BYTES).readUIntBE(0, FRAME_BYTES);
}
