/**
 * Answers of the embedded store: closed months and days, roll-ups for the quarter hours between them, raw scans at the
 * edges, and raw scans alone where filters cross dimensions. Runs within a read transaction of the caller.
 */

import type { DatabaseSync } from "node:sqlite";
import type { BucketDimension } from "../../contracts/scan.ts";
import { AnswerSums, readsOf } from "./answers.ts";
import { type Block, type Plan, planRaw, planReading, SHORTEST_BLOCK_MS } from "./blocks.ts";
import { addTally, emptyTally, type Tally } from "./bucket.ts";
import { firstInstant, QUARTER_MS } from "./quarters.ts";
import type { Answers, LiveCounts, Questions, Selection } from "./scan-store.ts";
import { addValues, type Range, scansOf, subtractTally, subtractValues } from "./sections.ts";
import { closedBlocks, readBlocks, readPackedBlocks } from "./sqlite-blocks.ts";
import { readQuartersFrom } from "./sqlite-months.ts";
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
import { type Condition, filtered, findSubject, type Scope, scopeOf } from "./sqlite-scope.ts";

/** What is read: of raw scans those under `scans`, of roll-ups those of the scope's subjects. */
interface Reach {
	readonly plan: Plan;
	readonly scope: Scope;
	readonly scans: Condition;
	/** Column of the subject whose buckets are read. */
	readonly subject: "organisation" | "code";
}

interface Answered {
	readonly value: Answers;
	readonly capped: boolean;
	readonly coveredFrom: number;
}

export class SqliteQuestions {
	readonly #database: DatabaseSync;

	constructor(database: DatabaseSync) {
		this.#database = database;
	}

	answer(selection: Selection, questions: Questions): Answered {
		const reach = this.#reach(selection, questions);
		const sums = new AnswerSums(questions);
		this.#addBlocks(sums, reach, questions);
		this.#addTallies(sums, reach, questions);
		for (const [by, values] of sums.values) {
			if (by === "code") this.#addCodes(values, reach);
			else if (this.#addValues(values, reach, by)) sums.capped.add(by);
		}
		return {
			value: sums.answers(selection.bots),
			capped: sums.capped.size > 0,
			coveredFrom: reach.plan.coveredFrom,
		};
	}

	/** Those that have scans, from raw scans. */
	minutes(selection: Selection): LiveCounts["minutes"] {
		const { from, to, bots } = selection;
		return [...rawMinutes(this.#database, this.#reach(selection, {}).scans, { from, to })]
			.map(([at, tally]) => ({ at, scans: scansOf(tally, bots) }))
			.filter((minute) => minute.scans > 0)
			.sort((a, b) => a.at - b.at);
	}

	/** The minutes and who is there, from raw scans; codes and countries as breakdowns, and whether a cap merged some. */
	live(selection: Selection, activeFrom: number): { readonly value: LiveCounts; readonly capped: boolean } {
		const { scans } = this.#reach(selection, {});
		const minutes = this.minutes(selection);
		const active = rawVisitors(this.#database, scans, { from: activeFrom, to: selection.to });
		const { value, capped } = this.answer(selection, { breakdowns: ["code", "country"] });
		const [codes = [], countries = []] = value.breakdowns;
		return { value: { minutes, active, codes, countries }, capped };
	}

	#reach({ organisation, codes, from, to, filters }: Selection, questions: Questions): Reach {
		const scope = scopeOf(this.#database, organisation, codes);
		const subject = codes ? "code" : "organisation";
		if (filters.length > 0) {
			const scans = filtered(this.#database, organisation, scope, filters);
			return { plan: planRaw({ from, to }), scope, scans, subject };
		}
		const quartersFrom = readQuartersFrom(this.#database);
		const own = to - from < SHORTEST_BLOCK_MS ? undefined : findSubject(this.#database, organisation);
		const closed =
			own === undefined
				? []
				: closedBlocks(this.#database, own, { from, to }, quartersFrom, codes ? "codes" : "organisation");
		const plan = planReading({ from, to }, closed, questions, quartersFrom, Date.now());
		return { plan, scope, scans: scope.raw, subject };
	}

	#addBlocks(sums: AnswerSums, { plan: { blocks }, scope }: Reach, questions: Questions): void {
		if (blocks.length === 0) return;
		const codes = sums.values.get("code");
		const withoutCodes: Block[] = [];
		const packed = blocks.filter((block) => block.packed);
		const [own = 0] = scope.subjects;
		for (const { block, ...kept } of readPackedBlocks(this.#database, own, packed, questions)) {
			sums.addPacked(block, kept);
			if (!kept.packed.code) withoutCodes.push(block);
		}
		const plain = blocks.filter((block) => !block.packed);
		for (const { block, code, rollup } of readBlocks(this.#database, scope.subjects, plain, questions)) {
			sums.addBlock(block, code, rollup);
			if (codes && code === "" && !rollup.codes) withoutCodes.push(block);
		}
		if (!codes || withoutCodes.length === 0) return;
		for (const { code, rollup } of readBlocks(this.#database, scope.codes(), withoutCodes, {}))
			addValues(codes, new Map([[code, rollup.tally]]));
	}

	#addTallies(sums: AnswerSums, { plan, scope, scans }: Reach, questions: Questions): void {
		const reads = readsOf(questions);
		if (reads === "values") return;
		if (reads === "sum") {
			for (const range of plan.buckets) addTally(sums.tally, bucketTally(this.#database, scope.subjects, range));
			for (const range of plan.add) addTally(sums.tally, rawTally(this.#database, scans, range));
			for (const range of plan.subtract) subtractTally(sums.tally, rawTally(this.#database, scans, range));
			return;
		}
		const add = (quarters: ReadonlyMap<number, Tally>, change: (sum: Tally, by: Tally) => void) => {
			for (const [at, tally] of quarters) change(sums.quarters.getOrInsertComputed(at, emptyTally), tally);
		};
		for (const range of plan.buckets) add(bucketQuarters(this.#database, scope.subjects, range), addTally);
		for (const range of plan.add) add(rawQuarters(this.#database, scans, range), addTally);
		for (const range of plan.subtract) add(rawQuarters(this.#database, scans, range), subtractTally);
	}

	#addCodes(sums: Map<string, Tally>, { plan, scope, scans }: Reach): void {
		const codes = plan.buckets.length > 0 ? scope.codes() : [];
		for (const range of plan.buckets) addValues(sums, bucketCodes(this.#database, codes, range));
		for (const range of plan.add) addValues(sums, rawCodes(this.#database, scans, range));
		for (const range of plan.subtract) subtractValues(sums, rawCodes(this.#database, scans, range));
	}

	/** Whether a bucket's cap merged some. */
	#addValues(sums: Map<string, Tally>, reach: Reach, by: BucketDimension): boolean {
		for (const range of reach.plan.add) addValues(sums, rawValues(this.#database, reach.scans, range, by));
		return reach.plan.buckets.map((range) => this.#addBucketValues(sums, reach, range, by)).some(Boolean);
	}

	/**
	 * Whole quarters in one reading; those of which raw scans are subtracted bucket by bucket, as each has its own cap.
	 * Mostly there are none: after a range that ends now comes nothing.
	 */
	#addBucketValues(sums: Map<string, Tally>, reach: Reach, buckets: Range, by: BucketDimension): boolean {
		const { subjects } = reach.scope;
		const edges = reach.plan.subtract
			.map((range) => ({ range, quarter: firstInstant(range.from, QUARTER_MS) }))
			.filter(({ quarter }) => quarter >= buckets.from && quarter < buckets.to)
			.map(({ range, quarter }) => ({
				quarter,
				raw: rawValuesByBucket(this.#database, reach.scans, range, by, reach.subject),
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
