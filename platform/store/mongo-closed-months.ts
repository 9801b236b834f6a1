/** Closing months: folded from the closed days of one snapshot, the organisation's and each code's, under a lease. */

import type { MongoClient } from "mongodb";
import { COLUMNS_FORM } from "./columns.ts";
import { readRevision, readSeen, refreshNeighbours } from "./mongo-closed.ts";
import { ClosingWriter } from "./mongo-closing.ts";
import { idOf } from "./mongo-keys.ts";
import type { FencedWrites } from "./mongo-months.ts";
import { monthFields, packedField, rollupOf } from "./mongo-rollups.ts";
import type { DayDocument, MongoSchema } from "./mongo-schema.ts";
import { inSnapshot, type SnapshotReading } from "./mongo-snapshot.ts";
import { unpackQuarters } from "./packed.ts";
import { RollupFold } from "./rollup.ts";
import type { MonthToClose } from "./scan-store.ts";

/** Codes whose days are in memory at once. */
const CODES_AT_ONCE = 50;

/** @throws `lease_lost` when a newer holder of the lease has written. */
export function closeMonth(
	schema: MongoSchema,
	client: MongoClient,
	writes: FencedWrites,
	month: MonthToClose,
): Promise<{ readonly codes: number; readonly scans: number } | undefined> {
	return inSnapshot(client, (reading) => writeMonth(schema, reading, writes, month));
}

async function writeMonth(schema: MongoSchema, reading: SnapshotReading, writes: FencedWrites, asked: MonthToClose) {
	const { organisation, month, days, timeZone, lease } = asked;
	const { from, to } = rangeOf(asked);
	const daysOf = async (codes: readonly string[]) => {
		const _id = { $in: codes.flatMap((code) => days.map(({ date }) => idOf(organisation, date, code))) };
		const found = await schema.days.find({ _id }, { ...reading, promoteBuffers: true }).toArray();
		return Map.groupBy(
			found.sort((a, b) => a.start.getTime() - b.start.getTime()),
			({ code }) => code,
		);
	};
	const own = (await daysOf([""])).get("") ?? [];
	const revision = await readRevision(schema, reading, organisation, { from, to });
	const seen = await readSeen(schema, reading, organisation, { from, to });
	if (!areClosed(own, asked) || own.reduce((sum, day) => sum + (day.revision ?? 0), 0) !== revision) return undefined;

	const writer = new ClosingWriter({ collection: schema.closedMonths, of: { organisation, month }, writes, lease });
	const frame = { organisation, month, start: new Date(from), end: new Date(to), timeZone };
	const total = folded("organisation", own);
	const codes = await codesOf(schema, reading, asked);
	for (let first = 0; first < codes.length; first += CODES_AT_ONCE) {
		const some = codes.slice(first, first + CODES_AT_ONCE);
		const found = await daysOf(some);
		for (const code of some) {
			const rollup = folded("code", found.get(code) ?? []).rollup();
			total.addCode(code, rollup.tally);
			await writer.add({ _id: idOf(organisation, month, code), ...frame, code, ...monthFields(rollup, false) });
		}
	}
	const rollup = total.rollup();
	const form = own.every(({ columns }) => columns === COLUMNS_FORM) ? { columns: COLUMNS_FORM } : {};
	const fields = { ...monthFields(rollup, true), ...packedField(rollup, from), ...form, revision, seen };
	await writer.finish({ _id: idOf(organisation, month, ""), ...frame, code: "", ...fields }, (session) =>
		refreshNeighbours(schema, session, organisation, { from, to }),
	);
	return { codes: codes.length, scans: total.tally.scans };
}

function areClosed(found: readonly DayDocument[], { days, timeZone }: MonthToClose): boolean {
	const dates = new Map(found.map((day) => [day.date, day]));
	return days.every(({ date, start, end }) => {
		const day = dates.get(date);
		return day?.start.getTime() === start && day.end.getTime() === end && day.timeZone === timeZone;
	});
}

function folded(whose: "organisation" | "code", days: readonly DayDocument[]): RollupFold {
	const fold = RollupFold.month(whose);
	for (const day of days) {
		const start = day.start.getTime();
		fold.addDay({ ...rollupOf(day), quarters: day.packed && unpackQuarters(day.packed, start) }, day.date, start);
	}
	return fold;
}

/** In the order of MongoDB, which is not that of JavaScript for every text. */
async function codesOf(schema: MongoSchema, reading: SnapshotReading, { organisation, days }: MonthToClose) {
	const match = { organisation, date: { $in: days.map(({ date }) => date) }, code: { $gt: "" } };
	const pipeline = [{ $match: match }, { $group: { _id: "$code" } }, { $sort: { _id: 1 } }];
	return (await schema.days.aggregate<{ _id: string }>(pipeline, reading).toArray()).map(({ _id }) => _id);
}

function rangeOf({ days }: MonthToClose): { from: number; to: number } {
	return { from: days[0]?.start ?? 0, to: days.at(-1)?.end ?? 0 };
}
