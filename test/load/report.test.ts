import { expect, test } from "vitest";
import { figuresOf } from "../../scripts/load/artillery.ts";
import { quantile, type SecondOf } from "../../scripts/load/lean-load.ts";
import { type ReportContent, reportPage } from "../../scripts/load/report.ts";
import { backlogSeconds, recoverySeconds } from "../../scripts/load/spike.ts";
import { judge, readThreshold } from "../../scripts/load/thresholds.ts";

const span = (period: number, served: number, p99: number) => ({
	period,
	counters: { "answers.served": served },
	rates: {},
	summaries: { update_ms: { p50: p99 / 2, p99 } },
});
const whole = span(0, 30, 40);

function content(over: Partial<ReportContent> = {}): ReportContent {
	const measured = figuresOf(whole);
	return {
		scenario: { name: "dashboards", about: "People <who> look" },
		command: "npm run load -- dashboards --ensure 'update_ms.p99<1'",
		startedAt: new Date("2026-01-02T03:04:05Z"),
		judged: judge([readThreshold("update_ms.p99 < 100"), readThreshold("update_ms.p99 < 1")], measured),
		measured,
		report: { aggregate: whole, intermediate: [span(0, 10, 30), span(5_000, 20, 40)] },
		seconds: undefined,
		...over,
	};
}

test("the page says what was promised, what was measured, and what is broken", () => {
	const page = reportPage(content());
	expect(page).toContain("1 of 2 thresholds are broken.");
	expect(page).toContain('<td><code>update_ms.p99 &#60; 1</code></td><td class="number">40</td><td class="broken">');
	expect(page).toContain("npm run load -- dashboards --ensure");
	expect(page).toContain("2026-01-02T03:04:05.000Z");
});

test("the page draws how it went, and loads and runs nothing", () => {
	const page = reportPage(content());
	expect(page.match(/<svg /g)).toHaveLength(2);
	expect(page).toContain("updates p99");
	expect(page).not.toMatch(/<script|<link|src=|url\((?!#)/);
	expect(page).toContain("People &#60;who&#62; look");
});

test("the page about a spike draws it by the second", () => {
	const second = (at: number, phase: string): SecondOf => ({
		at,
		phase,
		due: 10,
		served: 8,
		refused: 2,
		p50: 3,
		p99: 9,
	});
	const page = reportPage(content({ seconds: [second(0, "capacity"), second(1, "spike")] }));
	expect(page).toContain("Requests a second");
	expect(page).toContain("refused");
});

test("figures have the names that thresholds use", () => {
	expect(figuresOf(whole)).toEqual({ "answers.served": 30, "update_ms.p50": 20, "update_ms.p99": 40 });
});

test("a spike is over with the first of three seconds in a row that are as before", () => {
	const second = (phase: string, served: number, p99: number, at: number): SecondOf => ({
		...{ at, phase, due: 100, served, refused: 100 - served, p50: p99 / 2, p99 },
	});
	const after = (...seconds: [served: number, p99: number][]) =>
		recoverySeconds(
			[second("spike", 10, 900, 0), ...seconds.map(([n, p99], at) => second("afterwards", n, p99, at))],
			50,
		);
	expect(after([100, 40], [99, 60], [100, 100])).toBe(0);
	expect(after([50, 40], [100, 300], [100, 40], [100, 40], [100, 40])).toBe(2);
	expect(after([100, 40], [100, 40], [50, 40], [100, 40])).toBe(4);
});

test("what waits to be counted is as before from the first look that finds no more than a second's worth", () => {
	const looks = [40, 9_000, 3_000, 90, 500].map((scans, at) => ({ at: 1_000 * at, scans }));
	expect(backlogSeconds(looks, 1_500, 100)).toBe(1.5);
	expect(backlogSeconds(looks, 0, 100)).toBe(0);
	expect(backlogSeconds(looks, 1_500, 10)).toBe(2.5);
	expect(backlogSeconds(looks, 5_000, 100)).toBe(Number.POSITIVE_INFINITY);
});

test("a quantile of nothing is no number", () => {
	expect(quantile([], 0.99)).toBeNaN();
	expect(quantile([3, 1, 2], 0.5)).toBe(2);
});
