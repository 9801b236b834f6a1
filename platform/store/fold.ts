/**
 * The second half of `ingest`: what a batch adds to the store. Pure, and shared by both stores, which do inside one
 * transaction: `sequence` each part, look up which scans exist (`scanKey`) and which visits were seen (`visitKey`),
 * `fold`, write everything folded, fill in the codes' totals (`ingestedPart`), commit.
 */

import { type AcceptedScan, BUCKET_DIMENSIONS, type Counts, type StoredScan } from "../../contracts/scan.ts";
import { countScan, dimensionValues, emptyTally, type Tally } from "./bucket.ts";
import {
	type BucketIncrement,
	type Gain,
	gainsOf,
	type LedgerIncrement,
	type RevisionIncrement,
	revisionsOf,
	subjectKey,
	type TotalIncrement,
	totalsOf,
} from "./increments.ts";
import { DAY_MS, firstInstant, HOUR_MS, MINUTE_MS, QUARTER_MS } from "./quarters.ts";
import type { IngestedPart } from "./scan-store.ts";
import type { Candidate, DeadLetter, Sequenced } from "./sequence.ts";
import { whyNotStorable } from "./storable.ts";

/** A first visit to remember. */
export interface Visit {
	readonly organisation: string;
	readonly code: string;
	/** First instant of the UTC day, epoch ms. */
	readonly day: number;
	readonly visitor: string;
}

export interface RawScan {
	readonly scan: StoredScan;
	readonly partition: number;
}

export interface FoldedPart {
	readonly sequenced: Sequenced;
	readonly stored: readonly StoredScan[];
	/** The same as they were sent. */
	readonly taken: readonly AcceptedScan[];
	readonly duplicate: number;
	readonly dropped: number;
	readonly missing: number;
	readonly gains: readonly Gain[];
}

export interface Folded {
	readonly parts: readonly FoldedPart[];
	/** In order of commit. */
	readonly raw: readonly RawScan[];
	readonly visits: readonly Visit[];
	readonly buckets: readonly BucketIncrement[];
	readonly totals: readonly TotalIncrement[];
	readonly revisions: readonly RevisionIncrement[];
	readonly ledger: readonly LedgerIncrement[];
	readonly deadLetters: readonly DeadLetter[];
}

/** Scans older than this are not in an announcement's minutes. */
const ANNOUNCED_MINUTES_MS = HOUR_MS;

const NO_MONTHS: ReadonlySet<string> = new Set();

/** A scan's identity: unique in its organisation. */
export function scanKey(scan: AcceptedScan): string {
	return `${scan.organisation}\0${scan.id}`;
}

/** What must not have been seen for the scan to be a first visit; undefined when it cannot be one. */
export function visitKey(scan: AcceptedScan): string | undefined {
	if (scan.bot || !scan.visitor) return undefined;
	return `${scan.organisation}\0${scan.code}\0${firstInstant(scan.at, DAY_MS)}\0${scan.visitor}`;
}

/**
 * @param parts in order of commit
 * @param existing keys (`scanKey`) of those candidates that the store has: under a client's own id in whatever month
 * @param seen keys (`visitKey`) of those visits of the candidates that the store remembers
 * @param now epoch ms
 * @param closed months whose raw scans are being dropped or gone: they take no more
 */
export function fold(
	parts: readonly Sequenced[],
	existing: ReadonlySet<string>,
	seen: ReadonlySet<string>,
	now: number,
	closed: ReadonlySet<string> = NO_MONTHS,
): Folded {
	const taken = new Set<string>();
	const visited = new Set<string>();
	const visits: Visit[] = [];

	const takes = (scan: AcceptedScan) => {
		const key = scanKey(scan);
		if (existing.has(key) || taken.has(key)) return false;
		taken.add(key);
		return true;
	};
	const isFirst = (scan: AcceptedScan) => {
		const key = visitKey(scan);
		if (key === undefined || seen.has(key) || visited.has(key)) return false;
		visited.add(key);
		const { organisation, code, visitor } = scan;
		visits.push({ organisation, code, day: firstInstant(scan.at, DAY_MS), visitor: visitor as string });
		return true;
	};

	const folds = parts.map((sequenced) => foldPart(sequenced, takes, isFirst, now, closed));
	return {
		parts: folds.map(({ part }) => part),
		raw: folds.flatMap(({ part }) => part.stored.map((scan) => ({ scan, partition: part.sequenced.part.partition }))),
		visits,
		buckets: folds.flatMap(({ buckets }) => buckets),
		totals: folds.flatMap(({ totals }) => totals),
		revisions: folds.flatMap(({ buckets }) => revisionsOf(buckets)),
		ledger: folds.flatMap(({ ledger }) => ledger),
		deadLetters: folds.flatMap(({ part, deadLetters }) => [...part.sequenced.malformed, ...deadLetters]),
	};
}

/** What the interface answers about a part. @param totalOf a code's totals after the write */
export function ingestedPart(
	folded: FoldedPart,
	totalOf: (organisation: string, code: string) => Counts,
): IngestedPart {
	const { sequenced, stored, duplicate, dropped, missing, gains } = folded;
	return {
		partition: sequenced.part.partition,
		from: sequenced.part.from,
		to: sequenced.to,
		stored: stored.length,
		duplicate,
		missing,
		dropped,
		codes: gains.map((gain) => ({ ...gain, total: totalOf(gain.organisation, gain.code) })),
		scans: stored,
	};
}

function foldPart(
	sequenced: Sequenced,
	takes: (scan: AcceptedScan) => boolean,
	isFirst: (scan: AcceptedScan) => boolean,
	now: number,
	closed: ReadonlySet<string>,
) {
	const { partition, refused = {} } = sequenced.part;
	const stored: StoredScan[] = [];
	const taken: AcceptedScan[] = [];
	const deadLetters: DeadLetter[] = [];
	const buckets = new Map<string, BucketIncrement>();
	const minutes = new Map<string, Map<number, number>>();
	const ledger = openLedger(sequenced);
	let duplicate = 0;

	for (const candidate of sequenced.candidates) {
		const { scan } = candidate;
		const entry = ledgerEntry(ledger, String(scan.organisation), candidate.hour, partition);
		const reason = Object.hasOwn(refused, scan.id) ? (refused[scan.id] as string) : whyNotStorable(scan, closed);
		if (reason !== undefined) {
			entry.dropped.set(reason, (entry.dropped.get(reason) ?? 0) + 1);
			deadLetters.push(deadLetter(candidate, partition, reason));
		} else if (!takes(scan)) {
			entry.duplicate++;
			duplicate++;
		} else {
			entry.stored++;
			const first = isFirst(scan);
			stored.push({ ...scan, first });
			taken.push(scan);
			countIn(buckets, scan, partition, first);
			if (!scan.bot && scan.at > now - ANNOUNCED_MINUTES_MS) countMinute(minutes, scan);
		}
	}

	const increments = [...buckets.values()];
	const part: FoldedPart = {
		sequenced,
		stored,
		taken,
		duplicate,
		dropped: deadLetters.length,
		missing: sequenced.acceptances.reduce((sum, { missing }) => sum + missing, 0),
		gains: gainsOf(increments, minutes),
	};
	return { part, buckets: increments, totals: totalsOf(increments), ledger: [...ledger.values()], deadLetters };
}

function countIn(buckets: Map<string, BucketIncrement>, scan: AcceptedScan, partition: number, first: boolean): void {
	const at = firstInstant(scan.at, QUARTER_MS);
	const names = dimensionValues(scan);
	for (const code of [scan.code, undefined]) {
		const key = subjectKey(scan.organisation, code, at);
		let bucket = buckets.get(key);
		if (!bucket) {
			const values = BUCKET_DIMENSIONS.map(() => new Map<string, Tally>());
			bucket = { organisation: scan.organisation, code, partition, at, ...emptyTally(), values };
			buckets.set(key, bucket);
		}
		countScan(bucket, scan.bot, first);
		for (let index = 0; index < names.length; index++) {
			const tallies = bucket.values[index] as Map<string, Tally>;
			const name = names[index] as string;
			let tally = tallies.get(name);
			if (!tally) {
				tally = emptyTally();
				tallies.set(name, tally);
			}
			countScan(tally, scan.bot, first);
		}
	}
}

function countMinute(minutes: Map<string, Map<number, number>>, scan: AcceptedScan): void {
	const key = subjectKey(scan.organisation, scan.code);
	const minute = firstInstant(scan.at, MINUTE_MS);
	const counts = minutes.get(key) ?? new Map<number, number>();
	minutes.set(key, counts.set(minute, (counts.get(minute) ?? 0) + 1));
}

function openLedger(sequenced: Sequenced): Map<string, LedgerIncrement> {
	const ledger = new Map<string, LedgerIncrement>();
	for (const { organisation, hour, accepted, missing } of sequenced.acceptances) {
		const entry = ledgerEntry(ledger, organisation, hour, sequenced.part.partition);
		entry.accepted += accepted;
		entry.missing += missing;
	}
	return ledger;
}

function ledgerEntry(
	ledger: Map<string, LedgerIncrement>,
	organisation: string,
	hour: number,
	partition: number,
): LedgerIncrement {
	const key = `${hour} ${organisation}`;
	let entry = ledger.get(key);
	if (!entry) {
		entry = { organisation, hour, partition, accepted: 0, stored: 0, duplicate: 0, missing: 0, dropped: new Map() };
		ledger.set(key, entry);
	}
	return entry;
}

function deadLetter({ scan, position }: Candidate, partition: number, reason: string): DeadLetter {
	const data = new TextEncoder().encode(JSON.stringify(scan));
	return { partition, position, organisation: String(scan.organisation), reason, data };
}
