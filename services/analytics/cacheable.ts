/** What the cache must know of questions and answers: which are the same, what they depend on, and what may change them. */

import type { AnalyticsQuery, AnswerFrame } from "../../contracts/analytics.ts";
import type { Dependence } from "../../contracts/cache.ts";
import type { Loaded } from "../../mixins/cached.ts";
import type { Range } from "./range.ts";

/**
 * A key under which two questions are the same only when they mean the same: the end of a range up to now moves on, and
 * everything that depends on the date or the organisation's zone is in it as an instant.
 *
 * @param what the kind of question and its own parameters
 */
export function keyOf(what: readonly unknown[], organisation: string, query: AnalyticsQuery, range: Range): string {
	return JSON.stringify([what, organisation, query, range.from, query.to === undefined ? "now" : range.to, range.tz]);
}

/** What a refusal of a question depends on: whether there are such codes. */
export function refusalOf(organisation: string, { codes = [] }: AnalyticsQuery): Dependence {
	return { organisation, codes };
}

/**
 * @param query its end is asked for: without one the range goes on, whatever instant the answer took for now
 * @param codes ids that the answer is made of; all of the organisation's when absent
 */
export function loaded<A extends AnswerFrame>(
	answer: A,
	organisation: string,
	query: AnalyticsQuery,
	codes: readonly string[] | undefined,
): Loaded<A> {
	const { previous } = answer as { previous?: { readonly from: string } };
	const asOf = Date.parse(answer.asOf);
	const to = Date.parse(answer.to);
	// What was still on its way belongs to a range that has ended, too: such an answer is not kept for long.
	const closed = query.to !== undefined && answer.complete && to <= asOf;
	const depends = { organisation, codes, from: Date.parse(previous?.from ?? answer.from) };
	return closed
		? { value: answer, kind: "closed", asOf, depends: { ...depends, to } }
		: { value: answer, kind: "open", asOf, depends };
}
