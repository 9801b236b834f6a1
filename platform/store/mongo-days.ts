/**
 * Closing days: the day of an organisation and of each of its codes, folded from the quarters in one transaction under
 * a lease. The day remembers the revision it was folded at, so that a scan that comes later, or at the same time, marks
 * it dirty. Closing writes nothing that ingest writes: a closer that dies cannot hold up counting.
 */

import type { ClientSession, MongoClient } from "mongodb";
import { readRevision, readSeen, refreshNeighbours } from "./mongo-closed.ts";
import { passFence, raiseFence } from "./mongo-fences.ts";
import { idOf } from "./mongo-keys.ts";
import { dayFields, quarterOf } from "./mongo-rollups.ts";
import type { DayDocument, MongoSchema, QuarterDocument } from "./mongo-schema.ts";
import type { TransactionSession } from "./mongo-transaction.ts";
import { RollupFold } from "./rollup.ts";
import type { DayToClose } from "./scan-store.ts";

const DOCUMENTS_PER_WRITE = 500;

/** @throws `lease_lost` when a newer holder of the lease has written. */
export async function closeDay(
	schema: MongoSchema,
	client: MongoClient,
	transactions: TransactionSession,
	day: DayToClose,
): Promise<{ readonly codes: number; readonly scans: number }> {
	await raiseFence(schema, client, day.lease, transactions.id);
	return transactions.run(
		async (session) => {
			const { organisation, date, hours, end } = day;
			await schema.days.deleteMany({ organisation, date }, { session });
			const written = await writeDays(schema, session, day);
			await refreshNeighbours(schema, session, organisation, { from: hours[0]?.at ?? end, to: end });
			await passFence(schema, session, day.lease);
			return written;
		},
		() => undefined,
	);
}

/** The quarters of all subjects, one after the other: codes in order, the organisation itself first. */
async function writeDays(schema: MongoSchema, session: ClientSession, day: DayToClose) {
	const { organisation, date, hours, end, timeZone } = day;
	const start = hours[0]?.at ?? end;
	const revision = await readRevision(schema, session, organisation, { from: start, to: end });
	const seen = await readSeen(schema, session, organisation, { from: start, to: end });
	const documents: DayDocument[] = [];
	const flush = async (least: number) => {
		if (documents.length >= least) await schema.days.insertMany(documents.splice(0), { session, ordered: false });
	};
	const frame = { organisation, date, start: new Date(start), end: new Date(end), timeZone };
	const hourOf = (at: number) => hours.findLast((hour) => hour.at <= at)?.hour ?? 0;
	const add = (fold: RollupFold, quarter: QuarterDocument) =>
		fold.addQuarter(quarterOf(quarter), hourOf(quarter.at.getTime()));

	const own = RollupFold.day();
	let codes = 0;
	const finish = (code: string, fold: RollupFold) => {
		const rollup = fold.rollup();
		own.addCode(code, rollup.tally);
		documents.push({ _id: idOf(organisation, date, code), ...frame, code, ...dayFields(rollup, false) });
		codes++;
	};
	let current: { readonly code: string; readonly fold: RollupFold } | undefined;
	const at = { $gte: new Date(start), $lt: new Date(end) };
	const quarters = schema.quarters.find({ organisation, at }, { session }).sort({ organisation: 1, code: 1, at: 1 });
	for await (const quarter of quarters) {
		if (quarter.code === "") {
			add(own, quarter);
			continue;
		}
		if (current?.code !== quarter.code) {
			if (current) finish(current.code, current.fold);
			await flush(DOCUMENTS_PER_WRITE);
			current = { code: quarter.code, fold: RollupFold.day() };
		}
		add(current.fold, quarter);
	}
	if (current) finish(current.code, current.fold);
	const total = own.rollup();
	documents.push({ _id: idOf(organisation, date, ""), ...frame, code: "", ...dayFields(total, true), revision, seen });
	await flush(1);
	return { codes, scans: total.tally.scans };
}
