/**
 * Questions as branches of a snapshot: the documents that a selection touches, by an index, and how they are grouped
 * where they lie. What is added and what is taken away is told by the tag.
 */

import type { Document } from "mongodb";
import type { Filter } from "../../contracts/analytics.ts";
import { type BucketDimension, NONE } from "../../contracts/scan.ts";
import { type Block, type Plan, planRaw, planReading } from "./blocks.ts";
import { rawName } from "./mongo-schema.ts";
import type { Branch } from "./mongo-snapshot.ts";
import { QUARTER_MS } from "./quarters.ts";
import type { Questions, Selection } from "./scan-store.ts";
import type { Range } from "./sections.ts";
import { monthsTouched } from "./utc-month.ts";

export type Months = ReadonlySet<string>;

/** A selection as the store reads it: filters by code are codes, and others are answered by columns and raw scans alone. */
export interface Reach {
	readonly organisation: string;
	/** Whose buckets: these codes', the organisation's own, or those of each of its codes. */
	readonly of: readonly string[] | "organisation" | "codes";
	readonly filters: readonly Filter[];
	readonly plan: Plan;
}

/** @param closed what may be read of closed days and months; none when absent */
export function reachOf(
	selection: Selection,
	now: number,
	questions: Questions = {},
	closed: readonly Block[] = [],
	quartersFrom = 0,
): Reach {
	const { organisation } = selection;
	const range = { from: Math.max(selection.from, -LAST_INSTANT), to: Math.min(selection.to, LAST_INSTANT) };
	let codes = selection.codes && [...new Set(selection.codes)];
	for (const { dimension, values } of selection.filters)
		if (dimension === "code") codes = codes ? codes.filter((code) => values.includes(code)) : [...new Set(values)];
	const filters = selection.filters.filter(({ dimension }) => dimension !== "code");
	const plan = filters.length > 0 ? planRaw(range) : planReading(range, closed, questions, quartersFrom, now);
	return { organisation, of: codes ?? "organisation", filters, plan };
}

/** The last instant that a date can express, epoch ms, less a quarter hour. */
const LAST_INSTANT = 8.64e15 - QUARTER_MS;

/** Fields of a group that add up buckets, or closed documents. */
export const TALLY_OF_BUCKETS = { s: { $sum: "$s" }, v: { $sum: "$v" }, b: { $sum: "$b" } };
/** Fields of a group that tally raw scans. */
export const TALLY_OF_SCANS = {
	s: { $sum: { $cond: ["$bot", 0, 1] } },
	v: { $sum: { $cond: ["$first", 1, 0] } },
	b: { $sum: { $cond: ["$bot", 1, 0] } },
};
const MINUTE_OF_SCAN = { $dateTrunc: { date: "$at", unit: "minute" } };
const QUARTER_OF_SCAN = { $dateTrunc: { date: "$at", unit: "minute", binSize: QUARTER_MS / 60_000 } };

/** Scans, visitors and bots, grouped: buckets by `ofBuckets`, raw scans by `ofScans`. */
function tallyBranches(reach: Reach, months: Months, ofBuckets: unknown, ofScans: unknown): Branch[] {
	const { buckets, add, subtract } = reach.plan;
	const branches: Branch[] = buckets.map((range) => ({
		tag: "add",
		collection: "quarters",
		pipeline: [{ $match: bucketsIn(reach, range) }, { $group: { _id: ofBuckets, ...TALLY_OF_BUCKETS } }],
	}));
	const grouped = [{ $group: { _id: ofScans, ...TALLY_OF_SCANS } }];
	branches.push(...rawBranches("add", reach, add, months, grouped));
	branches.push(...rawBranches("subtract", reach, subtract, months, grouped));
	return branches;
}

export const countsBranches = (reach: Reach, months: Months): Branch[] => tallyBranches(reach, months, null, null);

export const seriesBranches = (reach: Reach, months: Months): Branch[] =>
	tallyBranches(reach, months, "$at", QUARTER_OF_SCAN);

/** By minute, from raw scans alone. */
export const minuteBranches = (reach: Reach, range: Range, months: Months): Branch[] =>
	rawBranches("minute", reach, [range], months, [{ $group: { _id: MINUTE_OF_SCAN, ...TALLY_OF_SCANS } }]);

/** How many different visitors (`n`), bots left out, also where the range goes over the end of a month. */
export function visitorBranches(reach: Reach, range: Range, months: Months): Branch[] {
	const people = [{ $match: { bot: false, visitor: { $exists: true } } }, { $project: { _id: 0, visitor: 1 } }];
	const [first, ...others] = rawBranches("active", reach, [range], months, people);
	if (!first) return [];
	const united = others.map(({ collection, pipeline }) => ({ $unionWith: { coll: collection, pipeline } }));
	return [{ ...first, pipeline: [...first.pipeline, ...united, { $group: { _id: "$visitor" } }, { $count: "n" }] }];
}

/** By code: from the codes' own buckets, which no cap touches. */
export const codeBranches = (reach: Reach, months: Months): Branch[] =>
	tallyBranches({ ...reach, of: reach.of === "organisation" ? "codes" : reach.of }, months, "$code", "$code");

/**
 * By a dimension that buckets keep. Buckets at an edge that something is subtracted from come one by one (`edge`: whose
 * they are, and their values), and so does what is subtracted, because a bucket's cap decides under which value.
 */
export function valueBranches(reach: Reach, months: Months, by: BucketDimension): Branch[] {
	const { buckets, add, subtract } = reach.plan;
	const value = { $ifNull: [`$${by}`, NONE] };
	const branches = rawBranches("add", reach, add, months, [{ $group: { _id: value, ...TALLY_OF_SCANS } }]);
	const edges = subtract.map(({ from }) => new Date(Math.floor(from / QUARTER_MS) * QUARTER_MS));
	const capped = { $in: [by, { $ifNull: ["$capped", []] }] };
	for (const range of buckets) {
		const inner = bucketsIn(reach, range);
		if (edges.length > 0) Object.assign(inner.at, { $nin: edges });
		branches.push({
			tag: "kept",
			collection: "quarters",
			pipeline: [
				{ $match: inner },
				{ $project: { value: { $objectToArray: `$d.${by}` }, capped } },
				{ $unwind: "$value" },
				{
					$group: {
						_id: "$value.k",
						s: { $sum: "$value.v.s" },
						v: { $sum: "$value.v.v" },
						b: { $sum: "$value.v.b" },
						capped: { $max: "$capped" },
					},
				},
			],
		});
	}
	if (edges.length === 0) return branches;
	branches.push({
		tag: "edge",
		collection: "quarters",
		pipeline: [
			{ $match: { ...bucketsIn(reach, { from: 0, to: 0 }), at: { $in: edges } } },
			{ $project: { _id: 0, at: 1, code: 1, partition: 1, values: `$d.${by}`, capped } },
		],
	});
	const whose = reach.of === "organisation" ? { partition: "$partition" } : { code: "$code" };
	const grouped = { _id: { at: QUARTER_OF_SCAN, ...whose, value }, ...TALLY_OF_SCANS };
	branches.push(...rawBranches("subtract", reach, subtract, months, [{ $group: grouped }]));
	return branches;
}

function bucketsIn({ organisation, of }: Reach, { from, to }: Range): { at: Document; [field: string]: unknown } {
	const code = of === "organisation" ? "" : of === "codes" ? { $gt: "" } : { $in: of };
	return { organisation, code, at: { $gte: new Date(from), $lt: new Date(to) } };
}

/** Raw scans of the ranges, from the months that they touch. */
export function rawBranches(
	tag: string,
	reach: Omit<Reach, "plan">,
	ranges: readonly Range[],
	months: Months,
	pipeline: readonly Document[],
): Branch[] {
	const { organisation, of, filters } = reach;
	const all = filters.map(matching);
	const code = typeof of === "string" ? {} : { code: { $in: of } };
	return ranges.flatMap(({ from, to }) => {
		const at = { $gte: new Date(from), $lt: new Date(to) };
		const match = { organisation, ...code, at, ...(all.length > 0 && { $and: all }) };
		return monthsTouched(months, from, to).map((month) => ({
			tag,
			collection: rawName(month),
			pipeline: [{ $match: match }, ...pipeline],
		}));
	});
}

function matching({ dimension, values }: Filter): Document {
	const absent = values.includes(NONE) ? [null] : [];
	return { [dimension]: { $in: [...values.map((value) => value.toWellFormed()), ...absent] } };
}
