/**
 * The scan store: where counted scans live. Two implementations (a SQLite file, MongoDB) pass one and the same suite.
 * Writing is one transaction a batch; reading always says at which positions of the event log it was true.
 */

import type { CodeDelta, Position } from "../../contracts/events.ts";
import type {
	BucketDimension,
	Counts,
	Dimension,
	ExportedScan,
	FeedScan,
	ScanPlace,
	StoredScan,
} from "../../contracts/scan.ts";
import type { ScanMessage } from "../log/message.ts";
import type { Closable, DayToClose, Fenced, HoursToClose, MonthToClose } from "./closable.ts";
import type { Answers, Counted, HoursOfWeek, Point, Questions, Reading, Selection, ValueCounts } from "./questions.ts";

export type * from "./closable.ts";
export type * from "./questions.ts";

/** Which message stands at the applied position, so that a log that lost its end is noticed. */
export interface MessageIdentity {
	/** Id of the log. */
	readonly log: string;
	/** Empty, with number 0, for a message that was malformed. */
	readonly producer: string;
	readonly number: number;
}

export interface PartitionState {
	readonly partition: number;
	/** Last position applied; 0 at first. */
	readonly position: Position;
	/** Absent at position 0. */
	readonly identity?: MessageIdentity;
	/** Name of the owner; empty at first. */
	readonly owner: string;
	/** Grows with each change of owner; what an older claim writes is refused. */
	readonly claim: number;
}

/** A message read from the log: its scans, or why it has none. Malformed ones become dead letters. */
export type ReadMessage =
	| { readonly position: Position; readonly kind: "scans"; readonly message: ScanMessage }
	| { readonly position: Position; readonly kind: "malformed"; readonly reason: string; readonly data: Uint8Array };

/** What was read of one partition, in order. */
export interface IngestPart {
	readonly partition: number;
	readonly claim: number;
	/** Id of the log that the positions are of. */
	readonly log: string;
	/** The position that must be applied when the transaction begins. */
	readonly from: Position;
	readonly messages: readonly ReadMessage[];
	/** Ids of scans that nothing could store, found alone in a halved batch, with the reason: they become dead letters. */
	readonly refused?: Readonly<Record<string, string>>;
}

export interface IngestedPart {
	readonly partition: number;
	readonly from: Position;
	readonly to: Position;
	readonly stored: number;
	readonly duplicate: number;
	readonly missing: number;
	readonly dropped: number;
	readonly codes: readonly CodeDelta[];
	/** Scans newly stored, in order of commit. */
	readonly scans: readonly StoredScan[];
}

/** Raw scans in the order of `at` and, where that is the same, of their ids. */
export interface ScanPage {
	readonly scans: readonly ExportedScan[];
	/** Where the next page begins; null when the selection has been read to its end. */
	readonly next: ScanPlace | null;
}

/** The minutes of a selection, and who and what was in them. Values are ranked as a breakdown's. */
export interface LiveCounts {
	/** Minutes that have scans, in order; `at` is a minute's first instant, epoch ms. */
	readonly minutes: readonly { readonly at: number; readonly scans: number }[];
	/** Different visitors since `activeFrom`, whether or not it was their first visit; bots are none. */
	readonly active: number;
	readonly codes: readonly ValueCounts[];
	readonly countries: readonly ValueCounts[];
}

export interface LedgerSums {
	/** Growth of the producers' running totals. */
	readonly accepted: number;
	readonly stored: number;
	readonly duplicate: number;
	readonly dropped: Readonly<Record<string, number>>;
	readonly missing: number;
}

/** The ledger beside what it is held against. */
export interface Books {
	readonly sums: LedgerSums;
	/** By producer, the running total of the organisation's scans that was applied; absent where nothing was. */
	readonly applied: Readonly<Record<string, number>>;
}

/** Something kept that does not say what the raw scans say. */
export interface AuditDifference {
	readonly what: "quarters" | "totals" | "hours" | "days" | "months" | "ledger";
	/** Absent: the organisation's own. */
	readonly code?: string;
	/** The quarter's or hour's first instant, the day's date, the month, or the ledger's field. */
	readonly where?: string;
	/**
	 * Where it is the count of a value: its dimension. Without a value, `hour`, `day` and `code` are the sums over its hours,
	 * days and codes; `quarter` is a quarter hour by its first instant.
	 */
	readonly dimension?: BucketDimension | "hour" | "day" | "code" | "quarter";
	readonly value?: string;
	readonly expected: Counts | number;
	readonly found: Counts | number;
}

export interface AuditReport {
	readonly organisation: string;
	/** How much was counted again. */
	readonly scans: number;
	readonly codes: number;
	readonly days: number;
	readonly months: number;
	readonly clean: boolean;
	readonly differing: number;
	/** The first hundred. */
	readonly differences: readonly AuditDifference[];
}

/** A UTC month of raw scans: it takes scans while it is `open` only, and holds them until it is `closed`. */
export interface StoredMonth {
	/** `YYYYMM`. */
	readonly month: string;
	readonly state: "open" | "closing" | "closed";
}

export interface ScanStore {
	/** A random id, renewed by a restore and by `renewEpoch`. */
	epoch(): Promise<string>;
	renewEpoch(): Promise<string>;

	/** All partitions that were ever claimed. */
	partitions(): Promise<PartitionState[]>;
	/**
	 * Makes `owner` the owner of a partition under a new claim. A transaction that a dead owner left open is ended.
	 */
	claim(partition: number, owner: string): Promise<PartitionState>;
	/**
	 * Applies what was read of one or several partitions, all of it or nothing.
	 *
	 * @throws `claim_lost` when a part's claim or `from` is not the store's: the caller reads the partition again.
	 * `unavailable` when the store is away: the same batch may be given again. Anything else is a lasting reason.
	 */
	ingest(parts: readonly IngestPart[]): Promise<IngestedPart[]>;
	/** Does what `ingest` does and takes it back: tells whether it would succeed. Fails as `ingest` does. */
	rehearse(parts: readonly IngestPart[]): Promise<void>;

	/**
	 * Answers from one snapshot: closed months, else closed days, where nothing was added to them since; else quarter
	 * hours; raw scans at the edges. Where there are filters by other dimensions than `code`, by raw scans alone, or what is
	 * kept of them column by column.
	 */
	answer(selection: Selection, questions: Questions): Promise<Counted<Answers>>;
	/** One question alone. Without points, a series is by quarter hours. */
	counts(selection: Selection): Promise<Counted<Counts>>;
	series(selection: Selection, points?: readonly number[]): Promise<Counted<readonly Point[]>>;
	breakdown(selection: Selection, by: Dimension): Promise<Counted<readonly ValueCounts[]>>;
	hoursOfWeek(selection: Selection, timeZone: string): Promise<Counted<HoursOfWeek>>;
	/** A short selection minute by minute: those that have scans, in order. */
	minutes(selection: Selection): Promise<Reading<LiveCounts["minutes"]>>;
	/**
	 * What `minutes` tells, and who and what was in them, all of it in one snapshot.
	 *
	 * @param activeFrom epoch ms, within the selection's time
	 */
	live(selection: Selection, activeFrom: number): Promise<Reading<LiveCounts>>;
	/** Totals for ever, counts of `[dayStart, dayEnd)`, and scans without bots of the minute that begins at `minute`. */
	state(query: {
		readonly organisation: string;
		readonly code?: string;
		readonly dayStart: number;
		readonly dayEnd: number;
		readonly minute: number;
	}): Promise<Reading<{ readonly total: Counts; readonly today: Counts; readonly minute: number }>>;
	/** The newest scans by commit, newest last. */
	recent(query: {
		readonly organisation: string;
		readonly code?: string;
		readonly limit: number;
	}): Promise<Reading<readonly FeedScan[]>>;
	/**
	 * The selection's raw scans behind a place, bots among them only when asked for. A page costs its own length wherever it
	 * begins, and a bounded multiple of it however rarely filters hold: it may have fewer scans than `limit` before the end.
	 */
	scans(selection: Selection, after: ScanPlace, limit: number): Promise<Reading<ScanPage>>;
	/** Sums of the ledger's hours that begin in `[from, to)`; all when absent. */
	ledger(query: { readonly organisation: string; readonly from?: number; readonly to?: number }): Promise<LedgerSums>;

	/** What `ledger` sums, and what of these producers was applied in all time, in one snapshot. */
	books(query: {
		readonly organisation: string;
		readonly from?: number;
		readonly to?: number;
		readonly producers: readonly string[];
	}): Promise<Reading<Books>>;

	/** Organisations that ever had a scan, with the first quarter hour of theirs, epoch ms. */
	organisations(): Promise<{ readonly organisation: string; readonly first: number }[]>;
	/** Whether a day or month was closed as this one, by this release's rules, and nothing was added to it since. */
	isClosed(what: Closable): Promise<boolean>;
	/**
	 * Writes the day of the organisation and of each of its codes from the quarters, atomically and idempotently. `codes`
	 * are those with scans in the day, bots included; `scans` are without bots.
	 */
	closeDay(day: DayToClose): Promise<{ readonly codes: number; readonly scans: number }>;
	/** Writes a month as `closeDay` does a day, from its days; nothing, and undefined, unless all of them are closed. */
	closeMonth(month: MonthToClose): Promise<{ readonly codes: number; readonly scans: number } | undefined>;
	/**
	 * Writes hours that have passed, the last one as far as it has, so that the open day is read as quickly as closed ones;
	 * those that are written and to which nothing was added since are left alone. A store that reads quarters as quickly
	 * writes none.
	 */
	closeHours(hours: HoursToClose): Promise<{ readonly hours: number }>;
	/** Quarters before it were dropped, epoch ms; 0 when none were. */
	quartersFrom(): Promise<number>;

	/**
	 * Counts the organisation's raw scans again and compares: quarters, totals, closed hours, days and months, and the ledger.
	 *
	 * @param query with a month, its quarters only
	 */
	audit(query: { readonly organisation: string; readonly month?: string }): Promise<AuditReport>;

	/** Months that hold raw scans, and those that did, in order. */
	months(): Promise<StoredMonth[]>;
	/** Opens a month, or marks it `closing`: scans of it are then dropped as `too_old`. Nothing happens to a closed one. */
	markMonth(month: string, state: "open" | "closing", lease: Fenced): Promise<void>;
	/**
	 * Closes a month that is `closing` and drops its raw scans; goes on where an earlier call was cut off.
	 *
	 * @throws `conflict` when the month is open.
	 */
	dropMonth(month: string, lease: Fenced): Promise<{ readonly scans: number }>;
	/** Drops quarter hours that begin before an instant, epoch ms. */
	dropQuarters(before: number, lease: Fenced): Promise<{ readonly quarters: number }>;

	/** Fails when the store cannot be reached. */
	ping(): Promise<void>;
	close(): Promise<void>;
}
