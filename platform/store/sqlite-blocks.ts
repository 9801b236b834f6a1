/** Closed days and months of the embedded store, as blocks of a reading plan, and what was asked for of their rows. */

import type { DatabaseSync } from "node:sqlite";
import { type Block, SHORTEST_BLOCK_MS } from "./blocks.ts";
import type { Rollup } from "./rollup.ts";
import type { Questions } from "./scan-store.ts";
import type { Range } from "./sections.ts";
import { type ClosedRow, toRollup } from "./sqlite-closed.ts";
import { isIn } from "./sqlite-scope.ts";

interface HeadRow {
	readonly name: string;
	readonly start: number;
	readonly end: number;
	readonly time_zone: string | null;
	readonly days: string | null;
}

/**
 * Those within the range that nothing was added to since, by the sum of what was ever added to their quarters; of those
 * whose quarters were dropped nothing tells any more: they stay as they were.
 *
 * @param subject the organisation's own @param quartersFrom quarters before it were dropped, epoch ms
 */
export function closedBlocks(database: DatabaseSync, subject: number, range: Range, quartersFrom: number): Block[] {
	const heads = (table: string, name: string, days: string) =>
		database
			.prepare(
				`SELECT ${name} AS name, start, end, time_zone, ${days} AS days FROM ${table} AS closed
				WHERE subject = ?1 AND ${name} BETWEEN ?2 AND ?3 AND start >= ?4 AND end <= ?5 AND (start < ?6 OR
					revision = (SELECT coalesce(sum(n), 0) FROM revisions WHERE subject = ?1 AND at >= start AND at < end))`,
			)
			.all(subject, ...namesAround(range), range.from, range.to, quartersFrom) as unknown as HeadRow[];
	const blocks = (kind: Block["kind"], rows: readonly HeadRow[]) =>
		rows.map(({ name, start, end, time_zone, days }) => ({
			...{ kind, name, from: start, to: end },
			...(time_zone !== null && { timeZone: time_zone }),
			...(days !== null && { days: (JSON.parse(days) as [at: number][]).map(([at]) => at) }),
		}));
	return [...blocks("month", heads("months", "month", "days")), ...blocks("day", heads("days", "date", "NULL"))];
}

/** What blocks say of the subjects that are in them, as far as it is asked for; a subject that is not in one had no scan. */
export function readBlocks(
	database: DatabaseSync,
	subjects: readonly number[],
	blocks: readonly Block[],
	{ series, breakdowns = [], hoursOfWeek }: Questions,
): { readonly block: Block; readonly code: string; readonly rollup: Rollup }[] {
	const columns = [
		...["code", "scans", "visitors", "bots"],
		...(hoursOfWeek === undefined ? [] : ["hours"]),
		...(breakdowns.some((by) => by !== "code") ? ["by_value", "capped"] : []),
		...(breakdowns.includes("code") ? ["codes"] : []),
	];
	const ofMonths = series !== undefined || hoursOfWeek !== undefined ? ["days"] : [];
	const { sql, parameters } = isIn("subject", subjects);
	const read = (kind: Block["kind"], table: string, key: string, more: readonly string[]) => {
		const byName = new Map(blocks.filter((block) => block.kind === kind).map((block) => [block.name, block]));
		if (byName.size === 0) return [];
		const rows = database
			.prepare(
				`SELECT ${key} AS name, ${[...columns, ...more].join(", ")} FROM ${table} JOIN subjects ON id = subject
				WHERE ${sql} AND ${key} IN (SELECT value FROM json_each(?))`,
			)
			.all(...parameters, JSON.stringify([...byName.keys()])) as unknown as (ClosedRow & {
			readonly name: string;
			readonly code: string;
		})[];
		return rows.map((row) => ({
			block: byName.get(row.name) as Block,
			code: row.code,
			rollup: toRollup(row, breakdowns),
		}));
	};
	return [...read("month", "months", "month", ofMonths), ...read("day", "days", "date", [])];
}

/** Names, local, that days and months within the range can have, whatever zone they are of. */
function namesAround({ from, to }: Range): [first: string, last: string] {
	const name = (at: number) => new Date(Math.max(-LAST_NAMED, Math.min(at, LAST_NAMED))).toISOString().slice(0, 10);
	return [name(from - 2 * SHORTEST_BLOCK_MS).slice(0, 7), name(to + 2 * SHORTEST_BLOCK_MS)];
}

/** Instants of years with four digits, epoch ms: no scan is beyond. */
const LAST_NAMED = Date.UTC(9999, 0, 1);
