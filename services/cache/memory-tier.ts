/** The first tier: this process's memory, bounded in bytes, every entry with an expiry. */

import { LRUCache } from "lru-cache";

export interface MemoryTierOptions {
	/** Bytes of all values together, by their JSON. @defaultValue 67108864 */
	readonly maxBytes?: number;
}

/** A value as both tiers keep it: text, and the instant (epoch ms) after which it is not served. */
export interface Entry {
	readonly json: string;
	readonly expiresAt: number;
}

export class MemoryTier {
	readonly #entries: LRUCache<string, Entry>;

	constructor({ maxBytes = 64 * 1024 * 1024 }: MemoryTierOptions = {}) {
		this.#entries = new LRUCache({
			maxSize: maxBytes,
			sizeCalculation: ({ json }, key) => 2 * (json.length + key.length) + 64,
		});
	}

	get(key: string): Entry | undefined {
		const entry = this.#entries.get(key);
		return entry && entry.expiresAt > Date.now() ? entry : undefined;
	}

	set(key: string, entry: Entry): void {
		const ttl = entry.expiresAt - Date.now();
		if (ttl > 0) this.#entries.set(key, entry, { ttl });
	}

	get size(): { entries: number; bytes: number } {
		return { entries: this.#entries.size, bytes: this.#entries.calculatedSize };
	}
}
