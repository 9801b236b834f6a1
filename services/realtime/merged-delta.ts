/** What several commits added, merged for one update: counts exact, values of a dimension capped with the rest in `(other)`. */

import type { CodeDelta } from "../../contracts/events.ts";
import type { AnalyticsDelta } from "../../contracts/live.ts";
import { BUCKET_DIMENSIONS, type Counts, type Dimension, OTHER } from "../../contracts/scan.ts";

export const NO_COUNTS: Counts = { scans: 0, visitors: 0, bots: 0 };

export function add(a: Counts, b: Counts): Counts {
	return { scans: a.scans + b.scans, visitors: a.visitors + b.visitors, bots: a.bots + b.bots };
}

export class MergedDelta {
	readonly #maxValues: number;
	readonly #byCode: boolean;
	readonly #by = new Map<Dimension, Map<string, number>>();
	#counts = NO_COUNTS;

	/** @param byCode whether `code` is one of the dimensions */
	constructor(maxValues: number, byCode: boolean) {
		this.#maxValues = maxValues;
		this.#byCode = byCode;
	}

	add(delta: CodeDelta): void {
		this.#counts = add(this.#counts, delta);
		for (const [dimension, values] of Object.entries(delta.by)) {
			for (const [value, count] of Object.entries(values ?? {})) this.#count(dimension as Dimension, value, count);
		}
		if (this.#byCode && delta.scans > 0) this.#count("code", delta.code, delta.scans);
	}

	/** Adds what is known to have been counted without its values: `(other)` of every dimension. */
	addUnseen(counts: Counts): void {
		this.#counts = add(this.#counts, counts);
		if (counts.scans <= 0) return;
		for (const dimension of BUCKET_DIMENSIONS) this.#count(dimension, OTHER, counts.scans);
		if (this.#byCode) this.#count("code", OTHER, counts.scans);
	}

	/** The sum so far. */
	toDelta(): AnalyticsDelta {
		const by = Array.from(this.#by, ([dimension, values]) => [dimension, Object.fromEntries(values)] as const);
		return { ...this.#counts, by: Object.fromEntries(by) };
	}

	#count(dimension: Dimension, value: string, count: number): void {
		let values = this.#by.get(dimension);
		if (!values) {
			values = new Map();
			this.#by.set(dimension, values);
		}
		const key = values.has(value) || values.size < this.#maxValues ? value : OTHER;
		values.set(key, (values.get(key) ?? 0) + count);
	}
}
