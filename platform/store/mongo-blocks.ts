/** Closed days and months as blocks of a reading plan: those to which nothing was added since they were closed. */

import type { Document } from "mongodb";
import type { Block } from "./blocks.ts";
import { type ClosedHead, datesOf, HEAD, revisionPipeline } from "./mongo-closed.ts";
import { partsOf } from "./mongo-keys.ts";
import type { Branch, Branches, Snapshot } from "./mongo-snapshot.ts";
import { DAY_MS, firstInstant } from "./quarters.ts";
import type { Range } from "./sections.ts";

/** Of so many, newest first, the quarters are looked at where their dates alone do not tell. */
const MOST_UNSURE = { day: 8, month: 2 } as const;

interface Candidate extends Block {
	readonly revision: number;
	readonly seen?: number;
}

/** @param ofCodes whether days of months will be asked for, which their documents alone tell of codes */
export async function closedBlocks(
	read: (branches: Branches) => Promise<Snapshot>,
	organisation: string,
	range: Range,
	ofCodes: boolean,
): Promise<{ readonly blocks: Block[]; readonly quartersFrom: number }> {
	const heads = {
		$match: { organisation, code: "", start: { $gte: new Date(range.from) }, end: { $lte: new Date(range.to) } },
	};
	// The index alone does not tell.
	const months = ofCodes ? { $project: { ...HEAD.$project, "days.at": 1 } } : HEAD;
	const added = [{ $match: datesOf(organisation, range) }, { $group: { _id: "$date", n: { $sum: "$n" } } }];
	const snapshot = await read(() => [
		{ tag: "day", collection: "days", pipeline: [heads, HEAD] },
		{ tag: "month", collection: "months", pipeline: [heads, months] },
		{ tag: "added", collection: "revisions", pipeline: added },
	]);
	const { quartersFrom } = snapshot;
	const candidates = [...candidatesOf("day", snapshot.of("day")), ...candidatesOf("month", snapshot.of("month"))];
	const n = new Map(snapshot.of("added").map((date) => [Date.parse(date._id as string), date.n as number]));
	// Nothing tells any more of what was added to quarters that were dropped.
	const isSure = (block: Candidate) => block.from < quartersFrom || block.seen === seenOf(block, n);
	const { sure = [], unsure = [] } = Object.groupBy(candidates, (block) => (isSure(block) ? "sure" : "unsure"));
	unsure.sort((a, b) => b.from - a.from);
	const asked = (["day", "month"] as const).flatMap((kind) =>
		unsure.filter((block) => block.kind === kind).slice(0, MOST_UNSURE[kind]),
	);
	return { blocks: [...sure, ...(await unchanged(read, organisation, asked))], quartersFrom };
}

/** Those of the blocks whose quarters were not added to. */
async function unchanged(
	read: (branches: Branches) => Promise<Snapshot>,
	organisation: string,
	blocks: readonly Candidate[],
): Promise<readonly Candidate[]> {
	if (blocks.length === 0) return [];
	const branches = blocks.map(
		({ name, from, to }): Branch => ({
			tag: name,
			collection: "revisions",
			pipeline: revisionPipeline(organisation, { from, to }),
		}),
	);
	const { of } = await read(() => branches);
	return blocks.filter(({ name, revision }) => ((of(name)[0]?.revision as number | undefined) ?? 0) === revision);
}

function candidatesOf(kind: Block["kind"], documents: readonly Document[]): Candidate[] {
	return (documents as readonly (ClosedHead & { readonly days?: readonly { readonly at: Date }[] })[]).map(
		({ _id, start, end, revision, seen, timeZone, days }) => ({
			...{ kind, name: partsOf(_id)[1] as string, from: start.getTime(), to: end.getTime() },
			...{ revision, seen, timeZone, days: days?.map(({ at }) => at.getTime()) },
		}),
	);
}

/** @param n by UTC date, as its first instant, epoch ms */
function seenOf({ from, to }: Block, n: ReadonlyMap<number, number>): number {
	let sum = 0;
	for (let date = firstInstant(from, DAY_MS); date < to; date += DAY_MS) sum += n.get(date) ?? 0;
	return sum;
}
