/** A report's page shows its numbers, as figures, tables and bars, and says what is wrong with them. */

import { expect, test } from "vitest";
import type { ReportBreakdown, ReportContent } from "../../contracts/report.ts";
import { COLOURS } from "../../services/cron/reports/report-charts.ts";
import { reportPage } from "../../services/cron/reports/report-html.ts";

const HOUR_MS = 3_600_000;
/** The day of 25 hours. */
const BEGIN = Date.parse("2026-10-24T22:00:00Z");
const points = Array.from({ length: 25 }, (_, n) => ({
	at: new Date(BEGIN + n * HOUR_MS).toISOString(),
	...{ scans: n * 4, visitors: n },
}));
const content: ReportContent = {
	...{ report: { id: "r", name: "Days", period: "daily" }, organisation: "acme", tz: "Europe/Berlin" },
	...{ from: "2026-10-24T22:00:00.000Z", to: "2026-10-25T23:00:00.000Z", asOf: "2026-10-26T00:00:00.000Z" },
	...{ period: { id: "2026-10-25", first: "2026-10-25", last: "2026-10-25" }, madeAt: "2026-10-26T00:00:01.000Z" },
	complete: true,
	summary: {
		...{ scans: 1_200, visitors: 300, bots: 7, change: { scans: 0.5, visitors: -0.25 } },
		previous: { from: "2026-10-23T22:00:00.000Z", to: "2026-10-24T22:00:00.000Z", scans: 800, visitors: 400, bots: 0 },
	},
	timeseries: { interval: "hour", points },
	breakdowns: [
		{
			...{ by: "country", other: 150, total: 1_200 },
			rows: [
				{ value: "DE", scans: 700, visitors: 200 },
				{ value: "FR", scans: 350, visitors: 50 },
			],
		},
		{ by: "utm_source", rows: [{ value: "(none)", scans: 1_200, visitors: 300 }], other: 0, total: 1_200 },
	],
};

const charts = (page: string) => [...page.matchAll(/<svg[^>]*>.*?<\/svg>/gs)].map(([svg]) => svg);

/** How long the bars of a colour are, along x or along y: rectangles by lines from their first corner. */
function bars(svg: string, colour: string, along: 0 | 1): number[] {
	return [...svg.matchAll(new RegExp(`<path d="M[^l]*([^"]*)" fill="${colour}"`, "g"))].map(([, lines = ""]) => {
		const steps = lines.match(/-?[\d.]+/g)?.map((step) => Math.abs(Number(step))) ?? [];
		return Math.max(...steps.filter((_, n) => n % 2 === along));
	});
}

/** Each in relation to the longest. */
const shares = (lengths: readonly number[]) => lengths.map((length) => length / Math.max(...lengths));
const close = (numbers: readonly number[]) => numbers.map((number) => expect.closeTo(number, 2));

test("the chart over time has a bar for each hour of the day, as high as what was counted, and visitors within", () => {
	const [series = ""] = charts(reportPage(content));
	const scans = bars(series, COLOURS.bar, 1);
	expect(shares(scans)).toEqual(close(points.map((point) => point.scans / 96)));
	const visitors = bars(series, COLOURS.accent, 1);
	expect(visitors.map((length) => length / Math.max(...scans))).toEqual(close(points.map((one) => one.visitors / 96)));
	expect(series).toContain(">00:00<");
});

test("a breakdown is bars and a table that adds up, and is left out where nobody used it", () => {
	const page = reportPage(content);
	const [, countries = "", ...more] = charts(page);
	expect(more).toEqual([]);
	expect(page).not.toContain("UTM sources");
	const [first = 0, second = 0] = bars(countries, COLOURS.bar, 0);
	expect(first).toBeGreaterThan(second);
	expect(countries).toMatch(/>Germany<.*>France</s);
	const cells = [...page.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = ""]) => row.replaceAll(/<[^>]*>/g, "|"));
	expect(cells.slice(1)).toEqual(["|Germany||700||200|", "|France||350||50|", "|Others||150|||", "|Total||1,200|||"]);
});

test("of more values than are counted apart the table says so", () => {
	const [countries] = content.breakdowns;
	const page = reportPage({ ...content, breakdowns: [{ ...(countries as ReportBreakdown), capped: true }] });
	expect(page).toContain("<td>Others, and values too many to be counted apart</td><td>150</td>");
});

test("figures have their change, and a report of which scans were missing says so", () => {
	const page = reportPage(content);
	expect(page).toMatch(/<dt>Scans<\/dt><dd>1,200 <small>\+50\.0 %<\/small><\/dd>/);
	expect(page).toMatch(/<dt>Visitors<\/dt><dd>300 <small>-25\.0 %<\/small><\/dd>/);
	expect(page).toMatch(/<dt>Bots<\/dt><dd>7<\/dd>/);
	expect(page).not.toContain("Not complete");
	expect(reportPage({ ...content, complete: false })).toContain("Not complete");
});
