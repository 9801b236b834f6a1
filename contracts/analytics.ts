/** Questions to the numbers, and their answers, as the REST API and the dashboard know them. */

import type { Counts, Dimension } from "./scan.ts";

export const INTERVALS = ["quarter", "hour", "day", "week", "month"] as const;
export type Interval = (typeof INTERVALS)[number];

/** Alternatives of one dimension; several filters must all hold. */
export interface Filter {
	readonly dimension: Dimension;
	readonly values: readonly string[];
}

/**
 * A question as a client put it, parsed. `from` and `to` are ISO instants or dates (`YYYY-MM-DD`, read in `tz`);
 * analytics resolves them. `codes` are ids or slugs.
 */
export interface AnalyticsQuery {
	readonly codes?: readonly string[];
	readonly from?: string;
	readonly to?: string;
	readonly tz?: string;
	readonly bots?: boolean;
	readonly filters?: readonly Filter[];
	readonly compare?: "previous";
}

/** What every answer says of itself. Instants are ISO strings. */
export interface AnswerFrame {
	readonly from: string;
	readonly to: string;
	readonly tz: string;
	/** The instant at which the answer was true of the store. */
	readonly asOf: string;
	/** True when every scan in the event log at `asOf` and in the query is in the answer. */
	readonly complete: boolean;
	readonly coverage: Coverage;
}

export interface Coverage {
	/** The part of the range that the source of the answer still holds. */
	readonly from: string;
	readonly to: string;
	/** `counters`: what was announced of commits, proven to be all that the store held. */
	readonly source: "rollups" | "raw" | "counters";
	readonly capped?: true;
}

export interface Summary extends AnswerFrame, Counts {
	/** With `coverage` when the source of the answer does not hold all of that period any more: there was more then. */
	readonly previous?: { readonly from: string; readonly to: string; readonly coverage?: Coverage } & Counts;
	/** Fractions; null when the previous period had none. */
	readonly change?: { readonly scans: number | null; readonly visitors: number | null };
}

export interface SeriesPoint {
	readonly at: string;
	readonly scans: number;
	readonly visitors: number;
}

export interface Annotation {
	readonly at: string;
	readonly code: string;
	readonly url: string;
}

/** Edits of destinations within a range. */
export type Annotations = Pick<TimeSeries, "annotations" | "annotationsAfter">;

export interface TimeSeries extends AnswerFrame {
	readonly interval: Interval;
	readonly points: readonly SeriesPoint[];
	/** Edits of destinations, oldest first. */
	readonly annotations: readonly Annotation[];
	/** Where there are more of them than are given: all after this instant (ISO) are. */
	readonly annotationsAfter?: string;
}

export interface BreakdownRow {
	readonly value: string;
	readonly name?: string;
	readonly scans: number;
	readonly visitors: number;
}

export interface Breakdown extends AnswerFrame {
	readonly by: Dimension;
	readonly rows: readonly BreakdownRow[];
	readonly other: number;
	readonly total: number;
}

/** Scans of an hour of the week, as clocks of the zone show it; an hour that clocks repeat is in its cell twice. */
export interface HeatCell {
	/** 1 is Monday. */
	readonly weekday: number;
	readonly hour: number;
	readonly scans: number;
}

export interface HeatMap extends AnswerFrame {
	/** All 168, Monday's first hour first. */
	readonly cells: readonly HeatCell[];
}

/** The last minutes: how many scans in each. */
export interface LastMinutes extends AnswerFrame {
	/** Oldest first; the last one is the present UTC minute, which still grows. */
	readonly minutes: readonly { readonly at: string; readonly scans: number }[];
}

/** The last minutes, by which codes and from where, and who is there now. */
export interface LiveMinutes extends LastMinutes {
	/** Different visitors of the last five minutes; bots are none. */
	readonly visitorsNow: number;
	readonly topCodes: readonly { readonly value: string; readonly name?: string; readonly scans: number }[];
	readonly topCountries: readonly { readonly value: string; readonly scans: number }[];
}

/** How an answer was come by: the tier of the cache that held it, or a miss. */
export type CacheTier = "l1" | "l2" | "miss" | "stale";

export interface Answer<T> {
	readonly answer: T;
	readonly cache: CacheTier;
	/** The cache, or a tier of it that is configured, did not serve when it was asked. */
	readonly degraded?: true;
}

export interface Ledger {
	readonly accepted: number;
	readonly stored: number;
	readonly duplicate: number;
	readonly dropped: Readonly<Record<string, number>>;
	readonly missing: number;
	readonly inFlight: number;
	readonly balanced: boolean;
}
