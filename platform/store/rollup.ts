/**
 * What a closed day or month holds, and how it is folded: a day from quarter hours, a month from days. Pure, and shared by
 * both stores, so that what they close is the same. Values beyond a bucket's cap go under `(other)`, the least scanned
 * first, and the dimension says so.
 */

import { BUCKET_DIMENSIONS, type BucketDimension, OTHER } from "../../contracts/scan.ts";
import { addTally, emptyTally, type Tally, takesPlace, VALUES_PER_BUCKET, type ValueTallies } from "./bucket.ts";

export const HOURS_OF_DAY = 24;
export const HOURS_OF_WEEK = 7 * HOURS_OF_DAY;
/** Codes that an organisation's day or month counts by id; of one with more, they are read from the codes' own. */
export const CODES_PER_ROLLUP = 5_000;

/** A day of a month: its first instant, epoch ms, and its counts. */
export interface DayTally extends Readonly<Tally> {
	readonly at: number;
}

export interface Rollup {
	readonly tally: Readonly<Tally>;
	/** In the order of `BUCKET_DIMENSIONS`. */
	readonly values: readonly ReadonlyMap<string, Readonly<Tally>>[];
	/** Dimensions of which a cap put values under `(other)`. */
	readonly capped: readonly BucketDimension[];
	/** Of a day by local hour, of a month by hour of the week, which begins with Monday's first. */
	readonly hours: readonly Readonly<Tally>[];
	/** Of a month: its days, in order; of a code's only those that have scans. */
	readonly days?: readonly DayTally[];
	/** Of an organisation's: its codes' by id; absent when they are too many, or an earlier release closed it. */
	readonly codes?: ReadonlyMap<string, Readonly<Tally>>;
	/** Of an organisation's: its quarter hours that have scans, by first instant, epoch ms; absent as `codes` may be. */
	readonly quarters?: ReadonlyMap<number, Readonly<Tally>>;
}

export class RollupFold {
	readonly tally = emptyTally();
	readonly #values: ValueTallies = BUCKET_DIMENSIONS.map(() => new Map<string, Tally>());
	readonly #capped = new Set<BucketDimension>();
	readonly #hours: readonly Tally[];
	readonly #days: DayTally[] | undefined;
	#codes: Map<string, Tally> | undefined = new Map();
	#quarters: Map<number, Tally> | undefined;

	private constructor(whose: "organisation" | "code", hours: number, days?: DayTally[]) {
		this.#hours = Array.from({ length: hours }, emptyTally);
		this.#days = days;
		if (whose === "organisation") this.#quarters = new Map();
	}

	static day(whose: "organisation" | "code"): RollupFold {
		return new RollupFold(whose, HOURS_OF_DAY);
	}

	static month(whose: "organisation" | "code"): RollupFold {
		return new RollupFold(whose, HOURS_OF_WEEK, []);
	}

	/** @param at its first instant, epoch ms @param hour local, 0–23 */
	addQuarter(quarter: Pick<Rollup, "tally" | "values" | "capped">, at: number, hour: number): void {
		this.#add(quarter);
		addTally(this.#hours[hour] as Tally, quarter.tally);
		if (this.#quarters) addTally(this.#quarters.getOrInsertComputed(at, emptyTally), quarter.tally);
	}

	/** Counts by value that stand for no scans of their own: those of quarters that were added without. */
	addValues(values: Rollup["values"], capped: readonly BucketDimension[]): void {
		this.#add({ tally: emptyTally(), values, capped });
	}

	/** Days come in order. @param date local, `YYYY-MM-DD` @param at its first instant, epoch ms */
	addDay(day: Rollup, date: string, at: number): void {
		this.#add(day);
		const monday = HOURS_OF_DAY * weekdayOf(date);
		for (const [hour, tally] of day.hours.entries()) addTally(this.#hours[monday + hour] as Tally, tally);
		this.#days?.push({ at, scans: day.tally.scans, visitors: day.tally.visitors, bots: day.tally.bots });
		if (!day.quarters) this.#quarters = undefined;
		for (const [quarter, tally] of day.quarters ?? [])
			if (this.#quarters) addTally(this.#quarters.getOrInsertComputed(quarter, emptyTally), tally);
	}

	/** A code of the organisation that this is folded for; each once. */
	addCode(code: string, { scans, visitors, bots }: Readonly<Tally>): void {
		if (this.#codes?.size === CODES_PER_ROLLUP) this.#codes = undefined;
		this.#codes?.set(code, { scans, visitors, bots });
	}

	/** What was added so far. */
	rollup(): Rollup {
		const values = this.#values.map((tallies, index) => {
			const named = [...tallies.keys()].filter(takesPlace).length;
			if (named > VALUES_PER_BUCKET) this.#capped.add(BUCKET_DIMENSIONS[index] as BucketDimension);
			return mostScanned(tallies);
		});
		return {
			tally: this.tally,
			values,
			capped: BUCKET_DIMENSIONS.filter((dimension) => this.#capped.has(dimension)),
			hours: this.#hours,
			days: this.#days,
			codes: this.#codes,
			quarters: this.#quarters,
		};
	}

	#add({ tally, values, capped }: Pick<Rollup, "tally" | "values" | "capped">): void {
		addTally(this.tally, tally);
		for (const dimension of capped) this.#capped.add(dimension);
		for (const [index, gained] of values.entries()) {
			const sums = this.#values[index] as Map<string, Tally>;
			for (const [value, one] of gained) addTally(sums.getOrInsertComputed(value, emptyTally), one);
		}
	}
}

/** Values that a dimension keeps by name although nothing says whether a cap was met: what an earlier release closed. */
export function cappedByName(values: Rollup["values"]): BucketDimension[] {
	return BUCKET_DIMENSIONS.filter((_, index) => values[index]?.has(OTHER));
}

/** The dates of a month `YYYY-MM`. */
export function datesOf(month: string): string[] {
	const [year, number] = [Number(month.slice(0, 4)), Number(month.slice(5))];
	const days = new Date(Date.UTC(year, number, 0)).getUTCDate();
	return Array.from({ length: days }, (_, day) => `${month}-${String(day + 1).padStart(2, "0")}`);
}

/** 0 is Monday. */
export function weekdayOf(date: string): number {
	return (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7;
}

/** The values with most scans, as many as a bucket keeps; the rest under `(other)`. */
function mostScanned(values: ReadonlyMap<string, Tally>): Map<string, Tally> {
	const all = ({ scans, bots }: Tally) => scans + bots;
	const ranked = [...values].sort(([one, a], [other, b]) => all(b) - all(a) || (one < other ? -1 : 1));
	const kept = new Map<string, Tally>();
	let places = VALUES_PER_BUCKET;
	for (const [value, tally] of ranked) {
		const name = !takesPlace(value) || places-- > 0 ? value : OTHER;
		addTally(kept.getOrInsertComputed(name, emptyTally), tally);
	}
	return kept;
}
