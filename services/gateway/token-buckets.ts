/**
 * Rate limits that this process keeps by itself: a bucket of tokens for each key, refilled steadily, in bounded memory.
 * What is forgotten for want of room begins full again.
 */

import { Generations } from "./generations.ts";

export interface TokenBucketOptions {
	/** Tokens a second, and how many a full bucket holds. */
	readonly perSecond: number;
	/** Most keys remembered; at least half as many of the last used are. @defaultValue 100,000 */
	readonly maxKeys?: number;
	/** The time, ms, from any origin. @defaultValue performance.now */
	readonly now?: () => number;
}

/** What a limited answer tells its client. */
export interface Allowance {
	readonly allowed: boolean;
	readonly limit: number;
	readonly remaining: number;
	/** When the bucket will be full (allowed), or will hold what was asked for (refused), ms from now. */
	readonly resetMs: number;
}

interface Bucket {
	tokens: number;
	at: number;
}

export class TokenBuckets {
	readonly #perSecond: number;
	readonly #now: () => number;
	readonly #buckets: Generations<Bucket>;

	constructor({ perSecond, maxKeys = 100_000, now = () => performance.now() }: TokenBucketOptions) {
		this.#perSecond = perSecond;
		this.#now = now;
		this.#buckets = new Generations(maxKeys);
	}

	/** Takes tokens, all or none. */
	take(key: string, count = 1): Allowance {
		const bucket = this.#bucket(key);
		const allowed = bucket.tokens >= count;
		if (allowed) bucket.tokens -= count;
		return this.#allowance(bucket, allowed, count);
	}

	/** Whether tokens could be taken now, without taking them. */
	look(key: string, count = 1): Allowance {
		const bucket = this.#bucket(key);
		return this.#allowance(bucket, bucket.tokens >= count, count);
	}

	#bucket(key: string): Bucket {
		const now = this.#now();
		let bucket = this.#buckets.get(key);
		if (!bucket) {
			bucket = { tokens: this.#perSecond, at: now };
			this.#buckets.set(key, bucket);
		}
		bucket.tokens = Math.min(this.#perSecond, bucket.tokens + ((now - bucket.at) / 1_000) * this.#perSecond);
		bucket.at = now;
		return bucket;
	}

	#allowance(bucket: Bucket, allowed: boolean, count: number): Allowance {
		const lacking = allowed ? this.#perSecond - bucket.tokens : Math.min(count, this.#perSecond) - bucket.tokens;
		return {
			allowed,
			limit: this.#perSecond,
			remaining: Math.max(0, Math.floor(bucket.tokens)),
			resetMs: Math.max(0, (lacking / this.#perSecond) * 1_000),
		};
	}
}
