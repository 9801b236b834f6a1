/**
 * The second tier: answers, locks and counters in Redis, shared by all cache nodes. Each write names its row of the table
 * of policies and gets its expiry from there. Every method answers undefined when Redis does not.
 */

import type { Redis } from "ioredis";
import { decode, type Entry, encode, SCHEMA } from "./entry.ts";
import { keptFor, POLICIES, type PolicyName } from "./policies.ts";
import type { RedisLink } from "./redis-link.ts";
import { COUNT, KEEP, LOCK, UNLOCK } from "./redis-scripts.ts";

export interface RedisTierOptions {
	/** How long the right to load an answer lasts, ms. */
	readonly lockMs: number;
}

/**
 * How far the clocks of two cache nodes may be apart, ms: an answer that another node had loaded counts as so much older
 * when it is held against what this node heard.
 */
const CLOCKS_APART_MS = 250;

const PREFIX = `scanpulse:${SCHEMA}`;

export class RedisTier {
	readonly #link: RedisLink;
	readonly #lockMs: number;

	constructor(link: RedisLink, { lockMs }: RedisTierOptions) {
		this.#link = link;
		this.#lockMs = lockMs;
	}

	async get(id: string, node: string): Promise<Entry | undefined> {
		const bytes = await this.#link.ask((redis) => redis.getBuffer(keyOf("open", id)));
		const entry = bytes ? await decode(bytes) : undefined;
		return entry && entry.node !== node ? { ...entry, since: entry.since - CLOCKS_APART_MS } : entry;
	}

	/** A fence, or `taken` when somebody else has the lock. */
	async lock(id: string): Promise<string | "taken" | undefined> {
		const keep = keptFor("lock", Date.now());
		const fence = await this.#link.ask((redis) => redis.eval(LOCK, 1, keyOf("lock", id), this.#lockMs, keep));
		return fence === null ? "taken" : (fence as string | undefined);
	}

	async unlock(id: string, fence: string): Promise<void> {
		await this.#link.ask((redis) => redis.eval(UNLOCK, 1, keyOf("lock", id), fence));
	}

	/** Keeps an answer and frees its lock; false when the lock was taken over by another. */
	async keep(id: string, fence: string, entry: Entry): Promise<boolean | undefined> {
		const bytes = await encode(entry);
		const left = entry.expiresAt - Date.now();
		if (left <= 0) return undefined;
		const kept = await this.#link.ask((redis) =>
			redis.eval(KEEP, 2, keyOf("lock", id), keyOf(entry.kind, id), fence, bytes, left),
		);
		return kept === undefined ? undefined : kept === 1;
	}

	/** Adds `by` to the counter of a window of `windowMs` that begins with its first count. */
	async count(key: string, by: number, windowMs: number): Promise<{ count: number; resetMs: number } | undefined> {
		const keep = Math.min(windowMs, keptFor("limit", Date.now()));
		const reply = await this.#link.ask((redis) => redis.eval(COUNT, 1, keyOf("limit", key), by, keep));
		if (reply === undefined) return undefined;
		const [count, resetMs] = reply as [number, number];
		return { count, resetMs };
	}
}

/** A small write that says whether Redis takes any. */
export function probe(redis: Redis): Promise<unknown> {
	return redis.set(keyOf("probe", ""), "", "PX", keptFor("probe", Date.now()));
}

/** A key under a row of the table; the braces keep what belongs together on one node of a Redis cluster. */
function keyOf(policy: PolicyName, id: string): string {
	return `${PREFIX}:${POLICIES[policy].key}:{${id}}`;
}
