/**
 * Raw scans page by page, in the order of their time and id. A code's scans lie in the order of their time in an index,
 * and those of several codes are merged as they are read, so that a page costs its own length wherever it begins.
 */

import type { DatabaseSync } from "node:sqlite";
import type { Filter } from "../../contracts/analytics.ts";
import type { ScanPlace } from "../../contracts/scan.ts";
import { toExportedScan } from "./feed-scan.ts";
import { afterPage, EXAMINED_PER_SCAN, MOST_MERGED } from "./pages.ts";
import type { ScanPage, Selection } from "./scan-store.ts";
import { toScan } from "./sqlite-listings.ts";
import { and, type Condition, during, filtered, scopeOf } from "./sqlite-scope.ts";

export interface PageQuery {
	readonly selection: Selection;
	readonly after: ScanPlace;
	readonly limit: number;
}

export function readPage(database: DatabaseSync, { selection, after, limit }: PageQuery): ScanPage {
	const { organisation, bots, from, to } = selection;
	const begin = after.at >= from ? after : { at: from, id: "" };
	const { codes, filters } = merging(selection);
	const { subjects } = scopeOf(database, organisation, codes);
	if (subjects.length === 0 || begin.at >= to) return { scans: [], next: null };
	const column = codes ? "code" : "organisation";
	const behind = { sql: `(at > ? OR id > ?)${bots ? "" : " AND bot = 0"}`, parameters: [begin.at, begin.id] };
	const select = (columns: string, end: number, holding: Condition) =>
		merged(columns, column, subjects, and(during({ from: begin.at, to: end }), behind, holding));

	// Where filters leave little, the page ends where enough was looked at.
	let end = to;
	if (filters.length > 0) {
		const { sql, parameters } = select("at", to, ALL);
		const last = database
			.prepare(`${sql} ORDER BY at LIMIT 1 OFFSET ?`)
			.get(...parameters, limit * EXAMINED_PER_SCAN) as { at: number } | undefined;
		if (last) end = last.at + 1;
	}
	const holding = filtered(database, organisation, { subjects, raw: ALL, codes: () => subjects }, filters);
	const { sql, parameters } = select("seq, at, id", end, holding);
	const rows = database
		.prepare(
			`WITH page AS MATERIALIZED (${sql} ORDER BY at, id LIMIT ?)
			SELECT scans.*, subjects.code AS code FROM page CROSS JOIN scans ON scans.seq = page.seq
			CROSS JOIN subjects ON subjects.id = scans.code ORDER BY page.at, page.id`,
		)
		.all(...parameters, limit);
	return afterPage(rows.map(toScan).map(toExportedScan), limit, { end, to });
}

const ALL: Condition = { sql: "1", parameters: [] };

/** Too many codes to merge are a filter of their organisation's scans. */
function merging({ codes, filters }: Selection): { codes?: readonly string[]; filters: readonly Filter[] } {
	if (!codes || codes.length <= MOST_MERGED) return { codes, filters };
	return { filters: [...filters, { dimension: "code", values: codes }] };
}

/** The scans of each subject apart, so that each is read in the order of its index. */
function merged(
	columns: string,
	column: string,
	subjects: readonly number[],
	{ sql, parameters }: Condition,
): Condition {
	return {
		sql: subjects.map(() => `SELECT ${columns} FROM scans WHERE ${column} = ? AND ${sql}`).join(" UNION ALL "),
		parameters: subjects.flatMap((subject) => [subject, ...parameters]),
	};
}
