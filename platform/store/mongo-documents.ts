/** What a document of each collection of the scan store is. */

import type { Binary } from "mongodb";
import type { Position } from "../../contracts/events.ts";
import type { AcceptedScan, BucketDimension } from "../../contracts/scan.ts";
import type { Columns } from "./columns.ts";
import type { Packed } from "./packed.ts";
import type { MessageIdentity } from "./scan-store.ts";

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

/** What a closed day or month of a code holds, or of an organisation (`code` empty). Times are instants, `[start, end)`. */
interface RollupDocument extends ShortTally {
	readonly _id: string;
	readonly organisation: string;
	readonly code: string;
	readonly start: Date;
	readonly end: Date;
	/** The zone of the hours. Absent where an earlier release closed it. */
	readonly timeZone?: string;
	readonly d: Tallies;
	/** Dimensions of which a cap put values under `(other)`. */
	readonly capped?: readonly BucketDimension[];
	/** Of the organisation's: by escaped id of its codes; absent where they are too many. */
	readonly codes?: Readonly<Record<string, ShortTally>>;
	/** Of the organisation's: what screens read of it; absent where an earlier release closed it. */
	readonly packed?: Packed;
	/** Of the organisation's: the form of the columns that its days' scans were written in, where they were still kept; absent where an earlier release closed it. */
	readonly columns?: number;
	/** Of the organisation's: the sum of its quarters' revisions, all partitions, that it was folded at. */
	readonly revision?: number;
	/** Of the organisation's: the sum of `n` of the UTC dates that it touches when nothing had been added since it was folded. */
	readonly seen?: number;
}

export interface DayDocument extends RollupDocument {
	readonly date: string;
	/** Counts by local hour, 0–23. */
	readonly hours: readonly ShortTally[];
}

export interface MonthDocument extends RollupDocument {
	/** `YYYY-MM`. */
	readonly month: string;
	/** Counts by hour of the week, 0 (Monday's first) – 167; those without scans are absent. */
	readonly hours: Readonly<Record<string, ShortTally>>;
	/** Its days, in order; of a code only those that have scans. */
	readonly days: readonly (ShortTally & { readonly at: Date })[];
}

/**
 * An hour of an organisation, by UTC, or as much of it as had passed: what screens read of a day that is not over. It is
 * right as long as its quarters' revisions add up to the same. Times are instants, `[start, end)`.
 */
export interface HourDocument extends ShortTally {
	readonly _id: string;
	readonly organisation: string;
	readonly start: Date;
	readonly end: Date;
	readonly revision: number;
	readonly capped: readonly BucketDimension[];
	readonly packed: Packed;
	/** It goes some days later. */
	readonly written: Date;
}

/**
 * Some of the scans of an organisation's closed day, column by column; the parts of a day are in order. They are right as
 * long as the day is closed at the same revision. Times are instants, `[start, end)`.
 */
export interface ColumnsDocument {
	readonly _id: string;
	readonly organisation: string;
	readonly date: string;
	readonly part: number;
	/** Whether it is the day's last part. */
	readonly last: boolean;
	readonly start: Date;
	readonly end: Date;
	readonly revision: number;
	readonly columns: Columns;
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
	/** Grows with each addition to the date, whatever its quarter. */
	readonly n?: number;
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
