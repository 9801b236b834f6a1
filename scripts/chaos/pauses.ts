/*
 * How long a number stood still: of several that should all move, the longest time that any one of them did not.
 */
import type { Counts } from "../../contracts/scan.ts";

export class Pauses {
	readonly #last = new Map<string, { readonly sum: number; readonly at: number }>();
	readonly #begun = performance.now();
	#longest = { ms: 0, endedAtMs: 0 };
	#over = false;

	/** Notes what a number is now; only a higher one than before is a movement. */
	seen(name: string, { scans, bots }: Counts, at = performance.now()): void {
		const sum = scans + bots;
		const last = this.#last.get(name);
		if (this.#over || (last && sum <= last.sum)) return;
		// The first number it ever shows ends no pause.
		if (last && at - last.at > this.#longest.ms) this.#longest = { ms: at - last.at, endedAtMs: at - this.#begun };
		this.#last.set(name, { sum, at });
	}

	/** No movement is expected any more. */
	end(): void {
		this.#over = true;
	}

	/** The longest time, and when it ended, since this began; ms. */
	get longest(): { readonly ms: number; readonly endedAtMs: number } {
		return { ms: Math.round(this.#longest.ms), endedAtMs: Math.round(this.#longest.endedAtMs) };
	}
}
