/** Counters of windows in this process's memory: what limits go by when there is no Redis, or while it is away. */

import { LRUCache } from "lru-cache";

interface Window {
	count: number;
	readonly endsAt: number;
}

const MOST_WINDOWS = 100_000;

export class MemoryWindows {
	readonly #windows = new LRUCache<string, Window>({ max: MOST_WINDOWS });

	/** Adds `by` to the counter of a window of `windowMs` that begins with its first count. */
	count(key: string, by: number, windowMs: number): { count: number; resetMs: number } {
		const now = Date.now();
		let window = this.#windows.get(key);
		if (!window || window.endsAt <= now) {
			window = { count: 0, endsAt: now + windowMs };
			this.#windows.set(key, window);
		}
		window.count += by;
		return { count: window.count, resetMs: window.endsAt - now };
	}
}
