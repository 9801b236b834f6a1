/**
 * Closing days: the day of an organisation and of each of its codes, folded from the quarters of one snapshot under a
 * lease. The day remembers the revision it was folded at, so that a scan that comes later, or at the same time, marks
 * it dirty. Closing writes nothing that ingest writes: a closer that dies cannot hold up counting.
 */

import type { MongoClient } from "mongodb";
import { COLUMNS_FORM } from "./columns.ts";
import { readRevision, readSeen, refreshNeighbours } from "./mongo-closed.ts";
import { ClosingWriter } from "./mongo-closing.ts";
import { writeColumns } from "./mongo-columns.ts";
import { idOf } from "./mongo-keys.ts";
import type { FencedWrites } from "./mongo-months.ts";
import { dayFields, packedField, quarterOf } from "./mongo-rollups.ts";
import type { MongoSchema, QuarterDocument } from "./mongo-schema.ts";
import { inSnapshot, type SnapshotReading } from "./mongo-snapshot.ts";
import { RollupFold } from "./rollup.ts";
import type { DayToClose } from "./scan-store.ts";

/** @throws `lease_lost` when a newer holder of the lease has written. */
export function closeDay(
	schema: MongoSchema,
	client: MongoClient,
	writes: FencedWrites,
	day: DayToClose,
): Promise<{ readonly codes: number; readonly scans: number }> {
	return inSnapshot(client, (reading) => writeDays(schema, reading, writes, day));
}

/** The quarters of all subjects, one after the other: codes in order, the organisation itself first. */
async function writeDays(schema: MongoSchema, reading: SnapshotReading, writes: FencedWrites, day: DayToClose) {
	const { organisation, date, hours, end, timeZone, lease } = day;
	const start = hours[0]?.at ?? end;
	const range = { from: start, to: end };
	const revision = await readRevision(schema, reading, organisation, range);
	const seen = await readSeen(schema, reading, organisation, range);
	const writer = new ClosingWriter({ collection: schema.days, of: { organisation, date }, writes, lease });
	const frame = { organisation, date, start: new Date(start), end: new Date(end), timeZone };
	const hourOf = (at: number) => hours.findLast((hour) => hour.at <= at)?.hour ?? 0;
	const add = (fold: RollupFold, quarter: QuarterDocument) =>
		fold.addQuarter(quarterOf(quarter), quarter.at.getTime(), hourOf(quarter.at.getTime()));

	const own = RollupFold.day("organisation");
	let codes = 0;
	const finish = async (code: string, fold: RollupFold) => {
		const rollup = fold.rollup();
		own.addCode(code, rollup.tally);
		await writer.add({ _id: idOf(organisation, date, code), ...frame, code, ...dayFields(rollup, false) });
		codes++;
	};
	let current: { readonly code: string; readonly fold: RollupFold } | undefined;
	const at = { $gte: new Date(start), $lt: new Date(end) };
	const quarters = schema.quarters.find({ organisation, at }, reading).sort({ organisation: 1, code: 1, at: 1 });
	for await (const quarter of quarters) {
		if (quarter.code === "") {
			add(own, quarter);
			continue;
		}
		if (current?.code !== quarter.code) {
			if (current) await finish(current.code, current.fold);
			current = { code: quarter.code, fold: RollupFold.day("code") };
		}
		add(current.fold, quarter);
	}
	if (current) await finish(current.code, current.fold);
	const total = own.rollup();
	const { scans, bots } = total.tally;
	const finishColumns = await writeColumns(
		{ schema, reading, writes, lease },
		{ organisation, date, ...range, revision, scans: scans + bots },
	);
	const fields = { ...dayFields(total, true), ...packedField(total, start), columns: COLUMNS_FORM, revision, seen };
	await writer.finish({ _id: idOf(organisation, date, ""), ...frame, code: "", ...fields }, async (session) => {
		await finishColumns(session);
		await refreshNeighbours(schema, session, organisation, range);
	});
	return { codes, scans };
}
