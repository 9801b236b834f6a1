/**
 * Closed days of the embedded store. A day is folded from one snapshot by a reader, which may take its time, and written
 * by the writer with the revision that it folded: a scan that came in between makes the day open again, not wrong.
 */

import type { DatabaseSync } from "node:sqlite";
import { BUCKET_DIMENSIONS } from "../../contracts/scan.ts";
import type { Tally } from "./bucket.ts";
import { type Packed, pack } from "./packed.ts";
import { type Rollup, RollupFold } from "./rollup.ts";
import type { DayToClose } from "./scan-store.ts";
import { type ClosedSubject, makeOrganisation, revisionOf, toRow } from "./sqlite-closed.ts";
import { passFence } from "./sqlite-months.ts";
import { writePacked } from "./sqlite-packed.ts";
import { bucketQuarters, cappedDimensions } from "./sqlite-rollups.ts";
import { findSubject } from "./sqlite-scope.ts";

export interface FoldedDay extends Omit<DayToClose, "hours"> {
	readonly start: number;
	/** Scans ever stored in the day's quarters, bots included, when it was folded. */
	readonly revision: number;
	/** The organisation's; its subject is 0 when it never had a scan. */
	readonly total: ClosedSubject;
	/** Of the codes that have scans in the day. */
	readonly codes: readonly ClosedSubject[];
	/** What screens read of the organisation's. */
	readonly packed?: Packed;
}

export function foldDay(database: DatabaseSync, { hours, ...day }: DayToClose): FoldedDay {
	const start = hours[0]?.at ?? day.end;
	const subject = findSubject(database, day.organisation);
	const own =
		subject === undefined
			? RollupFold.day("organisation")
			: foldSubject(database, subject, hours, day.end, "organisation");
	const codes = database
		.prepare(
			`SELECT id, code FROM subjects WHERE organisation = ? AND code <> ''
			AND EXISTS (SELECT 1 FROM quarters WHERE subject = id AND at >= ? AND at < ?) ORDER BY code`,
		)
		.all(day.organisation, start, day.end) as { id: number; code: string }[];
	const rows = codes.map(({ id, code }) => {
		const rollup = foldSubject(database, id, hours, day.end, "code").rollup();
		own.addCode(code, rollup.tally);
		return toRow(id, rollup, false);
	});
	const revision = subject === undefined ? 0 : revisionOf(database, subject, start, day.end);
	const rollup = own.rollup();
	const total = toRow(subject ?? 0, rollup, true);
	return { ...day, start, revision, total, codes: rows, packed: pack(rollup, start) };
}

/** @throws `lease_lost` when a newer fence has written. */
export function writeDay(database: DatabaseSync, day: FoldedDay): void {
	const { organisation, date, start, end, timeZone, lease, revision, total, codes, packed } = day;
	passFence(database, lease);
	const subject = makeOrganisation(database, organisation);
	database
		.prepare("DELETE FROM days WHERE date = ? AND subject IN (SELECT id FROM subjects WHERE organisation = ?)")
		.run(date, organisation);
	const insert = database.prepare("INSERT INTO days VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	for (const row of [{ ...total, subject }, ...codes]) {
		const counts = [row.scans, row.visitors, row.bots, row.hours, row.by_value];
		const own = row.subject === subject ? revision : null;
		insert.run(row.subject, date, start, end, ...counts, own, timeZone, row.capped, row.codes);
	}
	writePacked(database, subject, date, packed);
}

function foldSubject(
	database: DatabaseSync,
	subject: number,
	hours: DayToClose["hours"],
	end: number,
	whose: "organisation" | "code",
): RollupFold {
	const fold = RollupFold.day(whose);
	const range = { from: hours[0]?.at ?? end, to: end };
	const none = BUCKET_DIMENSIONS.map(() => new Map<string, Tally>());
	for (const [at, tally] of bucketQuarters(database, [subject], range)) {
		const { hour } = hours.findLast((hour) => hour.at <= at) ?? { hour: 0 };
		fold.addQuarter({ tally, values: none, capped: [] }, at, hour);
	}
	fold.addValues(valuesOf(database, subject, range), cappedDimensions(database, [subject], range));
	return fold;
}

function valuesOf(database: DatabaseSync, subject: number, range: { from: number; to: number }): Rollup["values"] {
	const values = BUCKET_DIMENSIONS.map(() => new Map<string, Tally>());
	const rows = database
		.prepare(
			`SELECT dimension, value, sum(scans) AS scans, sum(visitors) AS visitors, sum(bots) AS bots FROM quarter_values
			WHERE subject = ? AND at >= ? AND at < ? GROUP BY dimension, value`,
		)
		.all(subject, range.from, range.to) as unknown as (Tally & { dimension: number; value: string })[];
	for (const { dimension, value, ...tally } of rows) values[dimension]?.set(value, tally);
	return values;
}
