/** What a report of a period says: asked of the analytics as any client would, so that its numbers are the API's. */

import type { AnalyticsQuery, AnswerFrame } from "../../../contracts/analytics.ts";
import type { ReportBreakdown, ReportContent, ReportPeriod } from "../../../contracts/report.ts";
import type { Dimension } from "../../../contracts/scan.ts";
import { call } from "../../../platform/actors.ts";
import type { Period } from "./periods.ts";
import type { StoredReport } from "./report-shelf.ts";

/** What is broken down, in the order of the page. */
const BREAKDOWNS: readonly Dimension[] = [
	...(["code", "placement", "country", "city", "device", "os", "browser", "language"] as const),
	...(["referrer", "source", "utm_source", "utm_campaign"] as const),
];
const ROWS = 10;
const INTERVALS = { daily: "hour", weekly: "day", monthly: "day" } as const satisfies Record<ReportPeriod, string>;
/** Longest wait for one answer, ms, and how often it is asked for again. */
const ASKING = { timeout: 10_000, retries: 2 };

/**
 * @param caller asks the analytics and the codes
 * @param awaited whether scans that are on their way are waited for: then nothing is read while there are some
 */
export async function readContent(
	caller: object,
	{ id, organisation, name, period: kind, codes }: StoredReport,
	period: Period,
	tz: string,
	awaited: boolean,
): Promise<ReportContent | undefined> {
	const { first, next } = period;
	const query: AnalyticsQuery = {
		...{ from: first.toString(), to: next.toString(), tz },
		// A filter, because a code that was deleted meanwhile keeps its scans.
		...(codes && { filters: [{ dimension: "code", values: codes }] }),
	};
	const interval = INTERVALS[kind];
	const compared = { organisation, query: { ...query, compare: "previous" as const } };
	const { answer: summary } = await call(caller, "analytics.summary", compared, ASKING);
	if (awaited && !summary.complete) return undefined;
	const { answer: series } = await call(caller, "analytics.timeseries", { organisation, query, interval }, ASKING);
	const answers: AnswerFrame[] = [summary, series];
	const breakdowns: ReportBreakdown[] = [];
	for (const by of BREAKDOWNS) {
		const { answer } = await call(caller, "analytics.breakdown", { organisation, query, by, limit: ROWS }, ASKING);
		answers.push(answer);
		const { rows, other, total, coverage } = answer;
		breakdowns.push({ by, rows, other, total, ...(coverage.capped && { capped: coverage.capped }) });
	}
	const names = codes && (await call(caller, "codes.names", { organisation, ids: [...codes] }, ASKING));
	const asOf = new Date(Math.min(...answers.map((answer) => Date.parse(answer.asOf)))).toISOString();
	const { scans, visitors, bots, previous, change } = summary;
	return {
		...{ report: { id, name, period: kind }, organisation },
		period: { id: period.id, first: first.toString(), last: next.subtract({ days: 1 }).toString() },
		...(codes && { codes: codes.map((code) => ({ id: code, name: names?.[code]?.name })) }),
		...{ from: summary.from, to: summary.to, tz: summary.tz, asOf },
		complete: answers.every(({ complete }) => complete) && Date.parse(asOf) >= period.end,
		madeAt: new Date().toISOString(),
		summary: { scans, visitors, bots, previous, change },
		timeseries: { interval, points: series.points },
		breakdowns,
	};
}
