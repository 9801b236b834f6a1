/** From what was read of blocks, quarter hours and raw scans to answers. Pure, and shared by both stores. */

import { BUCKET_DIMENSIONS, type BucketDimension, type Dimension } from "../../contracts/scan.ts";
import { hourOfWeek } from "../calendar.ts";
import { type Block, pointOf } from "./blocks.ts";
import { addTally, emptyTally, type Tally } from "./bucket.ts";
import { addPacked, type Packed, readQuarters } from "./packed.ts";
import { HOURS_OF_DAY, HOURS_OF_WEEK, type Rollup, weekdayOf } from "./rollup.ts";
import type { Answers, Counted, Point, Questions, ScanStore } from "./scan-store.ts";
import { addValues, rankValues, scansOf } from "./sections.ts";

/** Sums of one reading. A store adds what it read of quarter hours and raw scans to the public ones, and its blocks. */
export class AnswerSums {
	readonly tally = emptyTally();
	/** By quarter hour, as `readsOf` says; then `tally` is what blocks add alone. */
	readonly quarters = new Map<number, Tally>();
	/** By value, of each dimension asked for. */
	readonly values: ReadonlyMap<Dimension, Map<string, Tally>>;
	/** Dimensions of which a cap merged values. */
	readonly capped = new Set<Dimension>();
	readonly questions: Questions;
	readonly #points = new Map<number, Tally>();
	readonly #hours: readonly Tally[];

	constructor(questions: Questions) {
		this.questions = questions;
		this.values = new Map(questions.breakdowns?.map((by) => [by, new Map<string, Tally>()]));
		this.#hours = Array.from({ length: questions.hoursOfWeek === undefined ? 0 : HOURS_OF_WEEK }, emptyTally);
	}

	/** @param code empty: the organisation's own @param rollup what was asked for is enough of it */
	addBlock(block: Block, code: string, rollup: Rollup): void {
		const { series, hoursOfWeek } = this.questions;
		addTally(this.tally, rollup.tally);
		if (typeof series === "object")
			for (const { at, ...tally } of rollup.days ?? [{ at: block.from, ...rollup.tally }])
				addTally(this.#points.getOrInsertComputed(pointOf(series, at), emptyTally), tally);
		if (hoursOfWeek !== undefined) {
			const first = block.kind === "day" ? HOURS_OF_DAY * weekdayOf(block.name) : 0;
			for (const [hour, tally] of rollup.hours.entries()) addTally(this.#hours[first + hour] as Tally, tally);
		}
		for (const [by, sums] of this.values) {
			if (by === "code") addValues(sums, code === "" ? (rollup.codes ?? new Map()) : new Map([[code, rollup.tally]]));
			else addValues(sums, rollup.values[BUCKET_DIMENSIONS.indexOf(by)] ?? new Map());
			if (rollup.capped.includes(by as BucketDimension)) this.capped.add(by);
		}
	}

	/** The organisation's own, of which what was asked for is packed. */
	addPacked(
		block: Block,
		{ tally, capped, packed }: Pick<Rollup, "tally" | "capped"> & { readonly packed: Packed },
	): void {
		// Quarter hours that are asked for one by one count themselves.
		if (this.questions.series !== "quarters") addTally(this.tally, tally);
		if (packed.quarters) this.#addQuarters(packed.quarters, block.from);
		for (const [by, sums] of this.values) {
			const values = packed[by];
			if (values) addPacked(sums, values);
			if (capped.includes(by as BucketDimension)) this.capped.add(by);
		}
	}

	#addQuarters(quarters: Uint8Array, from: number): void {
		const { series, hoursOfWeek } = this.questions;
		const hourAt = hoursOfWeek === undefined ? undefined : hourOfWeek(hoursOfWeek);
		let [point, end] = [-1, Number.NEGATIVE_INFINITY];
		let sum: Tally | undefined;
		readQuarters(quarters, from, (at, scans, visitors, bots) => {
			const tally = { scans, visitors, bots };
			if (series === "quarters") {
				this.quarters.set(at, tally);
				return;
			}
			if (hourAt) addTally(this.#hours[hourAt(at)] as Tally, tally);
			if (series === undefined) return;
			if (at >= end) {
				point = Math.max(0, pointOf(series, at));
				end = series[point + 1] ?? Number.POSITIVE_INFINITY;
				sum = this.#points.getOrInsertComputed(point, emptyTally);
			}
			if (sum) addTally(sum, tally);
		});
	}

	answers(bots: boolean): Answers {
		const { series, breakdowns = [], hoursOfWeek } = this.questions;
		const counts = this.#counts();
		const toPoint = (at: number, tally: Tally): Point => ({
			at,
			scans: scansOf(tally, bots),
			visitors: tally.visitors,
		});
		const points = (tallies: Iterable<readonly [number, Tally]>) =>
			[...tallies]
				.map(([at, tally]) => toPoint(at, tally))
				.filter(({ scans }) => scans > 0)
				.sort((a, b) => a.at - b.at);
		const quarters = points(this.quarters);
		return {
			counts: { ...counts, scans: scansOf(counts, bots) },
			series: typeof series === "object" ? points(this.#byPoint(series)) : series ? quarters : [],
			breakdowns: breakdowns.map((by) => rankValues(this.values.get(by) ?? new Map(), bots)),
			capped: [...this.capped],
			...(hoursOfWeek !== undefined && {
				hoursOfWeek: { hours: this.#hours.map((tally) => scansOf(tally, bots)), quarters },
			}),
		};
	}

	#counts(): Tally {
		const sum = emptyTally();
		const [values = new Map<string, Tally>()] = this.values.values();
		const parts = readsOf(this.questions) === "values" ? values.values() : [this.tally, ...this.quarters.values()];
		for (const tally of parts) addTally(sum, tally);
		return sum;
	}

	*#byPoint(points: readonly number[]): Generator<readonly [number, Tally]> {
		const sums = new Map([...this.#points].map(([index, tally]) => [index, { ...tally }]));
		for (const [at, tally] of this.quarters)
			addTally(sums.getOrInsertComputed(Math.max(0, pointOf(points, at)), emptyTally), tally);
		for (const [index, tally] of sums) yield [points[index] as number, tally];
	}
}

/**
 * What is read of quarter hours besides values: each of them, their sum, or, where values alone are asked for, nothing:
 * every scan has one value of each dimension, so the values of one add up to the counts.
 */
export function readsOf({ series, breakdowns = [], hoursOfWeek }: Questions): "quarters" | "sum" | "values" {
	if (series !== undefined || hoursOfWeek !== undefined) return "quarters";
	return breakdowns.length > 0 ? "values" : "sum";
}

/** Questions asked alone. */
export function askingOne(
	answer: ScanStore["answer"],
): Pick<ScanStore, "counts" | "series" | "breakdown" | "hoursOfWeek"> {
	const only = async <T>(answered: Promise<Counted<Answers>>, pick: (answers: Answers) => T): Promise<Counted<T>> => {
		const counted = await answered;
		return { ...counted, value: pick(counted.value) };
	};
	return {
		counts: (selection) => only(answer(selection, {}), ({ counts }) => counts),
		series: (selection, points) => only(answer(selection, { series: points ?? "quarters" }), ({ series }) => series),
		breakdown: (selection, by) =>
			only(answer(selection, { breakdowns: [by] }), ({ breakdowns }) => breakdowns[0] ?? []),
		hoursOfWeek: (selection, timeZone) =>
			only(
				answer(selection, { hoursOfWeek: timeZone }),
				({ hoursOfWeek = { hours: [], quarters: [] } }) => hoursOfWeek,
			),
	};
}
