/**
 * The connection to Redis, which may be away, slow or full at any moment: every command is bounded in time, nothing is
 * queued, and after some failures it is left alone for a while. Who asks learns that there is no answer instead of waiting
 * for one.
 */

import {
	type CircuitBreakerPolicy,
	CircuitState,
	ConsecutiveBreaker,
	circuitBreaker,
	ExponentialBackoff,
	handleWhen,
} from "cockatiel";
import { Redis, ReplyError } from "ioredis";
import type { CacheStats } from "../../contracts/cache.ts";

export interface RedisLinkOptions {
	readonly url: string;
	/** Longest a command may take, ms. @defaultValue 100 */
	readonly commandTimeoutMs?: number;
	/** Failures in a row after which Redis is left alone. @defaultValue 4 */
	readonly failures?: number;
	/** A small write, by which it is asked whether it serves. */
	readonly probe: (redis: Redis) => Promise<unknown>;
	/** How often it is asked, ms. @defaultValue 500 */
	readonly probeMs?: number;
	/** Told when it stops serving. */
	readonly onAway: (reason: string) => void;
	/** Told when it serves again. */
	readonly onBack: () => void;
}

/** While it is left alone one command is tried after this, growing to the other, ms. */
const FIRST_TRY_MS = 100;
const LAST_TRY_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;
const LONGEST_RECONNECT_DELAY_MS = 1_000;
/** A connection on which nothing was answered for so long is given up for a new one, ms. */
const DEAD_CONNECTION_MS = 5_000;

export class RedisLink {
	readonly #redis: Redis;
	readonly #breaker: CircuitBreakerPolicy;
	readonly #probing: NodeJS.Timeout;
	readonly #probe: (redis: Redis) => Promise<unknown>;
	#answeredAt = performance.now();
	/** Whether the last command was answered in time. */
	#inTime = true;
	#refused = false;

	constructor({ url, commandTimeoutMs = 100, failures = 4, probe, probeMs = 500, onAway, onBack }: RedisLinkOptions) {
		this.#probe = probe;
		this.#redis = new Redis(url, {
			commandTimeout: commandTimeoutMs,
			connectTimeout: CONNECT_TIMEOUT_MS,
			enableOfflineQueue: false,
			maxRetriesPerRequest: 0,
			retryStrategy: (attempt) => Math.min(attempt * 50, LONGEST_RECONNECT_DELAY_MS),
		});
		// Whoever asked has the error; without a listener each would be printed as unhandled.
		this.#redis.on("error", () => undefined);
		// An error that Redis replies with is an answer: it serves.
		this.#breaker = circuitBreaker(
			handleWhen((error) => !isReply(error)),
			{
				breaker: new ConsecutiveBreaker(failures),
				halfOpenAfter: new ExponentialBackoff({ initialDelay: FIRST_TRY_MS, maxDelay: LAST_TRY_MS }),
			},
		);
		this.#breaker.onStateChange((state) => {
			if (state === CircuitState.Closed) onBack();
		});
		let wasServing = true;
		this.#breaker.onBreak((reason) => {
			if (wasServing) onAway("error" in reason ? String((reason.error as Error).message) : "left alone");
			wasServing = false;
		});
		this.#breaker.onReset(() => {
			wasServing = true;
		});
		this.#probing = setInterval(() => void this.#look(), probeMs);
		this.#probing.unref();
	}

	get state(): Exclude<CacheStats["redis"], "none"> {
		if (this.#redis.status !== "ready") return "away";
		if (this.#breaker.state !== CircuitState.Closed || !this.#inTime) return "slow";
		return this.#refused ? "full" : "ok";
	}

	/** What Redis answers, or undefined when it does not: away, too slow, left alone, or it refuses. */
	async ask<T>(question: (redis: Redis) => Promise<T>): Promise<T | undefined> {
		try {
			const answer = await this.#breaker.execute(() => question(this.#redis));
			this.#answered();
			return answer;
		} catch (error) {
			if (isReply(error)) {
				this.#answered();
				this.#refused = true;
			} else this.#inTime = false;
			return undefined;
		}
	}

	close(): void {
		clearInterval(this.#probing);
		this.#redis.disconnect();
	}

	#answered(): void {
		this.#answeredAt = performance.now();
		this.#inTime = true;
	}

	async #look(): Promise<void> {
		const served = await this.ask(this.#probe);
		if (served !== undefined) this.#refused = false;
		const silentMs = performance.now() - this.#answeredAt;
		if (this.#redis.status === "ready" && silentMs > DEAD_CONNECTION_MS) {
			this.#answeredAt = performance.now();
			this.#redis.disconnect(true);
		}
	}
}

function isReply(error: unknown): error is Error {
	return error instanceof ReplyError;
}
