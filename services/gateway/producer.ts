/**
 * One producer of a partition's messages: numbers them and sums what it accepted, as the log's readers expect of it. The
 * number of a message whose fate is not known must not be used again: whoever gives such a message up goes on with a new
 * producer.
 */

import { randomUUID } from "node:crypto";
import { encodeWithScans } from "../../platform/log/message.ts";

/** A scan as it is sent. */
export interface EncodedScan {
	readonly organisation: string;
	readonly json: string;
}

export class Producer {
	readonly id = randomUUID();
	readonly #totals: Record<string, number> = {};
	#number = 0;

	/** The next message, and the running totals of the organisations in it, that message included. */
	next(scans: readonly EncodedScan[]): { data: Uint8Array; totals: Record<string, number> } {
		const totals: Record<string, number> = {};
		for (const { organisation } of scans) {
			const total = (this.#totals[organisation] ?? 0) + 1;
			this.#totals[organisation] = total;
			totals[organisation] = total;
		}
		const head = { producer: this.id, number: ++this.#number, acceptedAt: Date.now(), totals };
		const data = encodeWithScans(
			head,
			scans.map(({ json }) => json),
		);
		return { data, totals };
	}
}
