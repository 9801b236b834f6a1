/** The organisations' time zones, remembered for a while so that no read waits for the accounts. */

import { LRUCache } from "lru-cache";
import { call } from "../../platform/actors.ts";

/** How long a zone is believed when no change of it was heard, ms. */
const BELIEVED_MS = 10_000;

export class TimeZones {
	readonly #zones = new LRUCache<string, string>({ max: 10_000, ttl: BELIEVED_MS, allowStale: true });

	/** The organisation's zone; a remembered one while the accounts do not answer. */
	async of(caller: object, organisation: string): Promise<string> {
		const fresh = this.#zones.get(organisation, { allowStale: false, noDeleteOnStaleGet: true });
		if (fresh) return fresh;
		try {
			const { timeZone } = await call(caller, "accounts.organisation", { organisation });
			this.#zones.set(organisation, timeZone);
			return timeZone;
		} catch (error) {
			const stale = this.#zones.get(organisation, { allowStale: true, noDeleteOnStaleGet: true });
			if (stale) return stale;
			throw error;
		}
	}

	/** Forgets what may have changed. */
	changed(organisation: string): void {
		this.#zones.delete(organisation);
	}
}
