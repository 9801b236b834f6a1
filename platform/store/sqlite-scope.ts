/** Whom a question is about, as the embedded store knows them: subjects of roll-ups, and conditions on raw scans. */

import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Filter } from "../../contracts/analytics.ts";
import { BUCKET_DIMENSIONS, NONE } from "../../contracts/scan.ts";

/** SQL that goes behind WHERE, and its parameters. */
export interface Condition {
	readonly sql: string;
	readonly parameters: readonly SQLInputValue[];
}

export interface Scope {
	/** Ids of the subjects whose buckets answer; empty when nothing was ever counted. */
	readonly subjects: readonly number[];
	/** Raw scans of the same. */
	readonly raw: Condition;
	/** Of a breakdown by code: ids of the codes. */
	readonly codes: () => readonly number[];
}

export function findSubject(database: DatabaseSync, organisation: string, code = ""): number | undefined {
	const row = database.prepare("SELECT id FROM subjects WHERE organisation = ? AND code = ?").get(organisation, code);
	return (row as { id: number } | undefined)?.id;
}

/** @param codes absent means all of the organisation */
export function scopeOf(database: DatabaseSync, organisation: string, codes?: readonly string[]): Scope {
	if (codes) {
		const ids = new Set<number>();
		for (const code of codes) {
			const id = code === "" ? undefined : findSubject(database, organisation, code);
			if (id !== undefined) ids.add(id);
		}
		const subjects = [...ids];
		return { subjects, raw: isIn("code", subjects), codes: () => subjects };
	}
	const id = findSubject(database, organisation);
	if (id === undefined) return { subjects: [], raw: isIn("organisation", []), codes: () => [] };
	const ofOrganisation = database.prepare("SELECT id FROM subjects WHERE organisation = ? AND code <> ''");
	return {
		subjects: [id],
		raw: { sql: "organisation = ?", parameters: [id] },
		codes: () => (ofOrganisation.all(organisation) as { id: number }[]).map(({ id }) => id),
	};
}

/** Raw scans of the scope that hold every filter. */
export function filtered(
	database: DatabaseSync,
	organisation: string,
	{ raw }: Scope,
	filters: readonly Filter[],
): Condition {
	const conditions = filters.map(({ dimension, values }): Condition => {
		if (dimension === "code") {
			// By index over the scope's time, not over each code: a filter narrows what the scope reads.
			const { subjects } = scopeOf(database, organisation, values);
			return { ...isIn("+code", subjects) };
		}
		if (!BUCKET_DIMENSIONS.includes(dimension)) throw new Error(`No dimension ${dimension}`);
		return {
			sql: `coalesce(${dimension}, '${NONE}') IN (${values.map(() => "?").join(", ")})`,
			parameters: values,
		};
	});
	return and(raw, ...conditions);
}

export function and(...conditions: readonly Condition[]): Condition {
	return {
		sql: conditions.map(({ sql }) => sql).join(" AND "),
		parameters: conditions.flatMap(({ parameters }) => parameters),
	};
}

export function isIn(column: string, ids: readonly number[]): Condition {
	return { sql: `${column} IN (SELECT value FROM json_each(?))`, parameters: [JSON.stringify(ids)] };
}

/** `at` in `[from, to)`, epoch ms. */
export function during({ from, to }: { readonly from: number; readonly to: number }): Condition {
	return { sql: "at >= ? AND at < ?", parameters: [from, to] };
}
