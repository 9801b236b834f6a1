/** Questions to the counted scans, and what answers them. Times are epoch ms. */

import type { Filter } from "../../contracts/analytics.ts";
import type { Positions } from "../../contracts/events.ts";
import type { Counts, Dimension } from "../../contracts/scan.ts";

/** A selection of scans; `codes` absent means all of the organisation. Times are epoch ms, `[from, to)`. */
export interface Selection {
	readonly organisation: string;
	readonly codes?: readonly string[];
	readonly from: number;
	readonly to: number;
	readonly filters: readonly Filter[];
	/** Whether bots count as scans. */
	readonly bots: boolean;
}

/** Something read, with the positions and the epoch it was true at. `capped`: `(other)` of a bucket's cap is in it. */
export interface Reading<T> {
	readonly value: T;
	readonly epoch: string;
	readonly positions: Positions;
	readonly capped: boolean;
}

/** What was counted of a selection, and from when on: of what lies before, closed days and quarter hours do not hold all. */
export interface Counted<T> extends Reading<T> {
	/** Epoch ms; the selection's begin when all of it is held. */
	readonly coveredFrom: number;
}

/** Scans and visitors from `at` to the next point's `at`; epoch ms. */
export interface Point {
	readonly at: number;
	readonly scans: number;
	readonly visitors: number;
}

export interface ValueCounts {
	readonly value: string;
	readonly scans: number;
	readonly visitors: number;
}

/** What a screen asks of one selection, to be answered by one reading. Counts are always answered. */
export interface Questions {
	/** A series: by quarter hours that have scans, or by points of which the first begins no later than the selection; epoch ms. */
	readonly series?: "quarters" | readonly number[];
	/** Dimensions to break down by. */
	readonly breakdowns?: readonly Dimension[];
	/** IANA name of the time zone whose hours of the week are counted. */
	readonly hoursOfWeek?: string;
}

/** Scans by hour of the week: those of closed days of the zone, and quarter hours that their reader has to assign. */
export interface HoursOfWeek {
	/** 168, from Monday's first hour on. */
	readonly hours: readonly number[];
	readonly quarters: readonly Point[];
}

export interface Answers {
	readonly counts: Counts;
	/** Points that have scans, in order. */
	readonly series: readonly Point[];
	/** In the order asked: all values, largest first, ties by value; absence is `(none)`, a bucket's cap `(other)`. */
	readonly breakdowns: readonly (readonly ValueCounts[])[];
	/** Dimensions in whose breakdown `(other)` of a cap is. */
	readonly capped: readonly Dimension[];
	readonly hoursOfWeek?: HoursOfWeek;
}
