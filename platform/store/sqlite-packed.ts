/** What is packed of an organisation's closed days and months, in the embedded store: a row for each of its parts. */

import type { DatabaseSync } from "node:sqlite";
import type { Packed } from "./packed.ts";

type Part = keyof Packed;

/** Replaces what was packed of a day or month. @param packed undefined leaves nothing */
export function writePacked(database: DatabaseSync, subject: number, name: string, packed: Packed | undefined): void {
	database.prepare("DELETE FROM packed WHERE subject = ? AND name = ?").run(subject, name);
	const insert = database.prepare("INSERT INTO packed VALUES (?, ?, ?, ?)");
	for (const [part, data] of Object.entries(packed ?? {})) insert.run(subject, name, part, data);
}

/** By name of the day or month, those of the parts that are there; all of them when absent. */
export function readPacked(
	database: DatabaseSync,
	subject: number,
	names: readonly string[],
	parts?: readonly Part[],
): Map<string, Packed> {
	const only = parts ? "AND part IN (SELECT value FROM json_each(?))" : "";
	const rows = database
		.prepare(
			`SELECT name, part, data FROM packed WHERE subject = ? AND name IN (SELECT value FROM json_each(?)) ${only}`,
		)
		.all(subject, JSON.stringify(names), ...(parts ? [JSON.stringify(parts)] : [])) as unknown as readonly {
		readonly name: string;
		readonly part: Part;
		readonly data: Uint8Array;
	}[];
	const found = new Map<string, Partial<Record<Part, Uint8Array>>>();
	for (const { name, part, data } of rows) found.getOrInsertComputed(name, () => ({}))[part] = data;
	return found;
}

/** Whether a day or month of the table around it is packed, as SQL. */
export function isPacked(subject: string, name: string): string {
	return `EXISTS (SELECT 1 FROM packed WHERE subject = ${subject} AND name = ${name} AND part = 'quarters')`;
}
