/**
 * What changed lately, and when it was heard of: scans by organisation, code and quarter hour, and whole codes and
 * organisations. A kept answer that is older than a change of what it depends on is not the truth any more. Nothing is
 * deleted anywhere when something changes: who reads compares, in whichever tier the answer was.
 */

import type { Dependence } from "../../contracts/cache.ts";
import type { CodeDelta } from "../../contracts/events.ts";

export interface ChangesOptions {
	/** How long changes are remembered, ms; no answer may be kept for longer. */
	readonly rememberMs: number;
	/**
	 * Quarter hours of codes remembered of one organisation; beyond it everything of it counts as changed.
	 * @defaultValue 50000
	 */
	readonly maxMarks?: number;
}

/** Scans were `counted`, which happens all the time, or somebody `edited` something and expects to see it. */
export type Change = "counted" | "edited";

const QUARTER_MS = 15 * 60_000;

/** By first instant of a quarter hour, when the last change of it was heard of; both epoch ms. */
type Marks = Map<number, number>;
const NONE: Marks = new Map();

interface Organisation {
	/** Everything of it, epoch ms; 0 for never. */
	all: number;
	/** Quarters of any code. */
	readonly any: Marks;
	readonly codes: Map<string, Marks>;
	/** Whole codes, by id or slug. */
	readonly whole: Map<string, number>;
	marks: number;
}

export class Changes {
	readonly #options: Required<ChangesOptions>;
	readonly #organisations = new Map<string, Organisation>();
	#forgetAt = 0;

	constructor({ maxMarks = 50_000, rememberMs }: ChangesOptions) {
		this.#options = { maxMarks, rememberMs };
	}

	/** Scans of a code were counted. */
	counted({ organisation, code, quarters }: CodeDelta, now: number): void {
		const of = this.#of(organisation, now);
		const marks: Marks = of.codes.get(code) ?? new Map();
		of.codes.set(code, marks);
		for (const start of Object.keys(quarters)) {
			const quarter = Number(start);
			if (!marks.has(quarter)) of.marks++;
			marks.set(quarter, now);
			of.any.set(quarter, now);
		}
		if (of.marks > this.#options.maxMarks) this.#collapse(organisation, now);
	}

	/** Something besides scans changed: codes (by id or slug), or everything of the organisation. */
	changed({ organisation, codes }: Pick<Dependence, "organisation" | "codes">, now: number): void {
		const of = this.#of(organisation, now);
		if (codes === undefined) this.#collapse(organisation, now);
		else for (const code of codes) of.whole.set(code, now);
	}

	/** What may have changed of what an answer depends on after `since`, epoch ms, or in it. */
	since(
		{ organisation, codes, from = 0, to = Number.POSITIVE_INFINITY }: Dependence,
		since: number,
	): Change | undefined {
		const of = this.#organisations.get(organisation);
		if (!of) return undefined;
		if (of.all >= since) return "edited";
		const begin = from - (from % QUARTER_MS);
		const touched = (marks: Marks = NONE) =>
			marks.entries().some(([at, when]) => when >= since && at >= begin && at < to);
		const edited = codes
			? codes.some((code) => (of.whole.get(code) ?? 0) >= since)
			: of.whole.values().some((when) => when >= since);
		if (edited) return "edited";
		const counted = codes ? codes.some((code) => touched(of.codes.get(code))) : touched(of.any);
		return counted ? "counted" : undefined;
	}

	#of(organisation: string, now: number): Organisation {
		if (now >= this.#forgetAt) this.#forget(now);
		let of = this.#organisations.get(organisation);
		if (!of) {
			of = { all: 0, any: new Map(), codes: new Map(), whole: new Map(), marks: 0 };
			this.#organisations.set(organisation, of);
		}
		return of;
	}

	#collapse(organisation: string, now: number): void {
		this.#organisations.set(organisation, {
			...{ all: now, any: new Map(), codes: new Map(), whole: new Map(), marks: 0 },
		});
	}

	#forget(now: number): void {
		const before = now - this.#options.rememberMs;
		this.#forgetAt = now + this.#options.rememberMs / 10;
		for (const [organisation, of] of this.#organisations) {
			dropOld(of.any, before);
			dropOld(of.whole, before);
			of.marks = 0;
			for (const [code, marks] of of.codes) {
				dropOld(marks, before);
				of.marks += marks.size;
				if (marks.size === 0) of.codes.delete(code);
			}
			if (of.all <= before && of.any.size + of.codes.size + of.whole.size === 0) {
				this.#organisations.delete(organisation);
			}
		}
	}
}

function dropOld<K>(marks: Map<K, number>, before: number): void {
	for (const [key, when] of marks) if (when <= before) marks.delete(key);
}
