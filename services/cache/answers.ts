/**
 * Answers in two tiers. Whoever asks for one that is not there, or that is time to load anew, may get the right to load it,
 * which nobody else gets meanwhile, in this process or, with Redis, in any. Nothing here waits for a load.
 */

import { hash, randomUUID } from "node:crypto";
import { LRUCache } from "lru-cache";
import {
	AHEAD_MS,
	type CacheReading,
	type Dependence,
	type KeptAnswer,
	type Lease,
	type ReadPurpose,
} from "../../contracts/cache.ts";
import type { Change } from "./changes.ts";
import type { Entry } from "./entry.ts";
import type { HitRates } from "./hit-rates.ts";
import { type Judgement, judge } from "./judgement.ts";
import type { MemoryTier } from "./memory-tier.ts";
import { answerPolicy, keptFor } from "./policies.ts";
import type { RedisTier } from "./redis-tier.ts";

export interface AnswersOptions {
	/** This node's name. */
	readonly node: string;
	readonly l1: MemoryTier;
	/** Absent where there is no Redis. */
	readonly l2?: RedisTier;
	/** How long the right to load an answer lasts, ms. */
	readonly leaseMs: number;
	/** What may have changed of what an answer depends on after an instant, epoch ms. */
	readonly changed: (depends: Dependence, since: number) => Change | undefined;
	readonly rates: HitRates;
}

const MOST_LEASES = 100_000;

/** A lease that is under way. */
interface Granted {
	readonly lease: Lease;
	/** Reads that found nothing and are answered by what is loaded under it. */
	misses: number;
}

interface Found {
	readonly entry: Entry;
	readonly judgement: Exclude<Judgement, "gone">;
	readonly tier: "l1" | "l2";
}

export class Answers {
	readonly #options: AnswersOptions;
	/** The leases of this node that are under way, by key; one whose loader never came back ends by itself. */
	readonly #leases: LRUCache<string, Granted>;
	/** When an entry was last judged and nothing had changed, epoch ms. */
	readonly #right = new WeakMap<Entry, number>();

	constructor(options: AnswersOptions) {
		this.#options = options;
		this.#leases = new LRUCache({ max: MOST_LEASES, ttl: options.leaseMs });
	}

	async read(key: string, purpose: ReadPurpose): Promise<CacheReading> {
		const { rates } = this.#options;
		const id = idOf(key);
		const near = this.#judged(this.#options.l1.get(id), "l1");
		// One that is being loaded by this node is not yet in Redis; one that is fresh here need not be looked for there.
		const farAsked = near?.judgement !== "fresh" && this.#options.l2 !== undefined && !this.#leases.has(id);
		const far = farAsked ? await this.#far(id) : undefined;
		const found = better(near, far);
		if (purpose === "ahead") return this.#ahead(id, found);
		if (!found) {
			const lease = await this.#lease(id);
			if (purpose === "read") {
				rates.read("miss", farAsked);
				const granted = this.#leases.get(id);
				if (granted) granted.misses++;
			}
			return lease ? { state: "miss", lease } : { state: "loading" };
		}
		const { entry, judgement } = found;
		const tier = judgement === "stale" ? "stale" : found.tier;
		// Who goes on waiting was counted as a miss when it began to.
		if (purpose === "read") {
			rates.read(tier, farAsked);
			rates.of(entry.kind, tier);
		}
		const lease = judgement === "fresh" ? undefined : await this.#lease(id);
		const { kind, json, depends } = entry;
		return { state: "hit", kind, json, depends, tier, lease };
	}

	/**
	 * Keeps what was loaded under a lease, unless another was given since.
	 *
	 * @returns whether it was kept
	 */
	async keep(key: string, lease: Lease, answer: KeptAnswer): Promise<boolean> {
		const { l1, l2, node, rates } = this.#options;
		const id = idOf(key);
		const granted = this.#leases.get(id);
		this.#end(id, lease);
		if (granted?.lease.token !== lease.token) return false;
		const now = Date.now();
		const asOf = Math.min(answer.asOf, now);
		const entry: Entry = {
			...answer,
			asOf,
			since: lease.grantedAt,
			expiresAt: now + keptFor(answer.kind, now, asOf),
			node,
		};
		// Nobody read what was loaded ahead, or anew for one who was answered at once.
		if (granted.misses > 0) rates.of(entry.kind, "miss", granted.misses);
		// Here at once, so that who asks next finds it; what is older than what is there is not taken.
		l1.set(id, entry, now);
		return lease.fence === undefined || (await l2?.keep(id, lease.fence, entry)) !== false;
	}

	/** Gives a lease back: nothing was loaded. */
	async abandon(key: string, lease: Lease): Promise<void> {
		const id = idOf(key);
		this.#end(id, lease);
		if (lease.fence !== undefined) await this.#options.l2?.unlock(id, lease.fence);
	}

	/** Loads what would not outlive the read that is expected, or is not the truth any more. */
	async #ahead(id: string, found: Found | undefined): Promise<CacheReading> {
		const lasts = found && found.judgement !== "stale" && found.entry.expiresAt > Date.now() + 1.5 * AHEAD_MS;
		const lease = lasts ? undefined : await this.#lease(id);
		return lease ? { state: "miss", lease } : { state: "ready" };
	}

	async #far(id: string): Promise<Found | undefined> {
		const { l1, l2, node } = this.#options;
		const entry = await l2?.get(id, node);
		const found = this.#judged(entry, "l2");
		if (found) l1.set(id, found.entry, Date.now());
		return found;
	}

	#judged(entry: Entry | undefined, tier: "l1" | "l2"): Found | undefined {
		if (!entry) return undefined;
		const now = Date.now();
		const changed = this.#options.changed(entry.depends, entry.since);
		if (!changed) this.#right.set(entry, now);
		const judgement = judge(entry, answerPolicy(entry.kind), {
			now,
			changed,
			lastRight: this.#right.get(entry) ?? entry.since,
			chance: 1 - Math.random(),
		});
		return judgement === "gone" ? undefined : { entry, judgement, tier };
	}

	/** The right to load, or undefined when somebody has it. */
	async #lease(id: string): Promise<Lease | undefined> {
		if (this.#leases.has(id)) return undefined;
		const own: Lease = { node: this.#options.node, token: randomUUID(), grantedAt: Date.now() };
		// Taken here at once, so that of all who ask while Redis is asked one gets it.
		this.#leases.set(id, { lease: own, misses: 0 });
		const fence = await this.#options.l2?.lock(id);
		if (fence === "taken") {
			this.#end(id, own);
			return undefined;
		}
		// Without Redis each node loads for itself.
		return { ...own, fence };
	}

	#end(id: string, lease: Lease): void {
		if (this.#leases.get(id)?.lease.token === lease.token) this.#leases.delete(id);
	}
}

/** The one to serve: the newer, where it is not staler. */
function better(near: Found | undefined, far: Found | undefined): Found | undefined {
	if (!near || !far) return near ?? far;
	if (far.judgement === "stale" && near.judgement !== "stale") return near;
	return far.entry.asOf > near.entry.asOf ? far : near;
}

/** Keys may be long; what stands for them is not, and is as good as unique. */
function idOf(key: string): string {
	return hash("sha256", key, "base64url");
}
