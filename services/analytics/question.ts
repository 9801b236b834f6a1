/** A question resolved: which scans it is about, in which range and zone, and what its series are read from. */

import type { AnalyticsQuery, Interval } from "../../contracts/analytics.ts";
import { call } from "../../platform/actors.ts";
import { SHORTEST_BLOCK_MS } from "../../platform/store/blocks.ts";
import type { Selection } from "../../platform/store/scan-store.ts";
import type { Asking } from "./bounds.ts";
import { type Range, resolveRange } from "./range.ts";
import { selectCodes, toSelection } from "./selection.ts";
import type { TimeZones } from "./time-zones.ts";

/** What to read, and the frame of its answer but for what only the reading tells. */
export interface Question {
	readonly range: Range;
	readonly codes: readonly string[] | undefined;
	readonly selection: Selection;
	/** What the answer is read from, where filters alone do not decide it. */
	readonly source?: "raw";
}

/**
 * @param caller asks others: which zone is the organisation's, which codes are meant
 * @param now epoch ms
 * @throws `invalid` naming the parameter; `not_found` when there is no such code
 */
export async function resolveQuestion(
	caller: object,
	organisation: string,
	query: AnalyticsQuery,
	timeZones: TimeZones,
	now: () => number,
): Promise<Question> {
	const tz = query.tz ?? (await timeZones.of(caller, organisation));
	const range = resolveRange({ from: query.from, to: query.to, tz }, now());
	const codes = await selectCodes(query, async (reference) => {
		const code = await call(caller, "codes.route", { organisation, reference });
		return code && !code.deleted ? code.id : null;
	});
	return { range, codes, selection: toSelection(organisation, query, codes, range) };
}

/**
 * How points, or without an interval hours of the week, are read: days are closed in the organisation's own zone, and tell
 * quarter hours of the whole organisation, not of its codes.
 */
export function askingOf({ range, selection }: Question, ownZone: string | undefined, interval?: Interval): Asking {
	const { codes, from, to, filters } = selection;
	const fine = interval === "quarter" || interval === "hour";
	const coarser = fine ? "interval" : "tz";
	// Raw scans, and less than a day, are read alike whatever is asked.
	if (!codes || filters.length > 0 || to - from < SHORTEST_BLOCK_MS) return { grain: "days", coarser };
	return { grain: fine || range.tz !== ownZone ? "quarters" : "days", coarser };
}
