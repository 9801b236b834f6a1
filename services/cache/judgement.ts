/**
 * Whether a kept answer may be served, and whether it is time to load it anew: by its age, by what happened to what it
 * depends on, and, a little before its end, by chance, so that of many readers one recounts before all would have to wait.
 */

import type { Change } from "./changes.ts";
import type { Entry } from "./entry.ts";
import type { AnswerPolicy } from "./policies.ts";

/**
 * `fresh` is served; `due` is served and loaded anew; `stale` is served as such and loaded anew; `gone` is not served.
 */
export type Judgement = "fresh" | "due" | "stale" | "gone";

export interface Circumstances {
	/** Epoch ms. */
	readonly now: number;
	/** What changed of what it depends on since its loading began. */
	readonly changed: Change | undefined;
	/** When it was last judged and nothing had changed, epoch ms. */
	readonly lastRight: number;
	/** From 0 (not included) to 1. */
	readonly chance: number;
}

/**
 * Early recomputation by chance is XFetch with β = 1, where a load never counts as shorter than the policy says, because
 * few readers a second would else seldom come within the few milliseconds that it takes.
 *
 * @see https://cseweb.ucsd.edu/~avattani/papers/cache_stampede.pdf Vattani, Chierichetti, Lowenstein: Optimal
 * Probabilistic Cache Stampede Prevention, VLDB 2015
 */
export function judge(entry: Entry, policy: AnswerPolicy, circumstances: Circumstances): Judgement {
	const { now, changed, lastRight, chance } = circumstances;
	if (now >= entry.expiresAt || changed === "edited") return "gone";
	if (changed && now - entry.since >= policy.tickMs) return now - lastRight < policy.staleMs ? "stale" : "gone";
	const early = Math.max(entry.tookMs, policy.earlyMs) * -Math.log(chance);
	return now + early >= entry.expiresAt ? "due" : "fresh";
}
