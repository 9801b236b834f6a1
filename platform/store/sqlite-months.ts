/**
 * Months of raw scans in the embedded store, from open to dropped. Rows go in small transactions, each of which keeps
 * what it took away as counts, so that totals can be told from raw scans at any moment and no commit waits for long.
 */

import type { DatabaseSync } from "node:sqlite";
import { CodedError } from "../../contracts/errors.ts";
import type { Fenced, StoredMonth } from "./scan-store.ts";
import type { Sequenced } from "./sequence.ts";
import { isOver, monthEnd, monthOf, monthStart } from "./utc-month.ts";

/** Rows that one transaction deletes. */
const ROWS_AT_ONCE = 2_000;

/** @throws `lease_lost` when a newer fence has written. */
export function passFence(database: DatabaseSync, { name, fence }: Fenced): void {
	const { changes } = database
		.prepare(
			`INSERT INTO leases VALUES (?, ?)
			ON CONFLICT DO UPDATE SET fence = excluded.fence WHERE excluded.fence >= fence`,
		)
		.run(name, fence);
	if (changes === 0) throw new CodedError("lease_lost", `The lease ${name} has a newer fence than ${fence}`);
}

export function readMonths(database: DatabaseSync): StoredMonth[] {
	const marked = database.prepare("SELECT month, state FROM closings").all() as unknown as StoredMonth[];
	const months = new Map(marked.map(({ month, state }) => [month, state]));
	const edges = database
		.prepare(
			`SELECT min(at) AS first, max(at) AS last FROM (
				SELECT first AS at FROM totals UNION ALL
				SELECT (SELECT max(at) FROM scans WHERE organisation = id) FROM subjects WHERE code = '' UNION ALL
				SELECT (SELECT max(at) FROM quarters WHERE subject = id) FROM subjects WHERE code = '')`,
		)
		.get() as { first: number | null; last: number | null };
	if (edges.first !== null && edges.last !== null) {
		for (let month = monthOf(edges.first); month <= monthOf(edges.last); month = monthOf(monthEnd(month)))
			if (!months.has(month)) months.set(month, "open");
	}
	return [...months].sort(([a], [b]) => (a < b ? -1 : 1)).map(([month, state]) => ({ month, state }));
}

/** Those of the candidates' months that take no scans. */
export function closedMonths(database: DatabaseSync, parts: readonly Sequenced[], now: number): Set<string> {
	const old = new Set<string>();
	for (const { candidates } of parts)
		for (const { scan } of candidates)
			if (Number.isFinite(scan.at) && isOver(monthOf(scan.at), now)) old.add(monthOf(scan.at));
	if (old.size === 0) return old;
	const closed = database
		.prepare("SELECT month FROM closings WHERE state <> 'open' AND month IN (SELECT value FROM json_each(?))")
		.all(JSON.stringify([...old])) as { month: string }[];
	return new Set(closed.map(({ month }) => month));
}

export function markMonth(database: DatabaseSync, month: string, state: StoredMonth["state"]): void {
	database
		.prepare(
			`INSERT INTO closings VALUES (?, ?)
			ON CONFLICT DO UPDATE SET state = excluded.state WHERE state <> 'closed'`,
		)
		.run(month, state);
}

/** One turn of dropping a month that is closing or closed; 0 when nothing is left of it. @throws `conflict` */
export function dropSomeScans(database: DatabaseSync, month: string): number {
	const row = database.prepare("SELECT state FROM closings WHERE month = ?").get(month);
	if (!row || row.state === "open")
		throw new CodedError("conflict", `The month ${month} is open: mark it closing first`);
	markMonth(database, month, "closed");
	const [from, to] = [monthStart(month), monthEnd(month)];
	const organisations = database.prepare("SELECT id FROM subjects WHERE code = ''").all() as { id: number }[];
	for (const { id } of organisations) {
		const these = "SELECT seq FROM scans WHERE organisation = ? AND at >= ? AND at < ? ORDER BY at LIMIT ?";
		const parameters = [id, from, to, ROWS_AT_ONCE] as const;
		for (const subject of ["organisation", "code"]) {
			database
				.prepare(
					`INSERT INTO carried SELECT ${subject}, ?, sum(1 - bot), sum(first), sum(bot)
					FROM scans WHERE seq IN (${these}) GROUP BY ${subject}
					ON CONFLICT DO UPDATE SET scans = scans + excluded.scans, visitors = visitors + excluded.visitors,
						bots = bots + excluded.bots`,
				)
				.run(month, ...parameters);
		}
		const { changes } = database.prepare(`DELETE FROM scans WHERE seq IN (${these})`).run(...parameters);
		if (changes > 0) return Number(changes);
	}
	return 0;
}

/** Quarters before it were dropped, epoch ms. */
export function readQuartersFrom(database: DatabaseSync): number {
	const mark = database.prepare("SELECT value FROM meta WHERE name = 'quarters'").get() as
		| { value: string }
		| undefined;
	return mark ? Number(mark.value) : 0;
}

/** One turn of dropping quarters, those of one subject; 0 when none is left. */
export function dropSomeQuarters(database: DatabaseSync, before: number): number {
	const mark = "INSERT INTO meta VALUES ('quarters', ?) ON CONFLICT DO UPDATE SET value = excluded.value";
	if (readQuartersFrom(database) < before) database.prepare(mark).run(String(before));
	const found = database
		.prepare("SELECT id FROM subjects WHERE EXISTS (SELECT 1 FROM quarters WHERE subject = id AND at < ?) LIMIT 1")
		.get(before) as { id: number } | undefined;
	if (!found) return 0;
	for (const table of ["quarter_values", "revisions"])
		database.prepare(`DELETE FROM ${table} WHERE subject = ? AND at < ?`).run(found.id, before);
	return Number(database.prepare("DELETE FROM quarters WHERE subject = ? AND at < ?").run(found.id, before).changes);
}
