/**
 * Owns Redis: answers of analytics in two tiers, and counters of rate limits. Nothing is held here alone, so all of it
 * can be lost; without Redis the first tier simply serves alone. How long what is kept stands in policies.ts.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { Service, ServiceSchema, ServiceSettingSchema } from "moleculer";
import { READ_PURPOSES } from "../../contracts/cache.ts";
import { type ActionsOf, broadcast, type EventsOf } from "../../platform/actors.ts";
import type { Platform } from "../../platform/platform.ts";
import { Answers } from "./answers.ts";
import { Changes } from "./changes.ts";
import { Hearing } from "./hearing.ts";
import { HitRates } from "./hit-rates.ts";
import { MemoryTier } from "./memory-tier.ts";
import { MemoryWindows } from "./memory-windows.ts";
import { MinuteCounts } from "./minute-counts.ts";
import { POLICIES } from "./policies.ts";
import { RedisLink } from "./redis-link.ts";
import { probe, RedisTier } from "./redis-tier.ts";

/** How long the right to load an answer lasts, ms: somewhat longer than the longest that a question may take. */
const LEASE_MS = 3_000;
/** Positions that nobody told for so long prove nothing of now, ms; they are told every second. */
const SILENT_MS = 2_000;
/** How long is waited for what was just appended to be announced, and how often is looked, ms. */
const PATIENCE_MS = 100;
const AGAIN_MS = 5;
const MOST_KEY_CHARACTERS = 65_536;

interface State {
	l1: MemoryTier;
	link: RedisLink | undefined;
	l2: RedisTier | undefined;
	answers: Answers;
	changes: Changes;
	hearing: Hearing;
	rates: HitRates;
	windows: MemoryWindows;
	minutes: MinuteCounts;
}

type This = Service & State;

export default function cache(platform: Platform): ServiceSchema<ServiceSettingSchema, Record<never, never>, State> {
	const rates = new HitRates(platform.metrics);

	const actions: ActionsOf<"cache", This> = {
		getCachedAnalytics: {
			params: { key: `string|max:${MOST_KEY_CHARACTERS}`, purpose: { type: "enum", values: [...READ_PURPOSES] } },
			async handler({ params: { key, purpose } }) {
				const reading = await this.answers.read(key, purpose);
				return this.link && this.link.state !== "ok" ? { ...reading, degraded: true } : reading;
			},
		},

		cacheAnalyticsData: {
			params: { key: `string|max:${MOST_KEY_CHARACTERS}`, lease: "object", answer: "object|optional" },
			async handler({ params: { key, lease, answer } }) {
				if (answer) return { kept: await this.answers.keep(key, lease, answer) };
				await this.answers.abandon(key, lease);
				return { kept: false };
			},
		},

		incrementWithRateLimit: {
			params: {
				key: "string|max:256",
				limit: "number|integer|positive",
				windowMs: `number|integer|positive|max:${POLICIES.limit.keepMs}`,
				by: "number|integer|positive|optional",
			},
			async handler({ params: { key, limit, windowMs, by = 1 } }) {
				const { count, resetMs } = (await this.l2?.count(key, by, windowMs)) ?? this.windows.count(key, by, windowMs);
				return { count, allowed: count <= limit, remaining: Math.max(0, limit - count), resetMs };
			},
		},

		invalidate: {
			params: { organisation: "string", codes: "array|items:string|optional" },
			handler(ctx) {
				broadcast(ctx, "cache.invalidated", ctx.params);
				return null;
			},
		},

		minutes: {
			params: {
				...{ organisation: "string", codes: "array|items:string|optional" },
				...{ from: "number|integer|positive", applied: "object" },
			},
			async handler({ params: { organisation, codes, from, applied } }) {
				const { hearing } = this;
				const counted = () => this.minutes.from(from, organisation, codes);
				if (counted()) {
					const covers = () => hearing.covers(applied) && Date.now() - (hearing.until ?? 0) < SILENT_MS;
					// What was just appended is announced as soon as it is counted, unless that takes long anyway.
					const end = Date.now() + (hearing.behindMs < PATIENCE_MS ? PATIENCE_MS : 0);
					while (!covers() && Date.now() < end) await delay(AGAIN_MS);
					const minutes = counted();
					return minutes && covers()
						? { state: "counted", minutes, positions: hearing.positions }
						: { state: "unknown" };
				}
				// Counting goes on from one selection's minutes, not from a sum of several.
				if (codes && codes.length !== 1) return { state: "unknown" };
				this.minutes.asking(organisation, codes?.[0], hearing.positions, Date.now());
				return { state: "unknown", node: this.broker.nodeID };
			},
		},

		resumeMinutes: {
			params: {
				...{ organisation: "string", code: "string|optional", epoch: "string", positions: "object" },
				...{ from: "number|integer|positive", minutes: "array|items:object" },
			},
			handler({ params }) {
				return { resumed: this.hearing.isOf(params.epoch) && this.minutes.resume(params) };
			},
		},

		stats: {
			handler() {
				const redis = this.link?.state ?? "none";
				return {
					redis,
					degraded: redis !== "ok" && redis !== "none",
					l1: this.l1.size,
					...this.rates.stats,
					heardSince: this.hearing.since,
				};
			},
		},
	};

	const events: EventsOf<This> = {
		"scans.committed": {
			handler({ params }) {
				const now = Date.now();
				for (const delta of params.codes) this.changes.counted(delta, now);
				const news = this.hearing.committed(params, now);
				this.minutes.heardSince(this.hearing.since, this.hearing.beginnings);
				if (news) for (const delta of params.codes) this.minutes.counted(delta, params, now);
			},
		},
		"scans.position": {
			handler({ params }) {
				this.hearing.position(params, Date.now());
				this.minutes.heardSince(this.hearing.since, this.hearing.beginnings);
			},
		},
		/** Its name, its edits and whether there is such a code are in answers, also in those of all codes. */
		"codes.changed": {
			handler({ params: { code } }) {
				this.changes.changed({ organisation: code.organisation, codes: [code.id, code.slug] }, Date.now());
			},
		},
		"cache.invalidated": {
			handler({ params }) {
				this.changes.changed(params, Date.now());
			},
		},
	};

	return {
		name: "cache",
		actions,
		events,

		created() {
			this.l1 = new MemoryTier();
			this.windows = new MemoryWindows();
			this.rates = rates;
			this.changes = new Changes({ rememberMs: POLICIES.closed.keepMs + LEASE_MS });
			this.hearing = new Hearing(Date.now());
			this.minutes = new MinuteCounts(this.hearing.since);
			const { redisUrl } = platform.config;
			if (redisUrl) {
				this.link = new RedisLink({
					url: redisUrl,
					probe,
					onAway: (reason) => this.logger.warn("Redis does not serve, memory serves alone:", reason),
					onBack: () => this.logger.info("Redis serves again"),
				});
				this.l2 = new RedisTier(this.link, { lockMs: LEASE_MS });
			}
			this.answers = new Answers({
				node: this.broker.nodeID,
				l1: this.l1,
				l2: this.l2,
				leaseMs: LEASE_MS,
				changed: (depends, since) =>
					this.changes.since(depends, since) ?? (since <= this.hearing.since ? "counted" : undefined),
				rates,
			});
		},

		stopped() {
			this.link?.close();
		},
	};
}
