/** Changes rows of an embedded scan store as no part of the product does. */

import { DatabaseSync } from "node:sqlite";
import { readPacked, writePacked } from "../../platform/store/sqlite-packed.ts";
import type { Tampering } from "./suite/provided.ts";
import { isPackedTampering, type PackedTampering, placeOf, tamperWithPacked } from "./tamper-packed.ts";

const poster = "subject = (SELECT id FROM subjects WHERE organisation = 'acme' AND code = 'poster')";
const own = "subject = (SELECT id FROM subjects WHERE organisation = 'acme' AND code = '')";
const day = "date = '2026-03-14'";
const month = "month = '2026-03'";

export function tamperWithSqlite(file: string, kind: Tampering, by: 1 | -1): void {
	const first = (table: string, where: string) =>
		`WHERE ${where} AND at = (SELECT min(at) FROM ${table} WHERE ${where})`;
	const json = (path: string, column = "by_value") =>
		`${column} = json_set(${column}, '${path}', json_extract(${column}, '${path}') + ${by})`;
	if (isPackedTampering(kind)) {
		tamperWithParts(file, kind, by);
		return;
	}
	const statements: Record<Exclude<Tampering, PackedTampering>, string> = {
		"a raw scan": `UPDATE scans SET bot = 1 - bot WHERE seq = (
			SELECT max(seq) FROM scans WHERE code = (SELECT id FROM subjects WHERE code = 'poster'))`,
		"a code's quarter": `UPDATE quarters SET scans = scans + ${by} ${first("quarters", poster)}`,
		"a value of a code's quarter": `UPDATE quarter_values SET scans = scans + ${by}
			${first("quarter_values", poster)} AND value = 'mobile'`,
		"an organisation's quarter": `UPDATE quarters SET visitors = visitors + ${by}
			${first("quarters", own)} AND partition = 0`,
		"a code's total": `UPDATE totals SET bots = bots + ${by} WHERE ${poster}`,
		"an organisation's total": `UPDATE totals SET scans = scans + ${by} WHERE ${own} AND partition = 0`,
		"a code's day": `UPDATE days SET scans = scans + ${by} WHERE ${poster} AND ${day}`,
		"an organisation's day": `UPDATE days SET visitors = visitors + ${by} WHERE ${own} AND ${day}`,
		"a value of an organisation's day": `UPDATE days SET ${json("$.country.DE[0]")} WHERE ${own} AND ${day}`,
		"an hour of an organisation's day": `UPDATE days SET ${json("$[12][0]", "hours")} WHERE ${own} AND ${day}`,
		"a code's month": `UPDATE months SET bots = bots + ${by} WHERE ${poster} AND ${month}`,
		"an organisation's month": `UPDATE months SET scans = scans + ${by} WHERE ${own} AND ${month}`,
		"a value of a code's month": `UPDATE months SET ${json("$.device.mobile[0]")} WHERE ${poster} AND ${month}`,
		"an hour of an organisation's month": `UPDATE months SET ${json("$[132][0]", "hours")} WHERE ${own} AND ${month}`,
		"a day of an organisation's month": `UPDATE months SET ${json("$[13][1]", "days")} WHERE ${own} AND ${month}`,
		"a code of an organisation's month": `UPDATE months SET ${json("$.poster[0]", "codes")} WHERE ${own} AND ${month}`,
		"a code of an organisation's day": `UPDATE days SET ${json("$.poster[0]", "codes")} WHERE ${own} AND ${day}`,
		"the ledger's stored scans": `UPDATE ledger SET stored = stored + ${by} WHERE organisation = 'acme'`,
		"the ledger's accepted scans": `UPDATE ledger SET accepted = accepted + ${by} WHERE organisation = 'acme'`,
	};
	const database = new DatabaseSync(file, { timeout: 5_000 });
	try {
		const { changes } = database.prepare(statements[kind]).run();
		if (changes !== 1) throw new Error(`${changes} rows were tampered with: ${kind}`);
	} finally {
		database.close();
	}
}

function tamperWithParts(file: string, kind: PackedTampering, by: 1 | -1): void {
	const database = new DatabaseSync(file, { timeout: 5_000 });
	try {
		const { kind: unit, name } = placeOf(kind);
		const from = `SELECT start, subject FROM ${unit}s WHERE ${own} AND ${unit === "day" ? "date" : "month"} = ?`;
		const { start, subject } = database.prepare(from).get(name) as { start: number; subject: number };
		const packed = readPacked(database, subject, [name]).get(name) ?? {};
		writePacked(database, subject, name, tamperWithPacked(packed, start, kind, by));
	} finally {
		database.close();
	}
}

/** Days as the second format had them. */
export function ageSqlite(file: string): void {
	const database = new DatabaseSync(file, { timeout: 5_000 });
	database.exec("UPDATE days SET time_zone = NULL, capped = NULL, codes = NULL; DELETE FROM packed");
	database.close();
}
