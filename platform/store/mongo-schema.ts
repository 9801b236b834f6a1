/**
 * The collections of the scan store: what a document of each is, its indexes, and making them. All of that happens
 * before a transaction, never in one; months are made ahead and on demand.
 */

import type { Binary, Collection, Db, IndexDescription } from "mongodb";
import { MongoServerError } from "mongodb";
import type { Position } from "../../contracts/events.ts";
import type { AcceptedScan, BucketDimension } from "../../contracts/scan.ts";
import type { MessageIdentity } from "./scan-store.ts";
import { monthOf } from "./utc-month.ts";

/** Scans without bots, first visits, bots. A field that is 0 may be absent. */
export interface ShortTally {
	readonly s?: number;
	readonly v?: number;
	readonly b?: number;
}

/** Tallies by dimension and escaped value. */
export type Tallies = Readonly<Record<string, Readonly<Record<string, ShortTally>>>>;

/** `_id`: organisation and scan id, which is kept nowhere else. */
export interface RawDocument extends Omit<AcceptedScan, "id" | "at"> {
	readonly _id: string;
	readonly at: Date;
	readonly first: boolean;
	/** Which of the organisation's buckets counts it. */
	readonly partition: number;
	/** Grows with each commit of a partition, about microseconds: the order of the feed. */
	readonly committed: number;
}

/** A quarter hour of a code (`code` set), or of an organisation in one partition (`code` empty). */
export interface QuarterDocument extends ShortTally {
	readonly _id: string;
	readonly organisation: string;
	readonly code: string;
	readonly partition?: number;
	readonly at: Date;
	readonly d?: Tallies;
	/** Dimensions of which the cap put values under `(other)`. */
	readonly capped?: readonly BucketDimension[];
}

/** A closed day of a code, or of an organisation (`code` empty). */
export interface DayDocument extends ShortTally {
	readonly _id: string;
	readonly organisation: string;
	readonly code: string;
	readonly date: string;
	readonly start: Date;
	readonly end: Date;
	readonly d: Tallies;
	/** Counts by local hour, 0–23. */
	readonly hours: readonly ShortTally[];
	/** Of the organisation's day: the sum of its quarters' revisions, all partitions, that it was folded at. */
	readonly revision?: number;
}

/** A code's totals, or an organisation's in one partition (`partition` set). */
export interface TotalDocument extends ShortTally {
	readonly _id: string;
	readonly organisation: string;
	readonly code: string;
	readonly partition?: number;
	/** First quarter hour that has a scan. */
	readonly first: Date;
}

export interface PartitionDocument {
	readonly _id: number;
	readonly position: Position;
	readonly identity?: MessageIdentity;
	readonly owner: string;
	readonly claim: number;
	/** The session in which the owner commits; ending it ends what a dead owner left open. */
	readonly session: Binary;
	/** The last `committed` given out in this partition. */
	readonly committed: number;
}

/** What was applied of a producer in a partition. */
export interface ProducerDocument {
	readonly _id: string;
	readonly partition: number;
	readonly producer: string;
	readonly number: number;
	/** Running totals of accepted scans by escaped organisation. */
	readonly totals?: Readonly<Record<string, number>>;
	readonly at: Date;
}

export interface LedgerDocument {
	readonly _id: string;
	readonly organisation: string;
	readonly at: Date;
	readonly accepted?: number;
	readonly stored?: number;
	readonly duplicate?: number;
	readonly missing?: number;
	readonly dropped?: Readonly<Record<string, number>>;
}

/** How often each quarter hour of a UTC date was added to, in one partition. `q`: by quarter, epoch ms. */
export interface RevisionDocument {
	readonly _id: string;
	readonly organisation: string;
	readonly date: string;
	readonly partition: number;
	readonly q: Readonly<Record<string, number>>;
}

export interface VisitorDocument {
	readonly _id: string;
	readonly at: Date;
}

export interface ClientIdDocument {
	readonly _id: string;
	readonly month: string;
}

export interface DeadLetterDocument {
	readonly _id: string;
	readonly at: Date;
	readonly partition: number;
	readonly position: Position;
	readonly organisation?: string;
	readonly reason: string;
	readonly data: Uint8Array;
}

export type MetaDocument =
	| { readonly _id: "epoch"; readonly epoch: string }
	/** Months that have a collection of raw scans, `YYYYMM`. */
	| { readonly _id: "months"; readonly months: readonly string[] }
	/** Quarters before it were dropped. */
	| { readonly _id: "quarters"; readonly from: Date };

/** What ingest and the dropping of raw scans agree on: whether a month still takes scans; in one partition, or in all. */
export interface ClosingDocument {
	readonly _id: string;
	readonly month: string;
	readonly partition?: number;
	/** Absent while it is open. */
	readonly state?: "open" | "closing" | "closed";
	/** How often ingest has written it. */
	readonly touched?: number;
	/** Of a closed month: its raw scans are gone. */
	readonly dropped?: true;
}

/** What was counted of a code's raw scans of a month when they were dropped. */
export interface CarriedDocument extends ShortTally {
	readonly _id: string;
	readonly organisation: string;
	readonly code: string;
	readonly month: string;
}

/** The highest fence seen of a lease: who comes with a lower one has lost it. */
export interface FenceDocument {
	readonly _id: string;
	readonly fence: number;
	/** The session in which its holder writes; ending it ends what a dead holder left open. */
	readonly session: Binary;
	readonly writes: number;
}

const HOUR_S = 3_600;
const VISITORS_LIVE_S = 48 * HOUR_S;
const DEAD_LETTERS_LIVE_S = 30 * 24 * HOUR_S;
const MADE_AHEAD_MS = 7 * 24 * HOUR_S * 1_000;
const NAMESPACE_EXISTS = 48;

const RAW_INDEXES: IndexDescription[] = [
	// Counting needs nothing but these fields: it reads no scan.
	{ key: { organisation: 1, code: 1, at: 1, bot: 1, first: 1 }, name: "code_at" },
	{ key: { organisation: 1, at: 1, bot: 1, first: 1 }, name: "organisation_at" },
	{ key: { organisation: 1, code: 1, committed: 1 }, name: "code_committed" },
	{ key: { organisation: 1, committed: 1 }, name: "organisation_committed" },
];

const INDEXES: Readonly<Record<string, readonly IndexDescription[]>> = {
	// One index serves a code's range, an organisation's (`code` empty) and all codes of one (`code` not empty).
	quarters: [{ key: { organisation: 1, code: 1, at: 1 }, name: "code_at" }],
	days: [{ key: { organisation: 1, date: 1, code: 1 }, name: "date_code" }],
	totals: [
		{
			key: { organisation: 1, first: 1 },
			name: "organisations",
			partialFilterExpression: { partition: { $exists: true } },
		},
	],
	ids: [{ key: { month: 1 }, name: "month" }],
	visitors: [{ key: { at: 1 }, name: "expiry", expireAfterSeconds: VISITORS_LIVE_S }],
	partitions: [],
	producers: [{ key: { producer: 1 }, name: "producer" }],
	ledger: [{ key: { organisation: 1, at: 1 }, name: "organisation_at" }],
	dead_letters: [{ key: { at: 1 }, name: "expiry", expireAfterSeconds: DEAD_LETTERS_LIVE_S }],
	revisions: [{ key: { organisation: 1, date: 1 }, name: "organisation_date" }],
	meta: [],
	fences: [],
	closings: [{ key: { month: 1, partition: 1 }, name: "month_partition" }],
	carried: [{ key: { organisation: 1, code: 1, month: 1 }, name: "code_month" }],
};

/** The collections, and making what is missing of them. */
export class MongoSchema {
	readonly db: Db;
	readonly #months = new Set<string>();
	#prepared: Promise<void> | undefined;

	constructor(db: Db) {
		this.db = db;
	}

	readonly raw = (month: string): Collection<RawDocument> => this.db.collection(rawName(month));
	get quarters(): Collection<QuarterDocument> {
		return this.db.collection("quarters");
	}
	get days(): Collection<DayDocument> {
		return this.db.collection("days");
	}
	get totals(): Collection<TotalDocument> {
		return this.db.collection("totals");
	}
	get ids(): Collection<ClientIdDocument> {
		return this.db.collection("ids");
	}
	get visitors(): Collection<VisitorDocument> {
		return this.db.collection("visitors");
	}
	get partitions(): Collection<PartitionDocument> {
		return this.db.collection("partitions");
	}
	get producers(): Collection<ProducerDocument> {
		return this.db.collection("producers");
	}
	get ledger(): Collection<LedgerDocument> {
		return this.db.collection("ledger");
	}
	get deadLetters(): Collection<DeadLetterDocument> {
		return this.db.collection("dead_letters");
	}
	get revisions(): Collection<RevisionDocument> {
		return this.db.collection("revisions");
	}
	get meta(): Collection<MetaDocument> {
		return this.db.collection("meta");
	}
	get fences(): Collection<FenceDocument> {
		return this.db.collection("fences");
	}

	get closings(): Collection<ClosingDocument> {
		return this.db.collection("closings");
	}
	get carried(): Collection<CarriedDocument> {
		return this.db.collection("carried");
	}

	/** Months known to have a collection; a reading tells when there are more. */
	get months(): ReadonlySet<string> {
		return this.#months;
	}

	learnMonths(months: readonly string[]): void {
		for (const month of months) this.#months.add(month);
	}

	/** Makes what is missing, once; a failure is tried again by the next caller. */
	prepare(): Promise<void> {
		this.#prepared ??= this.#prepare().catch((error) => {
			this.#prepared = undefined;
			throw error;
		});
		return this.#prepared;
	}

	async #prepare(): Promise<void> {
		// A client whose first connection failed does not try again by itself.
		await this.db.client.connect();
		await Promise.all(Object.entries(INDEXES).map(([name, indexes]) => this.#make(name, indexes)));
		await this.meta.updateOne({ _id: "epoch" }, { $setOnInsert: { epoch: crypto.randomUUID() } }, { upsert: true });
		const known = await this.meta.findOne({ _id: "months" });
		if (known && "months" in known) this.learnMonths(known.months);
		await this.ensureMonths([monthOf(Date.now())]);
	}

	/** Makes the raw collections of months that have none, and of the one that is about to begin. Outside a transaction. */
	async ensureMonths(months: Iterable<string>): Promise<void> {
		const wanted = new Set([...months, monthOf(Date.now() + MADE_AHEAD_MS)]);
		const missing = [...wanted].filter((month) => !this.#months.has(month));
		if (missing.length === 0) return;
		await Promise.all(missing.map((month) => this.#make(rawName(month), RAW_INDEXES)));
		// Known to readers before the first scan is in it.
		await this.meta.updateOne({ _id: "months" }, { $addToSet: { months: { $each: missing } } }, { upsert: true });
		this.learnMonths(missing);
	}

	async #make(name: string, indexes: readonly IndexDescription[]): Promise<void> {
		try {
			await this.db.createCollection(name);
		} catch (error) {
			if (!(error instanceof MongoServerError && error.code === NAMESPACE_EXISTS)) throw error;
		}
		if (indexes.length > 0) await this.db.collection(name).createIndexes([...indexes]);
	}
}

export function rawName(month: string): string {
	return `scans_${month}`;
}
