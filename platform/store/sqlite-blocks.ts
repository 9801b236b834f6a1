/** Closed days and months of the embedded store, as blocks of a reading plan, and what was asked for of their rows. */

import type { DatabaseSync } from "node:sqlite";
import { readsOf } from "./answers.ts";
import type { Block } from "./blocks.ts";
import type { Tally } from "./bucket.ts";
import type { Packed } from "./packed.ts";
import type { Rollup } from "./rollup.ts";
import type { Questions } from "./scan-store.ts";
import type { Range } from "./sections.ts";
import { type ClosedRow, cappedOf, toRollup } from "./sqlite-closed.ts";
import { isPacked, readPacked } from "./sqlite-packed.ts";
import { isIn } from "./sqlite-scope.ts";

interface HeadRow {
	readonly name: string;
	readonly start: number;
	readonly end: number;
	readonly time_zone: string | null;
	readonly days: string | null;
	readonly packed: number;
}

/** Whether packed blocks may be read: where the organisation's own are asked for. */
type Whose = "organisation" | "codes";

/**
 * Those within the range that nothing was added to since, by the sum of what was ever added to their quarters; of those
 * whose quarters were dropped nothing tells any more: they stay as they were.
 *
 * @param subject the organisation's own @param quartersFrom quarters before it were dropped, epoch ms
 */
export function closedBlocks(
	database: DatabaseSync,
	subject: number,
	range: Range,
	quartersFrom: number,
	whose: Whose,
): Block[] {
	const heads = (table: string, name: string, days: string) =>
		database
			.prepare(
				`SELECT ${name} AS name, start, end, time_zone, ${days} AS days,
					${whose === "organisation" ? isPacked("?1", `closed.${name}`) : 0} AS packed
				FROM ${table} AS closed WHERE subject = ?1 AND revision IS NOT NULL AND start >= ?2 AND end <= ?3 AND (start < ?4 OR
					revision = (SELECT coalesce(sum(n), 0) FROM revisions WHERE subject = ?1 AND at >= start AND at < end))`,
			)
			.all(subject, range.from, range.to, quartersFrom) as unknown as HeadRow[];
	const blocks = (kind: Block["kind"], rows: readonly HeadRow[]) =>
		rows.map(({ name, start, end, time_zone, days, packed }) => ({
			...{ kind, name, from: start, to: end },
			...(time_zone !== null && { timeZone: time_zone }),
			...{ packed: packed === 1 },
			...(days !== null && { days: (JSON.parse(days) as [at: number][]).map(([at]) => at) }),
		}));
	// Which days a month is made of, tells of codes no index.
	const days = whose === "codes" ? "days" : "NULL";
	return [...blocks("month", heads("months", "month", days)), ...blocks("day", heads("days", "date", "NULL"))];
}

interface PackedBlock extends Pick<Rollup, "tally" | "capped"> {
	readonly block: Block;
	readonly packed: Packed;
}

/** What is packed of the organisation's own blocks, as far as it is asked for. */
export function readPackedBlocks(
	database: DatabaseSync,
	subject: number,
	blocks: readonly Block[],
	questions: Questions,
): PackedBlock[] {
	const parts = [...(questions.breakdowns ?? []), ...(readsOf(questions) === "quarters" ? ["quarters" as const] : [])];
	const names = blocks.map(({ name }) => name);
	const packed = parts.length === 0 ? new Map<string, Packed>() : readPacked(database, subject, names, parts);
	const heads = (kind: Block["kind"], table: string) => {
		const tally = database.prepare(
			`SELECT scans, visitors, bots, capped FROM ${table} WHERE subject = ? AND start = ? AND end = ? AND revision IS NOT NULL`,
		);
		return blocks
			.filter((block) => block.kind === kind)
			.map((block) => {
				const { capped, ...counts } = tally.get(subject, block.from, block.to) as unknown as Tally & { capped: number };
				return { block, tally: counts, capped: cappedOf(capped), packed: packed.get(block.name) ?? {} };
			});
	};
	return [...heads("month", "months"), ...heads("day", "days")];
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
