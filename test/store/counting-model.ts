/** The smallest possible store around the pure core of ingest: maps in memory, to test the core by itself. */

import { addTally, capValues, emptyTally, noneKept, type Tally } from "../../platform/store/bucket.ts";
import { type Folded, fold, scanKey, visitKey } from "../../platform/store/fold.ts";
import type { IngestPart } from "../../platform/store/scan-store.ts";
import { type ProducerMemory, sequence } from "../../platform/store/sequence.ts";
import { NOON } from "./scans.ts";

interface Bucket extends Tally {
	readonly kept: Set<string>[];
	readonly values: Map<string, Tally>[];
}

export class CountingModel {
	readonly producers = new Map<string, ProducerMemory>();
	readonly scans = new Map<string, boolean>();
	readonly buckets = new Map<string, Bucket>();
	readonly totals = new Map<string, Tally>();
	readonly ledger = new Map<string, number>();
	readonly revisions = new Map<string, number>();
	readonly #visits = new Set<string>();
	readonly #cap: number;

	constructor(cap = 300) {
		this.#cap = cap;
	}

	ingest(part: IngestPart): Folded {
		const sequenced = sequence(part, (producer) => this.producers.get(producer), NOON);
		const keys = sequenced.candidates.map(({ scan }) => scanKey(scan));
		const visits = sequenced.candidates.map(({ scan }) => visitKey(scan) ?? "");
		const folded = fold(
			[sequenced],
			new Set(keys.filter((key) => this.scans.has(key))),
			new Set(visits.filter((key) => this.#visits.has(key))),
			NOON,
		);
		for (const { producer, number, totals, at } of sequenced.producers) {
			this.producers.set(producer, { number, totals, at });
		}
		for (const { scan } of folded.raw) {
			this.scans.set(scanKey(scan), scan.first);
			if (scan.first) this.#visits.add(visitKey(scan) as string);
		}
		this.#write(folded);
		return folded;
	}

	#write(folded: Folded): void {
		for (const { organisation, code, at, values, ...counts } of folded.buckets) {
			const bucket = this.#bucket(`${organisation} ${code} ${at}`);
			addTally(bucket, counts);
			capValues(values, bucket.kept, this.#cap).values.forEach((tallies, index) => {
				for (const [value, tally] of tallies) {
					const sums = bucket.values[index] as Map<string, Tally>;
					addTally(sums.getOrInsert(value, emptyTally()), tally);
				}
			});
		}
		for (const { organisation, code, ...counts } of folded.totals) {
			addTally(this.totals.getOrInsert(`${organisation} ${code}`, emptyTally()), counts);
		}
		for (const { organisation, hour, dropped, accepted, stored, duplicate, missing } of folded.ledger) {
			const sums = { accepted, stored, duplicate, missing, ...Object.fromEntries(dropped) };
			for (const [name, n] of Object.entries(sums)) add(this.ledger, `${organisation} ${hour} ${name}`, n);
		}
		for (const { organisation, date, quarters } of folded.revisions) {
			for (const [at, n] of quarters) add(this.revisions, `${organisation} ${date} ${at}`, n);
		}
	}

	#bucket(key: string): Bucket {
		let bucket = this.buckets.get(key);
		if (!bucket) {
			const kept = noneKept();
			bucket = { ...emptyTally(), kept, values: kept.map(() => new Map<string, Tally>()) };
			this.buckets.set(key, bucket);
		}
		return bucket;
	}
}

function add(sums: Map<string, number>, key: string, n: number): void {
	if (n > 0) sums.set(key, (sums.get(key) ?? 0) + n);
}
