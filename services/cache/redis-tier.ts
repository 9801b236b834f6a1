/**
 * The second tier: Redis, shared by all nodes. It may be away or slow at any moment: every command is bounded in time,
 * nothing is queued while it is away, and who asks learns that there is no answer instead of waiting for one.
 */

import { Redis } from "ioredis";
import type { Entry } from "./memory-tier.ts";

export interface RedisTierOptions {
	readonly url: string;
	/** Longest a command may take, ms. @defaultValue 50 */
	readonly commandTimeoutMs?: number;
	onError(error: Error): void;
}

const PREFIX = "scanpulse:";
const LONGEST_RECONNECT_DELAY_MS = 1_000;

/** Adds to a window's counter and makes it expire with the window; answers the count and the time left, ms. */
const COUNT = `
local count = redis.call("INCRBY", KEYS[1], ARGV[1])
local left = redis.call("PTTL", KEYS[1])
if left < 0 then
	redis.call("PEXPIRE", KEYS[1], ARGV[2])
	left = tonumber(ARGV[2])
end
return {count, left}
`;

export class RedisTier {
	readonly #redis: Redis;

	constructor({ url, commandTimeoutMs = 50, onError }: RedisTierOptions) {
		this.#redis = new Redis(url, {
			commandTimeout: commandTimeoutMs,
			connectTimeout: 2_000,
			enableOfflineQueue: false,
			maxRetriesPerRequest: 0,
			retryStrategy: (attempt) => Math.min(attempt * 50, LONGEST_RECONNECT_DELAY_MS),
		});
		this.#redis.on("error", onError);
	}

	get ready(): boolean {
		return this.#redis.status === "ready";
	}

	/** @throws when Redis is away or does not answer in time */
	async get(key: string): Promise<Entry | undefined> {
		const text = await this.#redis.get(PREFIX + key);
		if (text === null) return undefined;
		const separator = text.indexOf("\n");
		const entry = { expiresAt: Number(text.slice(0, separator)), json: text.slice(separator + 1) };
		return entry.expiresAt > Date.now() ? entry : undefined;
	}

	/** @throws when Redis is away or does not answer in time */
	async set(key: string, { json, expiresAt }: Entry): Promise<void> {
		const ttl = expiresAt - Date.now();
		if (ttl > 0) await this.#redis.set(PREFIX + key, `${expiresAt}\n${json}`, "PX", ttl);
	}

	/**
	 * Adds `by` to the counter of a window of `windowMs` that begins with its first count.
	 *
	 * @throws when Redis is away or does not answer in time
	 */
	async count(key: string, by: number, windowMs: number): Promise<{ count: number; resetMs: number }> {
		const [count, resetMs] = (await this.#redis.eval(COUNT, 1, `${PREFIX}limit:${key}`, by, windowMs)) as [
			number,
			number,
		];
		return { count, resetMs };
	}

	async close(): Promise<void> {
		this.#redis.disconnect();
	}
}
