/**
 * Whether an answer is complete: every scan in the event log is in it, and no known gateway is silent or holds spooled
 * scans. A gateway that is silent for long and held nothing is forgotten.
 */

import type { GatewayReport, Positions } from "../../contracts/events.ts";
import type { LogEnd } from "../../platform/log/event-log.ts";

/** A gateway that said nothing for so long is silent, ms. */
const SILENT_MS = 3_000;
/** One that held nothing when it fell silent is forgotten after, ms. */
const FORGET_MS = 60_000;
/** One that held spooled scans is remembered for, ms. */
const FORGET_SPOOLED_MS = 24 * 60 * 60_000;

export interface GatewaysOptions {
	/** When this process began to listen, epoch ms. */
	readonly since: number;
	/** Whether there may be gateways besides the one of this process, which all have to be given time to say a word. */
	readonly several: boolean;
}

export class Gateways {
	readonly #allHeardAt: number;
	#heardOne = false;
	readonly #known = new Map<string, { heardAt: number; report: GatewayReport }>();

	constructor({ since, several }: GatewaysOptions) {
		this.#allHeardAt = several ? since + SILENT_MS : since;
	}

	heard(report: GatewayReport, now: number): void {
		this.#heardOne = true;
		if (report.leaving && report.spooled === 0) this.#known.delete(report.node);
		else this.#known.set(report.node, { heardAt: now, report });
	}

	/**
	 * True when every gateway was heard lately and holds no spooled scans. Not at once after a start: whoever was not heard
	 * yet may hold some.
	 */
	allPresent(now: number): boolean {
		if (!this.#heardOne || now < this.#allHeardAt) return false;
		for (const [node, { heardAt, report }] of this.#known) {
			const silence = now - heardAt;
			if (silence > (report.spooled > 0 ? FORGET_SPOOLED_MS : FORGET_MS)) this.#known.delete(node);
			else if (silence > SILENT_MS || report.spooled > 0) return false;
		}
		return true;
	}
}

/** True when everything that was in the log at `ends` has been applied at `positions`. */
export function isApplied(ends: readonly LogEnd[], positions: Positions): boolean {
	return ends.every(({ partition, position }) => (positions[partition] ?? 0) >= position);
}
