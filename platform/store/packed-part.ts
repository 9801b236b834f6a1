/**
 * What the writer's thread answers about a part without sending its scans back: the store has them still, so their places
 * in what was sent are enough, and no scan is cloned between threads a second time.
 */

import type { AcceptedScan, StoredScan } from "../../contracts/scan.ts";
import type { IngestedPart, IngestPart } from "./scan-store.ts";

export interface PackedPart extends Omit<IngestedPart, "scans"> {
	/** Of each scan stored, in order of commit: twice its place among the part's scans, and 1 for a first visit. */
	readonly places: Uint32Array<ArrayBuffer>;
}

/** @param taken the scans of `sent` that `ingested` has stored, in the same order */
export function packPart(ingested: IngestedPart, taken: readonly AcceptedScan[], sent: IngestPart): PackedPart {
	const { scans, ...part } = ingested;
	const places = new Map(scansOf(sent).map((scan, place) => [scan, place]));
	return {
		...part,
		places: Uint32Array.from(scans, ({ first }, n) => 2 * placeOf(places, taken[n]) + (first ? 1 : 0)),
	};
}

export function unpackPart({ places, ...part }: PackedPart, sent: IngestPart): IngestedPart {
	const all = scansOf(sent);
	const scans: StoredScan[] = [];
	for (const place of places) scans.push({ ...(all[place >>> 1] as AcceptedScan), first: (place & 1) === 1 });
	return { ...part, scans };
}

function placeOf(places: ReadonlyMap<AcceptedScan, number>, scan: AcceptedScan | undefined): number {
	const place = scan && places.get(scan);
	if (place === undefined) throw new Error("A scan was stored that was not sent");
	return place;
}

function scansOf({ messages }: IngestPart): AcceptedScan[] {
	return messages.flatMap((read) => (read.kind === "scans" ? read.message.scans : []));
}
