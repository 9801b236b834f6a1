/** Closed months of the embedded store: folded from closed days by a reader, written by the writer as days are. */

import type { DatabaseSync } from "node:sqlite";
import { type Packed, pack, unpackQuarters } from "./packed.ts";
import { RollupFold } from "./rollup.ts";
import type { MonthToClose } from "./scan-store.ts";
import { type ClosedRow, type ClosedSubject, isClosed, makeOrganisation, toRollup, toRow } from "./sqlite-closed.ts";
import { passFence } from "./sqlite-months.ts";
import { readPacked, writePacked } from "./sqlite-packed.ts";
import { findSubject } from "./sqlite-scope.ts";

export interface FoldedMonth extends Omit<MonthToClose, "days"> {
	readonly start: number;
	readonly end: number;
	/** Of its days together. */
	readonly revision: number;
	readonly total: ClosedSubject;
	/** Of the codes that have scans in the month. */
	readonly codes: readonly ClosedSubject[];
	/** What screens read of the organisation's. */
	readonly packed?: Packed;
}

type DayRow = ClosedRow & { readonly date: string; readonly start: number; readonly revision: number | null };

/** Undefined unless all of its days are closed. */
export function foldMonth(database: DatabaseSync, { days, ...month }: MonthToClose): FoldedMonth | undefined {
	const { organisation, timeZone } = month;
	const subject = findSubject(database, organisation);
	const [first, last] = [days[0], days.at(-1)];
	if (subject === undefined || !first || !last) return undefined;
	for (const { date, start, end } of days)
		if (!isClosed(database, { organisation, kind: "day", name: date, start, end, timeZone })) return undefined;

	const select = database.prepare(
		"SELECT * FROM days WHERE subject = ? AND date IN (SELECT value FROM json_each(?)) ORDER BY start",
	);
	const dates = JSON.stringify(days.map(({ date }) => date));
	const packedDays = readPacked(
		database,
		subject,
		days.map(({ date }) => date),
		["quarters"],
	);
	const fold = (id: number) => {
		const sum = RollupFold.month(id === subject ? "organisation" : "code");
		const rows = select.all(id, dates) as unknown as DayRow[];
		for (const row of rows) {
			const quarters = id === subject ? unpackQuarters(packedDays.get(row.date) ?? {}, row.start) : undefined;
			sum.addDay({ ...toRollup(row), quarters }, row.date, row.start);
		}
		return { sum, revision: rows.reduce((all, row) => all + (row.revision ?? 0), 0) };
	};
	const own = fold(subject);
	const codes = database
		.prepare(
			`SELECT id, code FROM subjects WHERE organisation = ? AND code <> ''
			AND EXISTS (SELECT 1 FROM days WHERE subject = id AND date IN (SELECT value FROM json_each(?))) ORDER BY code`,
		)
		.all(organisation, dates) as { id: number; code: string }[];
	const rows = codes.map(({ id, code }) => {
		const rollup = fold(id).sum.rollup();
		own.sum.addCode(code, rollup.tally);
		return toRow(id, rollup, false);
	});
	const rollup = own.sum.rollup();
	const total = toRow(subject, rollup, true);
	const packed = pack(rollup, first.start);
	return { ...month, start: first.start, end: last.end, revision: own.revision, total, codes: rows, packed };
}

/** @throws `lease_lost` when a newer fence has written. */
export function writeMonth(database: DatabaseSync, folded: FoldedMonth): void {
	const { organisation, month, start, end, timeZone, lease, revision, total, codes, packed } = folded;
	passFence(database, lease);
	const subject = makeOrganisation(database, organisation);
	database
		.prepare("DELETE FROM months WHERE month = ? AND subject IN (SELECT id FROM subjects WHERE organisation = ?)")
		.run(month, organisation);
	const insert = database.prepare("INSERT INTO months VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	for (const row of [total, ...codes]) {
		const counts = [row.scans, row.visitors, row.bots, row.hours, row.by_value];
		const own = row.subject === subject ? revision : null;
		insert.run(row.subject, month, start, end, ...counts, own, timeZone, row.capped, row.codes, row.days ?? "[]");
	}
	writePacked(database, subject, month, packed);
}
