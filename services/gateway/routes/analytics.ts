/** The numbers. */

import { z } from "zod";
import { type AnalyticsQuery, type Answer, INTERVALS } from "../../../contracts/analytics.ts";
import { DIMENSIONS, type Dimension } from "../../../contracts/scan.ts";
import { ok, type Reply, type Route, route } from "../route.ts";
import { booleanParameter, filterParameters, instantOrDate, repeatable, text, wholeParameter } from "../schemas.ts";

/** What is counted, whenever it was. */
const selected = {
	code: repeatable(text(128)).optional().describe("ids or slugs; all codes when absent"),
	tz: text(64).optional().describe("IANA time zone; the organisation's when absent"),
	bots: booleanParameter.optional().describe("whether bots count as scans"),
};

const common = {
	...selected,
	from: instantOrDate.optional().describe("inclusive; start of today when absent"),
	to: instantOrDate.optional().describe("exclusive; now when absent"),
	compare: z.enum(["previous"]).optional(),
};

/** Strict, with the filters of all dimensions. */
function strict<Own extends z.ZodRawShape>(own: Own) {
	return z.strictObject({ ...own, ...(filterParameters as Record<never, never>) });
}

/** The parameters of a question, with those that a route has besides. */
export function questions<Own extends z.ZodRawShape>(own: Own) {
	return strict({ ...common, ...own });
}

interface Common {
	readonly code?: readonly string[];
	readonly from?: string;
	readonly to?: string;
	readonly tz?: string;
	readonly bots?: boolean;
	readonly compare?: "previous";
}

/** The question that the parameters put. */
export function questionOf(query: Common): AnalyticsQuery {
	const { code, from, to, tz, bots, compare } = query;
	const given = query as Readonly<Record<string, unknown>>;
	const filters = DIMENSIONS.flatMap((dimension) => {
		const values = given[`filter.${dimension}`] as readonly string[] | undefined;
		return values ? [{ dimension, values }] : [];
	});
	return { codes: code, from, to, tz, bots, compare, ...(filters.length > 0 && { filters }) };
}

async function timed<T>(answer: Promise<Answer<T>>): Promise<Reply> {
	const begun = performance.now();
	const { answer: body, cache, degraded } = await answer;
	const took = (performance.now() - begun).toFixed(1);
	return ok(body, {
		"X-Cache": cache,
		...(degraded && { "X-Degraded": "cache" }),
		"Server-Timing": `analytics;dur=${took}`,
		"Cache-Control": "private, no-cache",
	});
}

export const analyticsRoutes: readonly Route[] = [
	route({
		method: "GET",
		path: "/api/v1/analytics/summary",
		access: "analytics:read",
		summary: "Scans, visitors and bots of a period",
		success: { status: 200, description: "The counts, with the instant and the range they are true of" },
		query: questions({}),
		respond: ({ call, organisation, query }) =>
			timed(call("analytics.summary", { organisation, query: questionOf(query) })),
	}),
	route({
		method: "GET",
		path: "/api/v1/analytics/timeseries",
		access: "analytics:read",
		summary: "Scans and visitors over time",
		success: { status: 200, description: "Every bucket that touches the range" },
		query: questions({ interval: z.enum(INTERVALS).default("day") }),
		respond: ({ call, organisation, query }) =>
			timed(call("analytics.timeseries", { organisation, query: questionOf(query), interval: query.interval })),
	}),
	route({
		method: "GET",
		path: "/api/v1/analytics/breakdown",
		access: "analytics:read",
		summary: "Scans and visitors by the values of a dimension",
		success: { status: 200, description: "Largest values first, the rest as `other`" },
		query: questions({
			by: z.enum(DIMENSIONS as readonly [Dimension, ...Dimension[]]),
			limit: wholeParameter(1, 300).default(10),
		}),
		respond: ({ call, organisation, query }) =>
			timed(call("analytics.breakdown", { organisation, query: questionOf(query), by: query.by, limit: query.limit })),
	}),
	route({
		method: "GET",
		path: "/api/v1/analytics/heatmap",
		access: "analytics:read",
		summary: "Scans by hour of the week",
		description:
			"`cells` are all 168 hours of the week, Monday's first hour first, zero where nothing was scanned: `weekday` 1 is Monday, `hour` is what clocks of `tz` show. When clocks go back, both times an hour is shown count in its cell; when they go forward, the hour that is left out has no scans of that day.",
		success: { status: 200, description: "Every hour of the week, with the instant and the range they are true of" },
		query: questions({}),
		respond: ({ call, organisation, query }) =>
			timed(call("analytics.heatmap", { organisation, query: questionOf(query) })),
	}),
	route({
		method: "GET",
		path: "/api/v1/analytics/minutes",
		access: "analytics:read",
		summary: "The last 30 minutes, one by one",
		description:
			"`minutes` as in `/api/v1/analytics/live`, alone, and cheap to ask often and for many codes: `coverage.source` is `counters` where they were told without reading the store, `raw` where scans were counted for it.",
		success: { status: 200, description: "The minutes, with the instant they are true of" },
		query: strict(selected),
		respond: ({ call, organisation, query }) =>
			timed(call("analytics.minutes", { organisation, query: questionOf(query) })),
	}),
	route({
		method: "GET",
		path: "/api/v1/analytics/live",
		access: "analytics:read",
		summary: "The last 30 minutes, one by one, and who is there now",
		description:
			"`minutes` are the 30 UTC minutes up to the present one, oldest first; the last one still grows, and `to` is its end. `visitorsNow` are the different visitors of the last 5 minutes, bots left out also with `bots=true`: unlike `visitors` elsewhere it counts people, not first visits, so someone who was here before today counts, and someone who scanned two codes counts once; scans that name no visitor and no address add none; who scanned before and after midnight UTC counts twice, because visitors are known by a hash under the salt of the day. `topCodes` and `topCountries` are the 10 with most scans in these minutes, ties by value; no country is `(none)`. `from`, `to` and `compare` are not parameters here.",
		success: { status: 200, description: "The minutes, with the instant they are true of" },
		query: strict(selected),
		respond: ({ call, organisation, query }) =>
			timed(call("analytics.live", { organisation, query: questionOf(query) })),
	}),
];
