/**
 * From when on raw scans are held: as long as they are to be kept, but for months that went while that was shorter. What is
 * gone stays gone when the retention is made longer.
 */

import { DAY_MS } from "../../platform/store/quarters.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import { monthEnd } from "../../platform/store/utc-month.ts";

/** Months go once a day at most, and only those that are older than the retention, ms. */
const BELIEVED_MS = 60_000;

export class HeldScans {
	readonly #store: Pick<ScanStore, "months">;
	readonly #retentionMs: number;
	#gone: { readonly until: Promise<number>; readonly askedAt: number } | undefined;

	constructor(store: Pick<ScanStore, "months">, retentionDays: number) {
		this.#store = store;
		this.#retentionMs = retentionDays * DAY_MS;
	}

	/**
	 * The first instant of which raw scans are held.
	 *
	 * @param now epoch ms, as the answer
	 */
	async from(now: number): Promise<number> {
		if (!this.#gone || now - this.#gone.askedAt > BELIEVED_MS) {
			const gone = { until: this.#goneUntil(), askedAt: now };
			this.#gone = gone;
			gone.until.catch(() => {
				if (this.#gone === gone) this.#gone = undefined;
			});
		}
		return Math.max(now - this.#retentionMs, await this.#gone.until);
	}

	async #goneUntil(): Promise<number> {
		const closed = (await this.#store.months()).filter(({ state }) => state === "closed");
		return Math.max(0, ...closed.map(({ month }) => monthEnd(month)));
	}
}
