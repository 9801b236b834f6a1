/**
 * What the two moleculer-db adapters of the entity stores have in common beyond moleculer-db's own interface: unique
 * indexes that the database itself enforces, a substring search that means the same on both, and failures told apart.
 */

import type { CountOptions, CursorOptions, DbAdapter } from "moleculer-db";

export interface EntityIndex {
	/** One field for a unique index; the fields of a query and its order, with `_id` for ties, otherwise. */
	readonly fields: readonly string[];
	/** No two entities share a value; of a list, no value of one is in another's. Entities without the field are exempt. */
	readonly unique?: boolean;
	/** Entities that the index has; every question that it serves says the same. In a file it has all. */
	readonly where?: Readonly<Record<string, unknown>>;
}

/** Why an operation failed: another entity has the value, the database is away, or anything else (a fault of ours). */
export type Failure = { readonly kind: "duplicate"; readonly value: unknown } | { readonly kind: "away" | "fault" };

export interface EntityAdapter extends DbAdapter {
	/** Runs an operation when the database can be used as it should be, its indexes made; fails within about 2 s. */
	run<R>(operation: () => Promise<R>): Promise<R>;
	failure(error: unknown): Failure;
}

/** A query that also holds only for entities of which a searched field contains the text, whatever its case. */
export function searching(options: CountOptions | CursorOptions): Record<string, unknown> {
	const { query = {}, search, searchFields } = options;
	if (!search || !searchFields) return query;
	const pattern = new RegExp(literally(search), "i");
	const fields = typeof searchFields === "string" ? searchFields.split(" ") : searchFields;
	return { $and: [query, { $or: fields.map((field) => ({ [field]: pattern })) }] };
}

/**
 * Sort criteria from names with a leading `-` for descending; `_id` last, so that pages never overlap, in the direction of
 * the last name, so that one index serves both directions.
 */
export function sorting(sort: string | readonly string[] | undefined): Record<string, 1 | -1> {
	const names = typeof sort === "string" ? [sort] : [...(sort ?? [])];
	const criteria: Record<string, 1 | -1> = {};
	for (const name of names) criteria[name.replace(/^-/, "")] = name.startsWith("-") ? -1 : 1;
	return { ...criteria, _id: criteria._id ?? (names.at(-1)?.startsWith("-") ? -1 : 1) };
}

/** Escapes only what both JavaScript and PCRE read as syntax; `RegExp.escape` makes `\u` escapes that PCRE refuses. */
function literally(text: string): string {
	return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
