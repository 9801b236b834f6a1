/**
 * Answers of the embedded store to counts, series, breakdown and live: roll-ups for whole quarter hours, raw scans at the edges,
 * and raw scans alone where filters cross dimensions. Runs within a read transaction of the caller.
 */

import type { DatabaseSync } from "node:sqlite";
import type { BucketDimension, Counts, Dimension } from "../../contracts/scan.ts";
import { addTally, emptyTally, type Tally } from "./bucket.ts";
import { firstInstant, QUARTER_MS } from "./quarters.ts";
import type { LiveCounts, QuarterPoint, Selection, ValueCounts } from "./scan-store.ts";
import {
	addValues,
	type Range,
	rankValues,
	type Sections,
	scansOf,
	sections,
	subtractTally,
	subtractValues,
} from "./sections.ts";
import {
	rawCodes,
	rawMinutes,
	rawQuarters,
	rawTally,
	rawValues,
	rawValuesByBucket,
	rawVisitors,
} from "./sqlite-raw.ts";
import {
	bucketCodes,
	bucketQuarters,
	bucketTally,
	bucketValues,
	bucketValuesByBucket,
	isCapped,
} from "./sqlite-rollups.ts";
import { type Condition, filtered, type Scope, scopeOf } from "./sqlite-scope.ts";

/** What a question reads: of raw scans those under `scans`, of roll-ups those of the scope's subjects. */
interface Plan extends Sections {
	readonly scope: Scope;
	readonly scans: Condition;
	/** Column of the subject whose buckets are read. */
	readonly subject: "organisation" | "code";
}

export class SqliteQuestions {
	readonly #database: DatabaseSync;

	constructor(database: DatabaseSync) {
		this.#database = database;
	}

	counts(selection: Selection): Counts {
		const plan = this.#plan(selection);
		const sum = emptyTally();
		if (plan.buckets) addTally(sum, bucketTally(this.#database, plan.scope.subjects, plan.buckets));
		for (const range of plan.add) addTally(sum, rawTally(this.#database, plan.scans, range));
		for (const range of plan.subtract) subtractTally(sum, rawTally(this.#database, plan.scans, range));
		return { ...sum, scans: scansOf(sum, selection.bots) };
	}

	series(selection: Selection): QuarterPoint[] {
		const plan = this.#plan(selection);
		const quarters = new Map<number, Tally>();
		const at = (quarter: number) => quarters.getOrInsertComputed(quarter, emptyTally);
		if (plan.buckets) {
			const read = bucketQuarters(this.#database, plan.scope.subjects, plan.buckets);
			for (const [quarter, tally] of read) addTally(at(quarter), tally);
		}
		for (const range of plan.add) {
			for (const [quarter, tally] of rawQuarters(this.#database, plan.scans, range)) addTally(at(quarter), tally);
		}
		for (const range of plan.subtract) {
			for (const [quarter, tally] of rawQuarters(this.#database, plan.scans, range)) subtractTally(at(quarter), tally);
		}
		return [...quarters]
			.map(([at, tally]) => ({ at, scans: scansOf(tally, selection.bots), visitors: tally.visitors }))
			.filter(({ scans }) => scans > 0)
			.sort((a, b) => a.at - b.at);
	}

	/** All values of a dimension, and whether a bucket's cap merged some. */
	breakdown(selection: Selection, by: Dimension): { readonly values: ValueCounts[]; readonly capped: boolean } {
		const plan = this.#plan(selection);
		const sums = new Map<string, Tally>();
		if (by === "code") {
			this.#addCodes(sums, plan);
			return { values: rankValues(sums, selection.bots), capped: false };
		}
		for (const range of plan.add) addValues(sums, rawValues(this.#database, plan.scans, range, by));
		const capped = plan.buckets ? this.#addBucketValues(sums, plan, plan.buckets, by) : false;
		return { values: rankValues(sums, selection.bots), capped };
	}

	/** The minutes and who is there, from raw scans; codes and countries as breakdowns, and whether a cap merged some. */
	live(selection: Selection, activeFrom: number): { readonly value: LiveCounts; readonly capped: boolean } {
		const { scans } = this.#plan(selection);
		const { from, to, bots } = selection;
		const minutes = [...rawMinutes(this.#database, scans, { from, to })]
			.map(([at, tally]) => ({ at, scans: scansOf(tally, bots) }))
			.filter((minute) => minute.scans > 0)
			.sort((a, b) => a.at - b.at);
		const active = rawVisitors(this.#database, scans, { from: activeFrom, to });
		const countries = this.breakdown(selection, "country");
		const codes = this.breakdown(selection, "code").values;
		return { value: { minutes, active, codes, countries: countries.values }, capped: countries.capped };
	}

	#plan({ organisation, codes, from, to, filters }: Selection): Plan {
		const scope = scopeOf(this.#database, organisation, codes);
		const subject = codes ? "code" : "organisation";
		if (filters.length === 0) return { ...sections(from, to, Date.now()), scope, scans: scope.raw, subject };
		const scans = filtered(this.#database, organisation, scope, filters);
		return { add: from < to ? [{ from, to }] : [], subtract: [], scope, scans, subject };
	}

	#addCodes(sums: Map<string, Tally>, plan: Plan): void {
		if (plan.buckets) addValues(sums, bucketCodes(this.#database, plan.scope.codes(), plan.buckets));
		for (const range of plan.add) addValues(sums, rawCodes(this.#database, plan.scans, range));
		for (const range of plan.subtract) subtractValues(sums, rawCodes(this.#database, plan.scans, range));
	}

	/**
	 * Whole quarters in one reading; those of which raw scans are subtracted bucket by bucket, as each has its own cap.
	 * Mostly there are none: after a range that ends now comes nothing.
	 */
	#addBucketValues(sums: Map<string, Tally>, plan: Plan, buckets: Range, by: BucketDimension): boolean {
		const { subjects } = plan.scope;
		const edges = plan.subtract
			.map((range) => ({
				quarter: firstInstant(range.from, QUARTER_MS),
				raw: rawValuesByBucket(this.#database, plan.scans, range, by, plan.subject),
			}))
			.filter(({ raw }) => raw.size > 0);
		const byQuarter = Map.groupBy(edges, ({ quarter }) => quarter);
		for (const range of without(buckets, [...byQuarter.keys()])) {
			addValues(sums, bucketValues(this.#database, subjects, range, by));
		}
		for (const [quarter, edgesOfQuarter] of byQuarter) {
			const range = { from: quarter, to: quarter + QUARTER_MS };
			const values = bucketValuesByBucket(this.#database, subjects, range, by);
			for (const { raw } of edgesOfQuarter) {
				for (const [bucket, edge] of raw) subtractValues(values.get(bucket) ?? new Map(), edge);
			}
			for (const left of values.values()) addValues(sums, left);
		}
		return isCapped(this.#database, subjects, buckets, by);
	}
}

/** A range without some of its quarters. */
function without({ from, to }: Range, quarters: readonly number[]): Range[] {
	const ranges: Range[] = [];
	let start = from;
	for (const quarter of [...quarters.toSorted((a, b) => a - b), to]) {
		if (start < quarter) ranges.push({ from: start, to: quarter });
		start = quarter + QUARTER_MS;
	}
	return ranges;
}
