/**
 * What was ever added to each quarter hour of a few UTC dates, all partitions: read whole and added up here, which for a
 * day or two takes less than having MongoDB add up, and tells of any number of ranges at once.
 */

import type { Document } from "mongodb";
import { datesOf } from "./mongo-closed.ts";
import type { RevisionDocument } from "./mongo-schema.ts";
import { DAY_MS, firstInstant, QUARTER_MS } from "./quarters.ts";
import type { Range } from "./sections.ts";

/** Reads the revisions of all UTC dates that the range touches. */
export function revisedPipeline(organisation: string, range: Range): Document[] {
	return [{ $match: datesOf(organisation, range) }, { $project: { _id: 0, q: 1 } }];
}

export class Revised {
	readonly #known: Range;
	readonly #quarters = new Map<number, number>();

	/** @param range what `documents` were read of */
	constructor({ from, to }: Range, documents: readonly Pick<RevisionDocument, "q">[]) {
		this.#known = { from: firstInstant(from, DAY_MS), to: firstInstant(to - 1, DAY_MS) + DAY_MS };
		for (const { q } of documents)
			for (const [quarter, n] of Object.entries(q)) {
				const at = Number(quarter);
				this.#quarters.set(at, (this.#quarters.get(at) ?? 0) + n);
			}
	}

	/** What was added to the quarters of a range; undefined where not all of it was read. */
	of({ from, to }: Range): number | undefined {
		if (from < this.#known.from || to > this.#known.to) return undefined;
		let revision = 0;
		for (let at = firstInstant(from + QUARTER_MS - 1, QUARTER_MS); at < to; at += QUARTER_MS)
			revision += this.#quarters.get(at) ?? 0;
		return revision;
	}
}
