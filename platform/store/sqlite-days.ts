/**
 * Closed days of the embedded store. A day is folded from one snapshot by a reader, which may take its time, and written
 * by the writer with the revision that it folded: a scan that came in between makes the day open again, not wrong.
 */

import type { DatabaseSync } from "node:sqlite";
import { BUCKET_DIMENSIONS, OTHER } from "../../contracts/scan.ts";
import { addTally, emptyTally, type Tally, takesPlace, VALUES_PER_BUCKET } from "./bucket.ts";
import type { DayToClose } from "./scan-store.ts";
import { passFence } from "./sqlite-months.ts";
import { bucketQuarters } from "./sqlite-rollups.ts";
import { findSubject } from "./sqlite-scope.ts";

type CountTriple = [scans: number, visitors: number, bots: number];

interface DayRow extends Tally {
	readonly subject: number;
	/** JSON, see the table. */
	readonly hours: string;
	readonly byValue: string;
}

export interface FoldedDay {
	readonly organisation: string;
	readonly date: string;
	readonly start: number;
	readonly end: number;
	readonly lease: DayToClose["lease"];
	/** Scans ever stored in the day's quarters, bots included, when it was folded. */
	readonly revision: number;
	/** The organisation's, absent when it never had a scan. */
	readonly total?: DayRow;
	/** Of the codes that have scans in the day. */
	readonly codes: readonly DayRow[];
}

export function foldDay(database: DatabaseSync, { organisation, date, hours, end, lease }: DayToClose): FoldedDay {
	const start = hours[0]?.at ?? end;
	const subject = findSubject(database, organisation);
	const frame = { organisation, date, start, end, lease };
	if (subject === undefined) return { ...frame, revision: 0, codes: [] };
	const codes = database
		.prepare(
			`SELECT id FROM subjects WHERE organisation = ? AND code <> ''
			AND EXISTS (SELECT 1 FROM quarters WHERE subject = id AND at >= ? AND at < ?)`,
		)
		.all(organisation, start, end) as { id: number }[];
	return {
		...frame,
		revision: revisionOf(database, subject, start, end),
		total: foldSubject(database, subject, hours, end),
		codes: codes.map(({ id }) => foldSubject(database, id, hours, end)),
	};
}

/** @throws `lease_lost` when a newer fence has written. */
export function writeDay(database: DatabaseSync, day: FoldedDay): void {
	const { organisation, date, start, end, lease, revision, total, codes } = day;
	passFence(database, lease);
	const subject =
		total?.subject ??
		(
			database
				.prepare(
					`INSERT INTO subjects (organisation, code) VALUES (?, '')
					ON CONFLICT DO UPDATE SET code = '' RETURNING id`,
				)
				.get(organisation) as { id: number }
		).id;
	database
		.prepare("DELETE FROM days WHERE date = ? AND subject IN (SELECT id FROM subjects WHERE organisation = ?)")
		.run(date, organisation);
	const insert = database.prepare("INSERT INTO days VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	const write = (row: DayRow, revision: number | null) => {
		const { subject, scans, visitors, bots, hours, byValue } = row;
		insert.run(subject, date, start, end, scans, visitors, bots, hours, byValue, revision);
	};
	write(total ?? { subject, ...emptyTally(), hours: "[]", byValue: "{}" }, revision);
	for (const row of codes) write(row, null);
}

/** Whether the day was folded with these ends, and nothing was added to its quarters since. */
export function isDayClosed(
	database: DatabaseSync,
	day: { readonly organisation: string; readonly date: string; readonly start: number; readonly end: number },
): boolean {
	const subject = findSubject(database, day.organisation);
	if (subject === undefined) return false;
	const row = database.prepare("SELECT start, end, revision FROM days WHERE subject = ? AND date = ?");
	const closed = row.get(subject, day.date) as { start: number; end: number; revision: number } | undefined;
	if (closed?.start !== day.start || closed.end !== day.end) return false;
	return closed.revision === revisionOf(database, subject, day.start, day.end);
}

/** Scans ever stored in the quarters of `[start, end)`, bots included. */
export function revisionOf(database: DatabaseSync, subject: number, start: number, end: number): number {
	const row = database
		.prepare("SELECT coalesce(sum(n), 0) AS n FROM revisions WHERE subject = ? AND at >= ? AND at < ?")
		.get(subject, start, end);
	return (row as { n: number }).n;
}

function foldSubject(database: DatabaseSync, subject: number, hours: DayToClose["hours"], end: number): DayRow {
	const start = hours[0]?.at ?? end;
	const sum = emptyTally();
	const byHour = Array.from({ length: 24 }, emptyTally);
	for (const [at, tally] of bucketQuarters(database, [subject], { from: start, to: end })) {
		addTally(sum, tally);
		const { hour } = hours.findLast((hour) => hour.at <= at) ?? { hour: 0 };
		addTally(byHour[hour] as Tally, tally);
	}
	return {
		subject,
		...sum,
		hours: JSON.stringify(byHour.map(triple)),
		byValue: JSON.stringify(foldValues(database, subject, start, end)),
	};
}

/** By dimension the values with most scans, as many as a bucket keeps; the rest under `(other)`. */
function foldValues(database: DatabaseSync, subject: number, start: number, end: number) {
	const rows = database
		.prepare(
			`SELECT dimension, value, sum(scans) AS scans, sum(visitors) AS visitors, sum(bots) AS bots FROM quarter_values
			WHERE subject = ? AND at >= ? AND at < ? GROUP BY dimension, value
			ORDER BY dimension, sum(scans) + sum(bots) DESC, value`,
		)
		.all(subject, start, end) as unknown as (Tally & { dimension: number; value: string })[];
	return Object.fromEntries(
		[...Map.groupBy(rows, ({ dimension }) => dimension)].map(([dimension, values]) => {
			const kept = new Map<string, Tally>();
			let places = VALUES_PER_BUCKET;
			for (const { value, ...tally } of values) {
				const key = !takesPlace(value) || places-- > 0 ? value : OTHER;
				addTally(kept.getOrInsertComputed(key, emptyTally), tally);
			}
			return [
				BUCKET_DIMENSIONS[dimension],
				Object.fromEntries([...kept].map(([value, tally]) => [value, triple(tally)])),
			];
		}),
	);
}

function triple({ scans, visitors, bots }: Readonly<Tally>): CountTriple {
	return [scans, visitors, bots];
}
