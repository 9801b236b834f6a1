/** From a client's question to a selection that the store understands. */

import type { AnalyticsQuery, Filter } from "../../contracts/analytics.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { Selection } from "../../platform/store/scan-store.ts";
import type { Range } from "./range.ts";

/** Finds the id of a code that a client names by id or slug; null when there is none. */
export type FindCode = (reference: string) => Promise<string | null>;

/**
 * Codes by id: those asked for, narrowed by a filter on `code`; undefined means all.
 *
 * @throws `not_found` when a code asked for does not exist; a filter's unknown value selects nothing
 */
export async function selectCodes(query: AnalyticsQuery, find: FindCode): Promise<readonly string[] | undefined> {
	const asked = query.codes?.length
		? await Promise.all(query.codes.map((reference) => known(reference, find)))
		: undefined;
	const filter = query.filters?.find(({ dimension }) => dimension === "code");
	if (!filter) return asked && [...new Set(asked)];
	const filtered = await Promise.all(filter.values.map(async (value) => (await find(value)) ?? value));
	return [...new Set(asked ? asked.filter((id) => filtered.includes(id)) : filtered)];
}

/** @param codes as `selectCodes` found them */
export function toSelection(
	organisation: string,
	query: AnalyticsQuery,
	codes: readonly string[] | undefined,
	{ from, to }: Range,
): Selection {
	const filters: readonly Filter[] = (query.filters ?? []).filter(({ dimension }) => dimension !== "code");
	return { organisation, codes, from, to, filters, bots: query.bots ?? false };
}

async function known(reference: string, find: FindCode): Promise<string> {
	const id = await find(reference);
	if (id !== null) return id;
	const message = `no code has the id or slug ${JSON.stringify(reference)}`;
	throw new CodedError("not_found", message, { errors: [{ path: "code", message }] });
}
