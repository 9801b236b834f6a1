/** How often a password may be tried: a bound for this process that holds whatever else is away. */

interface Window {
	readonly endsAt: number;
	count: number;
}

/** Names remembered before those whose window has ended are looked for, and at most. */
const MOST_WINDOWS = 10_000;

export class Attempts {
	readonly #limit: number;
	readonly #windowMs: number;
	readonly #windows = new Map<string, Window>();

	constructor(limit: number, windowMs: number) {
		this.#limit = limit;
		this.#windowMs = windowMs;
	}

	/** Counts a try; how long until the next one is allowed, ms, or 0 when this one is. */
	refusedForMs(name: string, now: number): number {
		let window = this.#windows.get(name);
		if (!window || window.endsAt <= now) {
			this.#makeRoom(now);
			window = { endsAt: now + this.#windowMs, count: 0 };
			this.#windows.set(name, window);
		}
		window.count++;
		return window.count > this.#limit ? window.endsAt - now : 0;
	}

	#makeRoom(now: number): void {
		if (this.#windows.size < MOST_WINDOWS) return;
		for (const [name, { endsAt }] of this.#windows) if (endsAt <= now) this.#windows.delete(name);
		// Windows are in the order of their beginning, so the first one ends soonest.
		for (const name of this.#windows.keys()) {
			if (this.#windows.size < MOST_WINDOWS) return;
			this.#windows.delete(name);
		}
	}
}
