/**
 * The collections of the scan store, and making them as they are laid out. That happens before a transaction, never in one;
 * months are made ahead and on demand.
 */

import type { Collection, Db, FindOptions } from "mongodb";
import { makeCollections } from "./mongo-collections.ts";
import type {
	CarriedDocument,
	ClientIdDocument,
	ClosingDocument,
	ColumnsDocument,
	DayDocument,
	DeadLetterDocument,
	FenceDocument,
	HourDocument,
	LedgerDocument,
	MetaDocument,
	MonthDocument,
	PartitionDocument,
	ProducerDocument,
	QuarterDocument,
	RawDocument,
	RevisionDocument,
	TotalDocument,
	VisitorDocument,
} from "./mongo-documents.ts";
import { RAW_PLAN, STORE_PLANS } from "./mongo-layout.ts";
import { monthOf } from "./utc-month.ts";

export type * from "./mongo-documents.ts";

const MADE_AHEAD_MS = 7 * 24 * 3_600_000;

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
	/** Closed months; those of raw scans are `raw`. */
	get closedMonths(): Collection<MonthDocument> {
		return this.db.collection("months");
	}
	get hours(): Collection<HourDocument> {
		return this.db.collection("hours");
	}
	get columns(): Collection<ColumnsDocument> {
		return this.db.collection("columns");
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
		await makeCollections(this.db, STORE_PLANS);
		await this.meta.updateOne({ _id: "epoch" }, { $setOnInsert: { epoch: crypto.randomUUID() } }, { upsert: true });
		const months = await this.openMonths();
		await this.#makeMonths(months);
		this.learnMonths(months);
		await this.ensureMonths([monthOf(Date.now())]);
	}

	/** Those that hold raw scans, as the store knows them now, or as of a session's snapshot or transaction. */
	async openMonths(reading?: Pick<FindOptions, "session" | "readConcern">): Promise<readonly string[]> {
		const known = await this.meta.findOne({ _id: "months" }, reading);
		return known && "months" in known ? known.months : [];
	}

	/** Makes the raw collections of months that have none, and of the one that is about to begin. Outside a transaction. */
	async ensureMonths(months: Iterable<string>): Promise<void> {
		const wanted = new Set([...months, monthOf(Date.now() + MADE_AHEAD_MS)]);
		const missing = [...wanted].filter((month) => !this.#months.has(month));
		if (missing.length === 0) return;
		await this.#makeMonths(missing);
		// Known to readers before the first scan is in it.
		await this.meta.updateOne({ _id: "months" }, { $addToSet: { months: { $each: missing } } }, { upsert: true });
		this.learnMonths(missing);
	}

	#makeMonths(months: readonly string[]): Promise<void> {
		return makeCollections(this.db, Object.fromEntries(months.map((month) => [rawName(month), RAW_PLAN])));
	}
}

export function rawName(month: string): string {
	return `scans_${month}`;
}
