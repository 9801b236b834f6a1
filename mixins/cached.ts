/**
 * Gives an actor answers through the cache actor: one load per key at a time in this process, and no failure of the
 * cache that the asker would notice.
 */

import type { ServiceMethods, ServiceSchema } from "moleculer";
import { call } from "../platform/actors.ts";

export interface CachedOptions {
	/** Longest to wait for the cache actor before the answer is loaded without it, ms. @defaultValue 100 */
	readonly timeoutMs?: number;
}

export type CachedMethods = {
	/**
	 * @param caller a context or broker
	 * @param key names everything that the answer depends on
	 * @param ttlMs how long the answer may be served
	 */
	cached<T>(
		caller: object,
		key: string,
		ttlMs: number,
		load: () => Promise<T>,
	): Promise<{ value: T; tier: "l1" | "l2" | "miss" }>;
};

export function cached({ timeoutMs = 100 }: CachedOptions = {}): Partial<ServiceSchema> {
	const loading = new Map<string, Promise<unknown>>();
	const methods: CachedMethods & ServiceMethods = {
		async cached<T>(caller: object, key: string, ttlMs: number, load: () => Promise<T>) {
			const hit = await call(caller, "cache.getCachedAnalytics", { key }, { timeout: timeoutMs }).catch(() => null);
			if (hit) return { value: hit.value as T, tier: hit.tier };
			let shared = loading.get(key) as Promise<T> | undefined;
			if (!shared) {
				shared = load().finally(() => loading.delete(key));
				loading.set(key, shared);
				shared
					.then((value) => call(caller, "cache.cacheAnalyticsData", { key, value, ttlMs }, { timeout: timeoutMs }))
					// Neither a failed load (its askers have the error) nor a cache that is away matters here.
					.catch(() => undefined);
			}
			return { value: await shared, tier: "miss" as const };
		},
	};
	return { methods };
}
