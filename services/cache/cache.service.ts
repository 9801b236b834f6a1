/**
 * Owns Redis: answers of analytics in two tiers, and counters of rate limits. Nothing is held here alone, so all of it
 * can be lost; without Redis the first tier simply serves alone.
 */

import type { Service, ServiceSchema, ServiceSettingSchema } from "moleculer";
import { Counter } from "prom-client";
import type { ActionsOf } from "../../platform/actors.ts";
import type { Platform } from "../../platform/platform.ts";
import { MemoryTier } from "./memory-tier.ts";
import { MemoryWindows } from "./memory-windows.ts";
import { RedisTier } from "./redis-tier.ts";

interface State {
	l1: MemoryTier;
	l2: RedisTier | undefined;
	windows: MemoryWindows;
	reads: { l1: number; l2: number; miss: number };
}

type This = Service & State;

export default function cache(platform: Platform): ServiceSchema<ServiceSettingSchema, Record<never, never>, State> {
	const counter = new Counter({
		name: "scanpulse_cache_reads_total",
		help: "Reads of cached answers, by tier and result",
		labelNames: ["tier", "result"],
		registers: [platform.metrics],
	});

	const actions: ActionsOf<"cache", This> = {
		cacheAnalyticsData: {
			params: { key: "string|max:512", value: "any", ttlMs: "number|integer|positive" },
			async handler({ params: { key, value, ttlMs } }) {
				const entry = { json: JSON.stringify(value), expiresAt: Date.now() + ttlMs };
				this.l1.set(key, entry);
				await whenReady(this.l2, (l2) => l2.set(key, entry));
				return null;
			},
		},

		getCachedAnalytics: {
			params: { key: "string|max:512" },
			async handler({ params: { key } }) {
				const near = this.l1.get(key);
				counter.inc({ tier: "l1", result: near ? "hit" : "miss" });
				if (near) {
					this.reads.l1++;
					return { value: JSON.parse(near.json), tier: "l1" };
				}
				const far = await whenReady(this.l2, (l2) => l2.get(key));
				if (this.l2) counter.inc({ tier: "l2", result: far ? "hit" : "miss" });
				if (!far) {
					this.reads.miss++;
					return null;
				}
				this.l1.set(key, far);
				this.reads.l2++;
				return { value: JSON.parse(far.json), tier: "l2" };
			},
		},

		incrementWithRateLimit: {
			params: {
				key: "string|max:256",
				limit: "number|integer|positive",
				windowMs: "number|integer|positive",
				by: "number|integer|positive|optional",
			},
			async handler({ params: { key, limit, windowMs, by = 1 } }) {
				const { count, resetMs } =
					(await whenReady(this.l2, (l2) => l2.count(key, by, windowMs))) ?? this.windows.count(key, by, windowMs);
				return { count, allowed: count <= limit, remaining: Math.max(0, limit - count), resetMs };
			},
		},

		stats: {
			handler() {
				const redis = this.l2 ? (this.l2.ready ? "ok" : "away") : "none";
				return { redis, l1: this.l1.size, reads: { ...this.reads } };
			},
		},
	};

	return {
		name: "cache",
		actions,

		created() {
			this.l1 = new MemoryTier();
			this.windows = new MemoryWindows();
			this.reads = { l1: 0, l2: 0, miss: 0 };
			const { redisUrl } = platform.config;
			if (redisUrl) {
				this.l2 = new RedisTier({
					url: redisUrl,
					onError: (error) => this.logger.warn("Redis is away, memory serves alone:", error.message),
				});
			}
		},

		async stopped() {
			await this.l2?.close();
		},
	};
}

/** The second tier's answer, or undefined when there is none, it is away, or too slow. */
async function whenReady<T>(l2: RedisTier | undefined, ask: (l2: RedisTier) => Promise<T>): Promise<T | undefined> {
	if (!l2?.ready) return undefined;
	return ask(l2).catch(() => undefined);
}
