/** The first tier: this process's memory, bounded in bytes, every entry with an expiry. */

import { LRUCache } from "lru-cache";
import type { Entry } from "./entry.ts";

export interface MemoryTierOptions {
	/** Bytes of all entries together, by their text. @defaultValue 67108864 */
	readonly maxBytes?: number;
}

/** Of an entry besides its text and its key: objects and their fields, bytes. */
const OVERHEAD_BYTES = 512;

export class MemoryTier {
	readonly #entries: LRUCache<string, Entry>;

	constructor({ maxBytes = 64 * 1024 * 1024 }: MemoryTierOptions = {}) {
		this.#entries = new LRUCache({
			maxSize: maxBytes,
			// Two bytes a character at most.
			sizeCalculation: ({ json, depends }, key) =>
				2 * (json.length + key.length) + 64 * (depends.codes?.length ?? 0) + OVERHEAD_BYTES,
		});
	}

	get(key: string): Entry | undefined {
		return this.#entries.get(key);
	}

	/** Keeps an entry until it expires; never one that is older than what is there. */
	set(key: string, entry: Entry, now: number): void {
		const ttl = entry.expiresAt - now;
		if (ttl <= 0) return;
		const present = this.#entries.peek(key);
		if (present && present.since > entry.since) return;
		this.#entries.set(key, entry, { ttl });
	}

	get size(): { entries: number; bytes: number } {
		return { entries: this.#entries.size, bytes: this.#entries.calculatedSize };
	}
}
