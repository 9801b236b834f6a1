/** What an audit reads of a store: everything that is kept, each part in one snapshot. */

import type { AcceptedScan, BucketDimension } from "../../contracts/scan.ts";
import type { Tally } from "./bucket.ts";
import type { Unpacked } from "./packed.ts";
import type { Rollup } from "./rollup.ts";
import type { LedgerSums } from "./scan-store.ts";

/** A raw scan, as far as counting looks at it. */
export type CountedScan = Pick<AcceptedScan, BucketDimension | "at" | "bot"> & {
	readonly first: boolean;
	readonly partition: number;
};

/** What is kept of a quarter hour. */
export interface KeptBucket {
	/** First instant, epoch ms. */
	readonly at: number;
	/** Where it is kept by partition. */
	readonly partition?: number;
	readonly tally: Tally;
	/** In the order of `BUCKET_DIMENSIONS`. */
	readonly values: readonly ReadonlyMap<string, Tally>[];
}

/** A closed day or month. */
export interface KeptRollup extends Rollup {
	readonly code?: string;
	/** `YYYY-MM-DD`, `YYYY-MM` */
	readonly name: string;
	/** Epoch ms, `[start, end)`. */
	readonly start: number;
	readonly end: number;
	readonly timeZone?: string;
	/** The organisation's: what screens read of it. */
	readonly unpacked?: Unpacked;
	/** The organisation's day: what filters read of it, where they read anything. No value is under `(other)`. */
	readonly columns?: Pick<Rollup, "tally"> & Unpacked;
}

/** A written hour of an organisation's open day. Times are epoch ms, `[start, end)`. */
export interface KeptHour {
	readonly start: number;
	readonly end: number;
	readonly tally: Readonly<Tally>;
	readonly unpacked: Unpacked;
}

/** Epoch ms, `[from, to)`. */
export interface Span {
	readonly from: number;
	readonly to: number;
}

/** What is there in one snapshot. Without `code`, what is the organisation's own. */
export interface AuditView {
	/** In order of `at`; of closed months none. */
	raw(code: string | undefined, span: Span): AsyncIterable<CountedScan> | Iterable<CountedScan>;
	/** In order of `at`. */
	quarters(code: string | undefined, span: Span): AsyncIterable<KeptBucket> | Iterable<KeptBucket>;
	/** Raw scans of months that are not closed, and what was counted of closed ones when they were dropped. */
	recount(code: string | undefined): Promise<Tally> | Tally;
	total(code: string | undefined): Promise<Tally> | Tally;
	/**
	 * The hour that was written from that instant on, epoch ms, when nothing was added since, and what its codes' quarters
	 * add up to.
	 */
	hour(at: number): Promise<AuditedHour | undefined> | AuditedHour | undefined;
	/** The days of that date, the organisation's included, when it was closed and nothing was added since. */
	days(date: string): Promise<readonly KeptRollup[]> | readonly KeptRollup[];
	/** Codes that a month was closed of; undefined when it was not, or was added to since. */
	codesOfMonth(month: string): Promise<readonly string[] | undefined> | readonly string[] | undefined;
	/** A closed month and its days, in order, as far as they are kept. */
	month(month: string, code: string | undefined): Promise<KeptMonth> | KeptMonth;
	ledger(): Promise<LedgerSums> | LedgerSums;
}

export interface AuditedHour {
	readonly hour: KeptHour;
	readonly codes: ReadonlyMap<string, Tally>;
}

export interface KeptMonth {
	readonly month?: KeptRollup;
	readonly days: readonly KeptRollup[];
}

export interface AuditSource {
	/** Whether a code's quarters are kept by partition, as an organisation's always are. */
	readonly codesByPartition: boolean;
	/** Codes that anything is kept of. */
	codes(): Promise<readonly string[]> | readonly string[];
	/** First instants of written hours of open days, epoch ms; none where the store writes none. */
	hours(): Promise<readonly number[]> | readonly number[];
	/** Dates of closed days, names of closed months. */
	dates(): Promise<readonly string[]> | readonly string[];
	closedMonths(): Promise<readonly string[]> | readonly string[];
	/** Months that are not closed and hold raw scans or quarters, `YYYYMM`, in order. */
	months(): Promise<readonly string[]> | readonly string[];
	/** Quarters before it were dropped, epoch ms. */
	quartersFrom(): Promise<number> | number;
	snapshot<T>(read: (view: AuditView) => Promise<T>): Promise<T>;
}
