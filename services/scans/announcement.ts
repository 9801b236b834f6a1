/**
 * What the owner of a partition tells everybody after a commit: what was added to each code, and the scans themselves,
 * sampled. An announcement stays below the broker's payload limit by coming in parts.
 */

import type { CodeDelta, ScansCommitted } from "../../contracts/events.ts";
import type { BucketDimension, StoredScan } from "../../contracts/scan.ts";
import { OTHER } from "../../contracts/scan.ts";
import { toFeedScan } from "../../platform/store/feed-scan.ts";
import type { IngestedPart } from "../../platform/store/scan-store.ts";

export interface AnnouncementLimits {
	/** Bytes of one part, estimated by its JSON. @defaultValue 524288 */
	readonly maxBytes?: number;
	/** Scans of one code that are shown; the others are counted as skipped. @defaultValue 50 */
	readonly maxFeedPerCode?: number;
	/** Scans of one organisation that are shown. @defaultValue 200 */
	readonly maxFeedPerOrganisation?: number;
	/** Values of one dimension of one code; the others are counted as `(other)`. @defaultValue 50 */
	readonly maxValues?: number;
}

type Feed = ScansCommitted["feed"][number];

/** @param at epoch ms of the commit */
export function announcements(
	part: IngestedPart,
	epoch: string,
	at: number,
	{ maxBytes = 512 * 1024, maxFeedPerCode = 50, maxFeedPerOrganisation = 200, maxValues = 50 }: AnnouncementLimits = {},
): ScansCommitted[] {
	const { feed, skipped } = sample(part.scans, maxFeedPerCode, maxFeedPerOrganisation);
	const bins = pack(
		[
			...part.codes.map((delta) => ({ code: capped(delta, maxValues) })),
			...feed.map((scan) => ({ scan })),
			...Object.entries(skipped).map((entry) => ({ skipped: entry })),
		],
		maxBytes,
	);
	return bins.map((bin, index) => ({
		epoch,
		partition: part.partition,
		from: part.from,
		to: part.to,
		at,
		part: index,
		parts: bins.length,
		codes: bin.flatMap((item) => ("code" in item ? [item.code] : [])),
		feed: bin.flatMap((item) => ("scan" in item ? [item.scan] : [])),
		skipped: Object.fromEntries(bin.flatMap((item) => ("skipped" in item ? [item.skipped] : []))),
	}));
}

/** The newest scans within the limits, in order of commit, and how many of each code were left out. */
function sample(
	scans: readonly StoredScan[],
	perCode: number,
	perOrganisation: number,
): { feed: Feed[]; skipped: Record<string, number> } {
	const shown = new Map<string, number>();
	const skipped: Record<string, number> = {};
	const feed: Feed[] = [];
	for (const scan of scans.toReversed()) {
		const ofCode = shown.get(scan.code) ?? 0;
		const organisation = `organisation ${scan.organisation}`;
		const ofOrganisation = shown.get(organisation) ?? 0;
		if (ofCode >= perCode || ofOrganisation >= perOrganisation) {
			skipped[scan.code] = (skipped[scan.code] ?? 0) + 1;
			continue;
		}
		shown.set(scan.code, ofCode + 1);
		shown.set(organisation, ofOrganisation + 1);
		feed.push({ organisation: scan.organisation, ...toFeedScan(scan) });
	}
	return { feed: feed.reverse(), skipped };
}

function capped(delta: CodeDelta, maxValues: number): CodeDelta {
	const by = Object.fromEntries(
		Object.entries(delta.by).map(([dimension, values]) => [dimension, largest(values, maxValues)]),
	) as { readonly [D in BucketDimension]?: Readonly<Record<string, number>> };
	return { ...delta, by };
}

function largest(values: Readonly<Record<string, number>>, most: number): Readonly<Record<string, number>> {
	const entries = Object.entries(values);
	if (entries.length <= most) return values;
	entries.sort(([, a], [, b]) => b - a);
	const kept = entries.slice(0, most);
	const other = entries.slice(most).reduce((sum, [, count]) => sum + count, 0);
	const merged = new Map(kept);
	merged.set(OTHER, (merged.get(OTHER) ?? 0) + other);
	return Object.fromEntries(merged);
}

/** Items in order, in as few bins of at most `maxBytes` as that order allows; one bin at least. */
function pack<T>(items: readonly T[], maxBytes: number): T[][] {
	const bins: T[][] = [[]];
	let bytes = 0;
	for (const item of items) {
		const size = Buffer.byteLength(JSON.stringify(item));
		if (bytes > 0 && bytes + size > maxBytes) {
			bins.push([]);
			bytes = 0;
		}
		bins.at(-1)?.push(item);
		bytes += size;
	}
	return bins;
}
