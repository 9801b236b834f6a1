/**
 * What the producers of this gateway made durable: their running totals by organisation, for the gateway's report. The
 * ledger holds them against what was applied, so they are counted here, where a scan becomes durable, and nowhere
 * derived from what was stored.
 */

export interface DurableTotalsOptions {
	/** Totals that are kept at most; those unchanged for longest are left out first. @defaultValue 1,000 */
	readonly most?: number;
	/** How long a total that does not change any more is reported while nothing waits in the spool, ms. @defaultValue 600,000 */
	readonly keepMs?: number;
}

interface Entry {
	readonly producer: string;
	readonly organisation: string;
	readonly total: number;
	readonly at: number;
}

export class DurableTotals {
	readonly #most: number;
	readonly #keepMs: number;
	/** The one unchanged for longest is first. */
	readonly #entries = new Map<string, Entry>();

	constructor({ most = 1_000, keepMs = 600_000 }: DurableTotalsOptions = {}) {
		this.#most = most;
		this.#keepMs = keepMs;
	}

	/** A message of the producer is durable. @param totals its running totals, that message included */
	note(producer: string, totals: Readonly<Record<string, number>>, now: number): void {
		for (const [organisation, total] of Object.entries(totals)) {
			const key = `${producer} ${organisation}`;
			this.#entries.delete(key);
			this.#entries.set(key, { producer, organisation, total, at: now });
		}
		this.#forget(() => this.#entries.size > this.#most);
	}

	/**
	 * Totals by producer and organisation.
	 *
	 * @param settled nothing waits in the spool, so what has not changed for long was surely heard and applied
	 */
	report(now: number, settled: boolean): Record<string, Record<string, number>> {
		if (settled) this.#forget(({ at }) => now - at > this.#keepMs);
		const totals: Record<string, Record<string, number>> = {};
		for (const { producer, organisation, total } of this.#entries.values()) {
			totals[producer] ??= {};
			totals[producer][organisation] = total;
		}
		return totals;
	}

	/** Takes entries away from the oldest on, as long as `isOver` holds of them. */
	#forget(isOver: (entry: Entry) => boolean): void {
		for (const [key, entry] of this.#entries) {
			if (!isOver(entry)) return;
			this.#entries.delete(key);
		}
	}
}
