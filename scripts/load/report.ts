/*
 * A page about one run: what was promised and what was measured, how it went over time, and every figure. It loads and
 * runs nothing. (Artillery makes no page of its own any more.)
 */
import { type ArtilleryReport, figuresOf, type Span } from "./artillery.ts";
import { type Line, lineChart } from "./charts.ts";
import type { Seconds } from "./plan.ts";
import type { Scenario } from "./scenario.ts";
import { type Judged, type Measured, shown } from "./thresholds.ts";

export interface ReportContent {
	readonly scenario: Pick<Scenario, "name" | "about">;
	readonly command: string;
	readonly startedAt: Date;
	readonly judged: readonly Judged[];
	readonly measured: Measured;
	readonly report: ArtilleryReport;
	/** Of a spike: what Artillery does not hold by the second. */
	readonly seconds: Seconds | undefined;
}

/** Lines of the charts: figures of each span, by what they are called on the page. */
const ANSWERS = { served: "answers.served", refused: "answers.refused", forbidden: "answers.forbidden" } as const;
const TIMES = {
	"answers p50": "http.response_time.p50",
	"answers p99": "http.response_time.p99",
	"updates p50": "update_ms.p50",
	"updates p99": "update_ms.p99",
	"reads p99": "read_ms.p99",
} as const;

const STYLE = `
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 56rem; padding: 2.5rem 1.5rem 4rem; background: #fafaf9; color: #1b1b1f;
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { margin: 0; font-size: 1.75rem; } h2 { margin: 2.5rem 0 .75rem; font-size: 1.125rem; }
p { margin: .25rem 0; color: #5f5e66; } code { font: .875em ui-monospace, monospace; }
table { width: 100%; border-collapse: collapse; background: #fff; border: 1px solid #e7e6e3; }
th, td { padding: .4rem .75rem; text-align: left; border-top: 1px solid #e7e6e3; font-variant-numeric: tabular-nums; }
th { color: #5f5e66; font-weight: 500; } td.number { text-align: right; }
.holds { color: #2f7d5b; } .broken { color: #b3261e; font-weight: 600; }
svg { max-width: 100%; height: auto; background: #fff; border: 1px solid #e7e6e3; padding: .75rem; box-sizing: border-box; }
`;

export function reportPage(content: ReportContent): string {
	const { scenario, command, startedAt, judged, measured, report, seconds } = content;
	const broken = judged.filter(({ holds }) => !holds).length;
	const verdict = broken === 0 ? "All thresholds hold." : `${broken} of ${judged.length} thresholds are broken.`;
	const charts = seconds ? chartsOfSeconds(seconds) : chartsOfSpans(report.intermediate);
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Load: ${escaped(scenario.name)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(scenario.name)}</h1>
<p>${escaped(scenario.about)}</p>
<p><code>${escaped(command)}</code>, ${startedAt.toISOString()}</p>
<p class="${broken === 0 ? "holds" : "broken"}">${verdict}</p>
<h2>Thresholds</h2>
<table>
<tr><th>promised</th><th>measured</th><th></th></tr>
${judged.map(row).join("\n")}
</table>
${charts.map(([title, svg]) => `<h2>${escaped(title)}</h2>\n${svg}`).join("\n")}
<h2>Every figure</h2>
<table>
${Object.entries(measured)
	.toSorted(([a], [b]) => a.localeCompare(b))
	.map(([name, value]) => `<tr><td><code>${escaped(name)}</code></td><td class="number">${figure(value)}</td></tr>`)
	.join("\n")}
</table>
</body>
</html>
`;
}

function row(one: Judged): string {
	const value = one.measured === undefined ? "nothing measured" : figure(one.measured);
	const verdict = one.holds ? `<td class="holds">holds</td>` : `<td class="broken">broken</td>`;
	return `<tr><td><code>${escaped(shown(one))}</code></td><td class="number">${value}</td>${verdict}</tr>`;
}

function chartsOfSeconds(seconds: Seconds): [title: string, svg: string][] {
	const at = seconds.map((second) => second.at);
	const line = (name: string, of: (second: Seconds[number]) => number): Line => ({ name, values: seconds.map(of) });
	const counts = [
		line("due", ({ due }) => due),
		line("served", ({ served }) => served),
		line("refused", ({ refused }) => refused),
	];
	const times = [line("p50", ({ p50 }) => p50), line("p99", ({ p99 }) => p99)];
	return [
		["Requests a second", lineChart(at, counts, "/s")],
		["From when a request was due to its answer, of what was served", lineChart(at, times, "ms")],
	];
}

function chartsOfSpans(spans: readonly Span[]): [title: string, svg: string][] {
	const starts = spans.map(({ period }) => Number(period) / 1_000);
	const at = starts.map((start) => start - (starts[0] as number));
	const seconds = (starts[1] ?? 0) - (starts[0] ?? 0) || 1;
	const figures = spans.map(figuresOf);
	const lines = (named: Readonly<Record<string, string>>, per: number): Line[] =>
		Object.entries(named)
			.filter(([, metric]) => figures.some((span) => span[metric]))
			.map(([name, metric]) => ({
				name,
				values: figures.map((span) => (span[metric] === undefined ? undefined : span[metric] / per)),
			}));
	return [
		["Answers a second", lineChart(at, lines(ANSWERS, seconds), "/s")],
		["Times", lineChart(at, lines(TIMES, 1), "ms")],
	];
}

function figure(value: number): string {
	return Number.isInteger(value) ? String(value) : value.toFixed(2);
}

function escaped(text: string): string {
	return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
