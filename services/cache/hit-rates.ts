/** How reads were answered, by tier and by kind of answer, for the metrics and `cache.stats`. */

import { Counter, type Registry } from "prom-client";
import { ANSWER_KINDS, type AnswerKind, type CacheStats, type ReadCounts } from "../../contracts/cache.ts";

type Outcome = keyof ReadCounts;
type Counts = Record<Outcome, number>;

const none = (): Counts => ({ l1: 0, l2: 0, stale: 0, miss: 0 });

export class HitRates {
	readonly #byTier: Counter<"tier" | "result">;
	readonly #byKind: Counter<"kind" | "result">;
	readonly #reads = none();
	readonly #kinds: Readonly<Record<AnswerKind, Counts>> = { open: none(), closed: none(), refused: none() };
	/** Reads that the second tier was asked for. */
	#far = 0;

	constructor(registry: Registry) {
		this.#byTier = new Counter({
			name: "scanpulse_cache_reads_total",
			help: "Reads of cached answers that a tier was asked for, by tier and result",
			labelNames: ["tier", "result"],
			registers: [registry],
		});
		this.#byKind = new Counter({
			name: "scanpulse_cache_answers_total",
			help: "Reads of cached answers by kind of answer and how they were answered",
			labelNames: ["kind", "result"],
			registers: [registry],
		});
	}

	/** @param farAsked whether the second tier was asked */
	read(outcome: Outcome, farAsked: boolean): void {
		this.#reads[outcome]++;
		if (outcome === "l1" || outcome === "stale") {
			this.#byTier.inc({ tier: "l1", result: outcome === "l1" ? "hit" : "stale" });
		} else this.#byTier.inc({ tier: "l1", result: "miss" });
		if (!farAsked) return;
		this.#far++;
		this.#byTier.inc({ tier: "l2", result: outcome === "l2" ? "hit" : "miss" });
	}

	/** What kind of answer it was; of misses that is known once it is loaded. */
	of(kind: AnswerKind, outcome: Outcome, reads = 1): void {
		this.#kinds[kind][outcome] += reads;
		this.#byKind.inc({ kind, result: outcome }, reads);
	}

	get stats(): Pick<CacheStats, "reads" | "kinds" | "hitRates"> {
		const { l1, l2, stale, miss } = this.#reads;
		const share = (part: number, whole: number) => (whole === 0 ? null : part / whole);
		return {
			reads: { ...this.#reads },
			kinds: Object.fromEntries(ANSWER_KINDS.map((kind) => [kind, { ...this.#kinds[kind] }])) as CacheStats["kinds"],
			hitRates: { l1: share(l1 + stale, l1 + l2 + stale + miss), l2: share(l2, this.#far) },
		};
	}
}
