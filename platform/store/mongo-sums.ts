/** Sums of what the branches of a question found, read off their snapshot. */

import type { Document } from "mongodb";
import { addTally, emptyTally, type Tally } from "./bucket.ts";
import { unescapeKey } from "./mongo-keys.ts";
import { toTally } from "./mongo-rollups.ts";
import type { ShortTally } from "./mongo-schema.ts";
import type { Snapshot } from "./mongo-snapshot.ts";
import { addValues, subtractTally, subtractValues } from "./sections.ts";

/** By value of a dimension that buckets keep. */
export function valueSums(snapshot: Snapshot): Map<string, Tally> {
	const sums = new Map<string, Tally>();
	addRaw(sums, snapshot.of("kept"), unescapeKey);
	for (const bucket of edgeBuckets(snapshot)) addValues(sums, bucket);
	addRaw(sums, snapshot.of("add"), String);
	return sums;
}

export function isCapped(snapshot: Snapshot): boolean {
	return [...snapshot.of("kept"), ...snapshot.of("edge")].some(({ capped }) => capped);
}

/** What is added less what is subtracted, by group. */
export function signedSums<K, Id>(snapshot: Snapshot, keyOf: (id: Id) => K): Map<K, Tally> {
	const sums = new Map<K, Tally>();
	addRaw(sums, snapshot.of("add"), keyOf);
	for (const document of snapshot.of("subtract")) {
		const sum = sums.get(keyOf(document._id as Id));
		if (sum) subtractTally(sum, toTally(document));
	}
	return sums;
}

function addRaw<K, Id>(sums: Map<K, Tally>, documents: readonly Document[], keyOf: (id: Id) => K): void {
	for (const document of documents) {
		const key = keyOf(document._id as Id);
		const sum = sums.get(key) ?? emptyTally();
		addTally(sum, toTally(document));
		sums.set(key, sum);
	}
}

/** Values of the buckets at the edges, less what was subtracted from each. */
function edgeBuckets(snapshot: Snapshot): Map<string, Tally>[] {
	const whose = ({ at, code, partition }: Document) => `${(at as Date).getTime()} ${code || (partition ?? "")}`;
	const edges = Map.groupBy(snapshot.of("subtract"), ({ _id }) => whose(_id as Document));
	return snapshot.of("edge").map((document) => {
		const values = new Map<string, Tally>();
		for (const [key, tally] of Object.entries((document.values ?? {}) as Record<string, ShortTally>))
			values.set(unescapeKey(key), toTally(tally));
		const gone = edges.get(whose(document)) ?? [];
		subtractValues(values, new Map(gone.map((edge) => [(edge._id as { value: string }).value, toTally(edge)])));
		return values;
	});
}
