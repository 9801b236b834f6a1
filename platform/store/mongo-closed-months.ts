/** Closing months: folded from closed days, the organisation's and each code's, in one transaction under a lease. */

import type { ClientSession, MongoClient } from "mongodb";
import { readRevision, readSeen, refreshNeighbours } from "./mongo-closed.ts";
import { passFence, raiseFence } from "./mongo-fences.ts";
import { idOf } from "./mongo-keys.ts";
import { monthFields, rollupOf } from "./mongo-rollups.ts";
import type { DayDocument, MongoSchema, MonthDocument } from "./mongo-schema.ts";
import type { TransactionSession } from "./mongo-transaction.ts";
import { RollupFold } from "./rollup.ts";
import type { MonthToClose } from "./scan-store.ts";

/** Codes whose days are in memory at once. */
const CODES_AT_ONCE = 50;

/** @throws `lease_lost` when a newer holder of the lease has written. */
export async function closeMonth(
	schema: MongoSchema,
	client: MongoClient,
	transactions: TransactionSession,
	month: MonthToClose,
): Promise<{ readonly codes: number; readonly scans: number } | undefined> {
	await raiseFence(schema, client, month.lease, transactions.id);
	return transactions.run(
		async (session) => {
			const written = await writeMonth(schema, session, month);
			if (written) await refreshNeighbours(schema, session, month.organisation, rangeOf(month));
			await passFence(schema, session, month.lease);
			return written;
		},
		() => undefined,
	);
}

async function writeMonth(schema: MongoSchema, session: ClientSession, asked: MonthToClose) {
	const { organisation, month, days, timeZone } = asked;
	const { from, to } = rangeOf(asked);
	const daysOf = async (code: string) => {
		const _id = { $in: days.map(({ date }) => idOf(organisation, date, code)) };
		return (await schema.days.find({ _id }, { session }).toArray()).sort(
			(a, b) => a.start.getTime() - b.start.getTime(),
		);
	};
	const own = await daysOf("");
	const revision = await readRevision(schema, session, organisation, { from, to });
	const seen = await readSeen(schema, session, organisation, { from, to });
	if (!areClosed(own, asked) || own.reduce((sum, day) => sum + (day.revision ?? 0), 0) !== revision) return undefined;

	await schema.closedMonths.deleteMany({ organisation, month }, { session });
	const frame = { organisation, month, start: new Date(from), end: new Date(to), timeZone };
	const total = folded(own);
	const codes = await codesOf(schema, session, asked);
	for (let first = 0; first < codes.length; first += CODES_AT_ONCE) {
		const documents: MonthDocument[] = [];
		for (const code of codes.slice(first, first + CODES_AT_ONCE)) {
			const rollup = folded(await daysOf(code)).rollup();
			total.addCode(code, rollup.tally);
			documents.push({ _id: idOf(organisation, month, code), ...frame, code, ...monthFields(rollup, false) });
		}
		await schema.closedMonths.insertMany(documents, { session, ordered: false });
	}
	const fields = { ...monthFields(total.rollup(), true), revision, seen };
	const _id = idOf(organisation, month, "");
	await schema.closedMonths.insertOne({ _id, ...frame, code: "", ...fields }, { session });
	return { codes: codes.length, scans: total.tally.scans };
}

function areClosed(found: readonly DayDocument[], { days, timeZone }: MonthToClose): boolean {
	const dates = new Map(found.map((day) => [day.date, day]));
	return days.every(({ date, start, end }) => {
		const day = dates.get(date);
		return day?.start.getTime() === start && day.end.getTime() === end && day.timeZone === timeZone;
	});
}

function folded(days: readonly DayDocument[]): RollupFold {
	const fold = RollupFold.month();
	for (const day of days) fold.addDay(rollupOf(day), day.date, day.start.getTime());
	return fold;
}

async function codesOf(schema: MongoSchema, session: ClientSession, { organisation, days }: MonthToClose) {
	const match = { organisation, date: { $in: days.map(({ date }) => date) }, code: { $gt: "" } };
	const pipeline = [{ $match: match }, { $group: { _id: "$code" } }];
	return (await schema.days.aggregate<{ _id: string }>(pipeline, { session }).toArray()).map(({ _id }) => _id).sort();
}

function rangeOf({ days }: MonthToClose): { from: number; to: number } {
	return { from: days[0]?.start ?? 0, to: days.at(-1)?.end ?? 0 };
}
