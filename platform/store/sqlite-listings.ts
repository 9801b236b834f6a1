/** What the embedded store answers besides counting questions: live state, recent scans, ledger, organisations. */

import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Counts, FeedScan, StoredScan } from "../../contracts/scan.ts";
import { toFeedScan } from "./feed-scan.ts";
import { MINUTE_MS } from "./quarters.ts";
import type { Books, LedgerSums, ScanStore } from "./scan-store.ts";
import type { SqliteQuestions } from "./sqlite-questions.ts";
import { rawTally } from "./sqlite-raw.ts";
import { findSubject, scopeOf } from "./sqlite-scope.ts";

type Query<M extends "state" | "recent" | "ledger" | "books"> = Parameters<ScanStore[M]>[0];

export function readState(
	database: DatabaseSync,
	questions: SqliteQuestions,
	{ organisation, code, dayStart, dayEnd, minute }: Query<"state">,
): { total: Counts; today: Counts; minute: number } {
	const codes = code === undefined ? undefined : [code];
	const total = database
		.prepare(
			`SELECT coalesce(sum(scans), 0) AS scans, coalesce(sum(visitors), 0) AS visitors, coalesce(sum(bots), 0) AS bots
			FROM totals WHERE subject = ?`,
		)
		.get(findSubject(database, organisation, code) ?? null);
	const { raw } = scopeOf(database, organisation, codes);
	return {
		total: { ...(total as unknown as Counts) },
		today: questions.answer({ organisation, codes, from: dayStart, to: dayEnd, filters: [], bots: false }, {}).value
			.counts,
		minute: rawTally(database, raw, { from: minute, to: minute + MINUTE_MS }).scans,
	};
}

export function readRecent(database: DatabaseSync, { organisation, code, limit }: Query<"recent">): FeedScan[] {
	const subject = findSubject(database, organisation, code);
	if (subject === undefined) return [];
	const [column, index] =
		code === undefined ? ["organisation", "scans_by_commit"] : ["code", "scans_by_code_and_commit"];
	const rows = database
		.prepare(
			`SELECT scans.*, subjects.code AS code FROM scans INDEXED BY ${index} JOIN subjects ON subjects.id = scans.code
			WHERE scans.${column} = ? ORDER BY seq DESC LIMIT ?`,
		)
		.all(subject, limit);
	return rows.map(toScan).map(toFeedScan).reverse();
}

export function readLedger(database: DatabaseSync, { organisation, from, to }: Query<"ledger">): LedgerSums {
	const hours = [organisation, from ?? Number.MIN_SAFE_INTEGER, to ?? Number.MAX_SAFE_INTEGER] as const;
	const where = "WHERE organisation = ? AND hour >= ? AND hour < ?";
	const sum = (column: string) => `coalesce(sum(${column}), 0) AS ${column}`;
	const sums = database
		.prepare(`SELECT ${["accepted", "stored", "duplicate", "missing"].map(sum).join(", ")} FROM ledger ${where}`)
		.get(...hours) as unknown as Omit<LedgerSums, "dropped">;
	const dropped = database
		.prepare(`SELECT reason, sum(n) AS n FROM ledger_dropped ${where} GROUP BY reason`)
		.all(...hours) as { reason: string; n: number }[];
	return { ...sums, dropped: Object.fromEntries(dropped.map(({ reason, n }) => [reason, n])) };
}

export function readBooks(database: DatabaseSync, { producers, ...query }: Query<"books">): Books {
	const applied = database
		.prepare(
			`SELECT producer, sum(total) AS total FROM producer_totals
			WHERE partition IN (SELECT partition FROM partitions) AND producer IN (SELECT value FROM json_each(?))
			AND organisation = ? GROUP BY producer`,
		)
		.all(JSON.stringify(producers), query.organisation) as { producer: string; total: number }[];
	return {
		sums: readLedger(database, query),
		applied: Object.fromEntries(applied.map(({ producer, total }) => [producer, total])),
	};
}

export function readOrganisations(database: DatabaseSync): { organisation: string; first: number }[] {
	const rows = database
		.prepare(
			`SELECT organisation, min(first) AS first FROM totals JOIN subjects ON id = subject WHERE code = ''
			GROUP BY organisation ORDER BY organisation`,
		)
		.all();
	return rows.map((row) => ({ ...(row as { organisation: string; first: number }) }));
}

/** A row as a scan, without its organisation, which the caller named: NULL is absence. */
export function toScan(row: Record<string, SQLInputValue>): StoredScan {
	const present = Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
	return { ...present, bot: row.bot === 1, first: row.first === 1 } as unknown as StoredScan;
}
