/**
 * Questions under filters by other dimensions than `code`: columns of closed days that nothing was added to since, and raw
 * scans for what is left (today, days that a late scan opened, edges within a quarter hour), all in one snapshot.
 */

import { setImmediate as others } from "node:timers/promises";
import { AnswerSums } from "./answers.ts";
import { type ColumnsPlan, planColumns, united } from "./blocks.ts";
import { addColumns, columnsNeeded } from "./column-sums.ts";
import { type Candidate, closedDays } from "./mongo-blocks.ts";
import type { Reach } from "./mongo-branches.ts";
import { columnsBranch, partsOfDay } from "./mongo-columns.ts";
import { addOpen, answered, openBranches } from "./mongo-open.ts";
import type { ColumnsDocument, MongoSchema } from "./mongo-schema.ts";
import { inSnapshot, type Read, readIn, type Snapshot } from "./mongo-snapshot.ts";
import type { Answers, Counted, Questions, Selection } from "./scan-store.ts";
import type { Range } from "./sections.ts";
import { isWithin } from "./utc-month.ts";

/** Ranges of raw scans in one reading: MongoDB bounds how many branches one has. */
const RANGES_AT_ONCE = 32;

export function answerFiltered(
	schema: MongoSchema,
	reach: Reach,
	selection: Selection,
	questions: Questions,
): Promise<Counted<Answers>> {
	return inSnapshot(schema.db.client, async (reading) => {
		const read: Read = (branches) => readIn(schema, reading, branches);
		const { range } = reach.plan;
		const { days, months } = await closedDays(read, reach.organisation, range);
		const { parts, raw } = planColumns(
			range,
			days.filter((day) => isWithin(day, months)),
		);
		const sums = new AnswerSums(questions);
		const readRaw = async (ranges: readonly Range[]): Promise<Snapshot> => {
			for (let first = 0; ; first += RANGES_AT_ONCE) {
				const add = ranges.slice(first, first + RANGES_AT_ONCE);
				const plan = { ...reach.plan, add };
				const snapshot = await read((known) => openBranches({ ...reach, plan }, known, questions));
				if (first + RANGES_AT_ONCE >= ranges.length) return snapshot;
				addOpen(sums, snapshot);
			}
		};
		const [missing, snapshot] = await Promise.all([addDays(read, sums, reach, parts), readRaw(raw)]);
		// Closed by an earlier release.
		if (missing.length > 0) addOpen(sums, await readRaw(united(missing)));
		return answered(sums, snapshot, reach, selection);
	});
}

/** Adds what the columns say. @returns what of the days has none */
async function addDays(
	read: Read,
	sums: AnswerSums,
	{ organisation, of, filters }: Reach,
	parts: ColumnsPlan<Candidate>["parts"],
): Promise<Range[]> {
	if (parts.length === 0) return [];
	const selected = { codes: typeof of === "string" ? undefined : of, filters };
	const names = columnsNeeded(selected, sums.questions);
	const days = parts.map(({ day }) => day);
	const { of: documents } = await read(() => [columnsBranch(organisation, days, names)]);
	const byDate = Map.groupBy(documents("columns") as readonly ColumnsDocument[], ({ date }) => date);
	const missing: Range[] = [];
	for (const { day, range } of parts) {
		const found = partsOfDay(byDate.get(day.name) ?? [], day);
		if (!found) missing.push(range);
		for (const { columns } of found ?? []) {
			addColumns(sums, columns, day.from, range, selected);
			// A part takes about a millisecond: whoever else is served by this process must not wait for all of them.
			await others();
		}
	}
	return missing;
}
