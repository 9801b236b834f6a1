/** A bucket that fills at a rate and lets through what is in it: for events of a connection and scans of a feed. */

export class TokenBucket {
	readonly #perSecond: number;
	readonly #capacity: number;
	#tokens: number;
	#at = 0;

	constructor(perSecond: number, capacity: number) {
		this.#perSecond = perSecond;
		this.#capacity = capacity;
		this.#tokens = capacity;
	}

	/**
	 * Takes up to `wanted` tokens.
	 *
	 * @param now ms of any steady clock
	 * @returns how many were there
	 */
	take(wanted: number, now: number): number {
		const elapsedMs = this.#at === 0 ? 0 : Math.max(0, now - this.#at);
		this.#at = now;
		this.#tokens = Math.min(this.#capacity, this.#tokens + (elapsedMs * this.#perSecond) / 1_000);
		const taken = Math.min(wanted, Math.floor(this.#tokens));
		this.#tokens -= taken;
		return taken;
	}
}
