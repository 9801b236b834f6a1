/**
 * How the product is, as this gateway sees it. It is `down` only when it cannot redirect, which is when it stops: whatever
 * else is away makes it `degraded`. Asked often and by anybody, so an answer is kept for a moment.
 */

import type { ActionName, Result } from "../../contracts/actions.ts";
import type { ScansPosition } from "../../contracts/events.ts";
import type { Check, Health } from "../../contracts/health.ts";
import type { Ingest } from "./ingest.ts";

export interface HealthQuestions {
	readonly ingest: Ingest;
	readonly draining: () => boolean;
	readonly partitions: number;
	/** Asks the event log. @throws when it does not answer in time. */
	readonly log: () => Promise<unknown>;
	/** Asks the cache actor. @throws when it does not answer in time. */
	readonly cache: () => Promise<Pick<Result<"cache.stats">, "redis" | "degraded">>;
	/** Whether somebody offers an action now. */
	readonly offered: (action: ActionName) => boolean;
}

const KEPT_MS = 500;
/** A partition whose owner said nothing for so long is not being counted, ms; they speak every second. */
const SILENT_MS = 4_000;
/** Counting that is further behind than this has a store or a reader that does not keep up, ms. */
const BEHIND_MS = 5_000;
/** How long a loss makes the product degraded, ms. */
const LOSS_SHOWN_MS = 60_000;
/** How long after it took no scans the spool is shown as one that does not, ms. */
const REFUSAL_SHOWN_MS = 10_000;

export class HealthReport {
	readonly #ask: HealthQuestions;
	readonly #startedAt = performance.now();
	/** What owners said of their partitions, which they say only when the store has confirmed it. */
	readonly #counted = new Map<number, { readonly at: number; readonly behindMs: number }>();
	#kept: { readonly at: number; readonly health: Promise<Health> } | undefined;

	constructor(questions: HealthQuestions) {
		this.#ask = questions;
	}

	read(): Promise<Health> {
		if (this.#ask.draining())
			return Promise.resolve({ status: "down", checks: { gateway: { status: "away", detail: "stopping" } } });
		if (!this.#kept || performance.now() - this.#kept.at > KEPT_MS) {
			this.#kept = { at: performance.now(), health: this.#look() };
		}
		return this.#kept.health;
	}

	/** An owner says where its partition stands. */
	heard({ partition, behindMs }: ScansPosition): void {
		this.#counted.set(partition, { at: performance.now(), behindMs });
	}

	async #look(): Promise<Health> {
		const { ingest, offered } = this.#ask;
		const [log, cache] = await Promise.all([this.#log(), this.#cache()]);
		const checks: Record<string, Check> = {
			log,
			store: this.#store(),
			cache,
			spool: spoolCheck(ingest),
			codes: offered("codes.resolve") ? { status: "ok" } : { status: "away" },
			accounts: offered("accounts.authenticate") ? { status: "ok" } : { status: "away" },
		};
		const well = Object.values(checks).every(({ status }) => status === "ok");
		return { status: well ? "ok" : "degraded", checks };
	}

	async #log(): Promise<Check> {
		if (this.#ask.ingest.away) return { status: "away", detail: "scans go to the spool" };
		return this.#ask.log().then(
			() => ({ status: "ok" }) as const,
			() => ({ status: "away", detail: "the event log does not answer" }) as const,
		);
	}

	#store(): Check {
		const now = performance.now();
		const all = Array.from({ length: this.#ask.partitions }, (_, partition) => this.#counted.get(partition));
		const silent = all.filter((heard) => now - (heard?.at ?? this.#startedAt) > SILENT_MS).length;
		if (silent > 0) return { status: "away", detail: `nobody counts ${silent} of ${all.length} partitions` };
		const behindMs = Math.max(...all.map((heard) => heard?.behindMs ?? 0));
		if (behindMs <= BEHIND_MS) return { status: "ok" };
		return { status: "degraded", detail: `counting is ${Math.round(behindMs / 1_000)} s behind` };
	}

	async #cache(): Promise<Check> {
		try {
			const { redis, degraded } = await this.#ask.cache();
			if (!degraded) return { status: "ok" };
			return {
				status: "degraded",
				detail: redis === "full" ? "Redis takes no writes" : `Redis is ${redis}; memory serves`,
			};
		} catch {
			return { status: "away", detail: "no cache actor" };
		}
	}
}

function spoolCheck({ spooled, losses, refusal }: Ingest): Check {
	const lost = `${losses.count} scans of redirects were lost since the start`;
	if (refusal.agoMs < REFUSAL_SHOWN_MS) {
		return { status: "degraded", detail: `takes no scans: ${refusal.reason}${losses.count > 0 ? `; ${lost}` : ""}` };
	}
	if (losses.agoMs < LOSS_SHOWN_MS) return { status: "degraded", detail: lost };
	if (spooled > 0) return { status: "degraded", detail: `${spooled} scans wait in the spool` };
	return losses.count > 0 ? { status: "ok", detail: lost } : { status: "ok" };
}
