/**
 * What a key may do per second. Scans are limited here, by each gateway for itself, because asking anybody would cost
 * more than the scan; other writes are counted together with all gateways by the cache actor, and here when it is away.
 */

import type { ServerResponse } from "node:http";
import type { Credential } from "../../contracts/account.ts";
import type { Result } from "../../contracts/actions.ts";
import { CodedError } from "../../contracts/errors.ts";
import { type Allowance, TokenBuckets } from "./token-buckets.ts";

const SCANS_PER_SECOND = 2_000;
const WRITES_PER_SECOND = 50;
const WINDOW_MS = 1_000;

/** Counts in a window shared by all gateways. @throws when nobody answers in time. */
export type SharedCounter = (params: {
	key: string;
	limit: number;
	windowMs: number;
}) => Promise<Result<"cache.incrementWithRateLimit">>;

export class KeyLimits {
	readonly #scans = new TokenBuckets({ perSecond: SCANS_PER_SECOND });
	readonly #writes = new TokenBuckets({ perSecond: WRITES_PER_SECOND });
	readonly #shared: SharedCounter;

	constructor(shared: SharedCounter) {
		this.#shared = shared;
	}

	scans(credential: Credential, count: number): Allowance {
		return this.#scans.take(credential.id, count);
	}

	async write(credential: Credential): Promise<Allowance> {
		try {
			const key = `writes:${credential.organisation}:${credential.id}`;
			return {
				limit: WRITES_PER_SECOND,
				...(await this.#shared({ key, limit: WRITES_PER_SECOND, windowMs: WINDOW_MS })),
			};
		} catch {
			return this.#writes.take(credential.id);
		}
	}
}

/** @throws `rate_limited` when it is not allowed. */
export function requireAllowed({ allowed, limit, resetMs }: Allowance): void {
	if (allowed) return;
	throw new CodedError("rate_limited", `More than ${limit} a second`, { retryAfterMs: Math.max(1, resetMs) });
}

/** @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/03/ */
export function rateLimitHeaders({ limit, remaining, resetMs }: Allowance): Record<string, string> {
	return {
		"RateLimit-Limit": String(limit),
		"RateLimit-Remaining": String(remaining),
		"RateLimit-Reset": String(Math.ceil(resetMs / 1_000)),
	};
}

export function setRateLimitHeaders(response: ServerResponse, allowance: Allowance): void {
	for (const [name, value] of Object.entries(rateLimitHeaders(allowance))) response.setHeader(name, value);
}
