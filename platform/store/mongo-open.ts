/** What no closed document tells: quarter hours and raw scans, as branches of a snapshot, and added up. */

import type { BucketDimension, Dimension } from "../../contracts/scan.ts";
import { type AnswerSums, readsOf } from "./answers.ts";
import { addTally, emptyTally } from "./bucket.ts";
import {
	codeBranches,
	countsBranches,
	type Months,
	type Reach,
	seriesBranches,
	valueBranches,
} from "./mongo-branches.ts";
import { type Branch, partBranches, partOf, type Snapshot } from "./mongo-snapshot.ts";
import { isCapped, signedSums, valueSums } from "./mongo-sums.ts";
import type { Answers, Counted, Questions, Selection } from "./scan-store.ts";
import { addValues } from "./sections.ts";

/** The sums as they are when what the snapshot holds is added. */
export function answered(sums: AnswerSums, snapshot: Snapshot, { plan }: Reach, { bots }: Selection): Counted<Answers> {
	addOpen(sums, snapshot);
	const { epoch, positions } = snapshot;
	const value = sums.answers(bots);
	return { value, epoch, positions, capped: value.capped.length > 0, coveredFrom: plan.coveredFrom };
}

export function addOpen(sums: AnswerSums, snapshot: Snapshot): void {
	const times = partOf(snapshot, "times");
	if (readsOf(sums.questions) === "quarters") {
		for (const [at, tally] of signedSums(times, (at: Date) => at.getTime()))
			addTally(sums.quarters.getOrInsertComputed(at, emptyTally), tally);
	} else for (const tally of signedSums(times, () => "").values()) addTally(sums.tally, tally);
	for (const [by, values] of sums.values) {
		const part = partOf(snapshot, by);
		addValues(values, by === "code" ? signedSums(part, String) : valueSums(part));
		if (by !== "code" && isCapped(part)) sums.capped.add(by);
	}
}

export function openBranches(reach: Reach, months: Months, questions: Questions): Branch[] {
	return [
		...partBranches("times", timeBranches(reach, months, questions)),
		...(questions.breakdowns ?? []).flatMap((by) => partBranches(by, breakdownBranches(reach, months, by))),
	];
}

function timeBranches(reach: Reach, months: Months, questions: Questions): Branch[] {
	switch (readsOf(questions)) {
		case "quarters":
			return seriesBranches(reach, months);
		case "sum":
			return countsBranches(reach, months);
		case "values":
			return [];
	}
}

function breakdownBranches(reach: Reach, months: Months, by: Dimension): Branch[] {
	return by === "code" ? codeBranches(reach, months) : valueBranches(reach, months, by as BucketDimension);
}
