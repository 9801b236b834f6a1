/**
 * How the product is, as this gateway sees it. It is `down` only when it cannot redirect, which is when it stops: whatever
 * else is away makes it `degraded`. Asked often and by anybody, so an answer is kept for a moment.
 */

import type { Result } from "../../contracts/actions.ts";
import type { Ingest } from "./ingest.ts";

export interface Check {
	readonly status: "ok" | "away" | "degraded";
	readonly detail?: string;
}

export interface Health {
	readonly status: "ok" | "degraded" | "down";
	readonly checks: Readonly<Record<string, Check>>;
}

export interface HealthQuestions {
	readonly ingest: Ingest;
	readonly draining: () => boolean;
	/** Answers of the actors. @throws when they do not answer in time. */
	readonly counting: () => Promise<Result<"scans.status">>;
	readonly cache: () => Promise<Result<"cache.stats">>;
	/** Whether somebody offers an action now. */
	readonly offered: (action: string) => boolean;
}

const KEPT_MS = 500;
/** Counting that is further behind than this has a store or a reader that does not keep up, ms. */
const BEHIND_MS = 5_000;
/** How long a loss makes the product degraded, ms. */
const LOSS_SHOWN_MS = 60_000;

export class HealthReport {
	readonly #ask: HealthQuestions;
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

	async #look(): Promise<Health> {
		const { ingest, offered } = this.#ask;
		const [store, cache] = await Promise.all([this.#store(), this.#cache()]);
		const checks: Record<string, Check> = {
			log: ingest.away ? { status: "away", detail: "scans go to the spool" } : { status: "ok" },
			store,
			cache,
			spool: spoolCheck(ingest),
			codes: offered("codes.resolve") ? { status: "ok" } : { status: "away" },
			accounts: offered("accounts.authenticate") ? { status: "ok" } : { status: "away" },
		};
		const well = Object.values(checks).every(({ status }) => status === "ok");
		return { status: well ? "ok" : "degraded", checks };
	}

	async #store(): Promise<Check> {
		try {
			const behindMs = Math.max(0, ...(await this.#ask.counting()).map((partition) => partition.behindMs));
			if (behindMs <= BEHIND_MS) return { status: "ok" };
			return { status: "degraded", detail: `counting is ${Math.round(behindMs / 1_000)} s behind` };
		} catch {
			return { status: "away", detail: "nobody counts" };
		}
	}

	async #cache(): Promise<Check> {
		try {
			const { redis } = await this.#ask.cache();
			return redis === "away" ? { status: "away", detail: "Redis; memory serves alone" } : { status: "ok" };
		} catch {
			return { status: "away", detail: "no cache actor" };
		}
	}
}

function spoolCheck({ spooled, losses }: Ingest): Check {
	const lost = `${losses.count} scans of redirects were lost since the start`;
	if (losses.agoMs < LOSS_SHOWN_MS) return { status: "degraded", detail: lost };
	if (spooled > 0) return { status: "degraded", detail: `${spooled} scans wait in the spool` };
	return losses.count > 0 ? { status: "ok", detail: lost } : { status: "ok" };
}
