/**
 * What gateways said they made durable, remembered by producer and hour, so that the ledger can hold it against what was
 * applied. What a gateway said outlives it: a scan that it answered for is on its way, or missing, whatever became of it.
 */

import type { GatewayReport } from "../../contracts/events.ts";

const HOUR_MS = 3_600_000;
/** A total nobody spoke of for so long is forgotten, ms. */
const FORGET_MS = 24 * HOUR_MS;
/** Hours in which a total grew that are told apart; older growth counts to the oldest of them. */
const MARKS = 48;
/** Totals remembered at most; those unspoken of for longest are forgotten first. */
const MOST = 100_000;

/** A running total as it was at the end of an hour. */
export interface Mark {
	/** First instant of the hour, epoch ms. */
	readonly hour: number;
	readonly total: number;
}

/** A producer's running total of an organisation's scans. */
export interface RunningTotal {
	readonly producer: string;
	/** Its growth, oldest hour first. */
	readonly marks: readonly Mark[];
	/** True when nothing waits in its gateway's spool: all of it has been given to the event log. */
	readonly inLog: boolean;
}

interface Known {
	readonly gateway: string;
	readonly organisation: string;
	readonly producer: string;
	readonly heardAt: number;
	readonly marks: Mark[];
}

export class RunningTotals {
	/** The one unspoken of for longest is first. */
	readonly #known = new Map<string, Known>();
	/** By gateway, the scans that its last report said wait in the spool. */
	readonly #spooled = new Map<string, { readonly scans: number; readonly heardAt: number }>();

	heard({ node: gateway, at, producers = {}, spooled }: GatewayReport, now: number): void {
		this.#spooled.delete(gateway);
		this.#spooled.set(gateway, { scans: spooled, heardAt: now });
		for (const [producer, totals] of Object.entries(producers)) {
			for (const [organisation, total] of Object.entries(totals)) {
				const key = `${producer} ${organisation}`;
				const marks = this.#known.get(key)?.marks ?? [];
				grow(marks, Math.floor(at / HOUR_MS) * HOUR_MS, total);
				this.#known.delete(key);
				this.#known.set(key, { gateway, organisation, producer, heardAt: now, marks });
			}
		}
		for (const [key, { heardAt }] of this.#known) {
			if (now - heardAt <= FORGET_MS && this.#known.size <= MOST) break;
			this.#known.delete(key);
		}
		for (const [name, { heardAt }] of this.#spooled) {
			if (now - heardAt <= FORGET_MS) break;
			this.#spooled.delete(name);
		}
	}

	of(organisation: string): RunningTotal[] {
		return [...this.#known.values()]
			.filter((known) => known.organisation === organisation)
			.map(({ producer, marks, gateway }) => ({
				producer,
				marks,
				inLog: (this.#spooled.get(gateway)?.scans ?? 0) === 0,
			}));
	}

	/** Scans in the spools of gateways of which no producer is known: those of a start before this process knew them. */
	get spooledByUnknown(): number {
		const gateways = new Set([...this.#known.values()].map(({ gateway }) => gateway));
		let scans = 0;
		for (const [gateway, spool] of this.#spooled) if (!gateways.has(gateway)) scans += spool.scans;
		return scans;
	}
}

/** Totals only grow: an older report that comes late changes nothing. */
function grow(marks: Mark[], hour: number, total: number): void {
	const last = marks.at(-1);
	if (last && total <= last.total) return;
	if (last && hour <= last.hour) marks.pop();
	marks.push({ hour: Math.max(hour, last?.hour ?? hour), total });
	if (marks.length > MARKS) marks.shift();
}
