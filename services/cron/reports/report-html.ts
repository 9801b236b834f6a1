/**
 * A report as one page that loads nothing and runs nothing: whoever named a code, or scanned it, cannot make it do more.
 * It forbids itself everything else too, for when it is opened from a disk.
 */

import type { ReportBreakdown, ReportContent } from "../../../contracts/report.ts";
import { type Dimension, NONE } from "../../../contracts/scan.ts";
import { COLOURS, seriesChart, valuesChart } from "./report-charts.ts";

const TITLES: Readonly<Record<Dimension, string>> = {
	...{ code: "Codes", placement: "Placements", country: "Countries", region: "Regions", city: "Cities" },
	...{ device: "Devices", os: "Systems", browser: "Browsers", language: "Languages", referrer: "Referrers" },
	...{ source: "Sources", utm_source: "UTM sources", utm_medium: "UTM media", utm_campaign: "UTM campaigns" },
};
const PERIODS = { daily: "Daily report", weekly: "Weekly report", monthly: "Monthly report" } as const;

const STYLE = `
body { margin: 0; background: ${COLOURS.page}; color: ${COLOURS.text}; font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 760px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 24px; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 16px; margin: 36px 0 8px; }
p { margin: 4px 0; color: ${COLOURS.soft}; overflow-wrap: anywhere; }
.note { background: ${COLOURS.warnSoft}; color: ${COLOURS.warn}; padding: 10px 14px; border-radius: 8px; margin: 16px 0; }
dl { display: flex; flex-wrap: wrap; gap: 12px 40px; margin: 24px 0 8px; } dt { color: ${COLOURS.soft}; }
dd { margin: 0; font-size: 26px; font-weight: 600; font-variant-numeric: tabular-nums; }
dd small { font-size: 13px; font-weight: 400; color: ${COLOURS.soft}; }
svg { display: block; width: 100%; height: auto; }
table { width: 100%; table-layout: fixed; border-collapse: collapse; font-size: 14px; } td, th { padding: 5px 8px; text-align: right; }
td:first-child, th:first-child { width: 60%; text-align: left; padding-left: 0; overflow-wrap: anywhere; }
tr + tr td { border-top: 1px solid ${COLOURS.line}; } th { color: ${COLOURS.soft}; font-weight: 400; }
td { font-variant-numeric: tabular-nums; }
`;

/** The whole document. */
export function reportPage(content: ReportContent): string {
	const { report, period, summary, complete, asOf, tz, codes } = content;
	const { previous, change } = summary;
	const title = `${report.name} · ${period.id}`;
	return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<main>
<h1>${report.name}</h1>
<p>${PERIODS[report.period]}, ${period.first === period.last ? period.first : `${period.first} to ${period.last}`} (${tz})</p>
<p>${codes ? `Of ${codes.map(({ id, name }) => name ?? id).join(", ")}` : "Of all codes"}</p>
${complete ? "" : html`<p class="note">Not complete: when this report was made, scans of the period were still on their way.</p>`}
<dl>
${figure("Scans", summary.scans, change?.scans)}
${figure("Visitors", summary.visitors, change?.visitors)}
${figure("Bots", summary.bots)}
${previous ? figure("Scans in the period before", previous.scans) : ""}
</dl>
<h2>Scans by ${content.timeseries.interval}, and in the darker part of each bar the visitors</h2>
${raw(seriesChart(content))}
${content.breakdowns.map(section)}
<p>As of ${asOf}. Bots are counted apart from scans. Made by Scanpulse.</p>
</main>
</body>
</html>
`.text;
}

/** Nothing is shown of what nobody used. */
function section({ by, rows, other, total, capped }: ReportBreakdown): Markup | "" {
	if (rows.length === 0 || (rows.length === 1 && rows[0]?.value === NONE)) return "";
	const labelled = rows.map(({ value, name, scans, visitors }) => ({
		label: name ?? labelOf(by, value),
		scans,
		visitors,
	}));
	return html`<h2>${TITLES[by]}</h2>
${raw(valuesChart(labelled))}
<table>
<tr><th>${TITLES[by]}</th><th>Scans</th><th>Visitors</th></tr>
${labelled.map(({ label, scans, visitors }) => html`<tr><td>${label}</td><td>${whole(scans)}</td><td>${whole(visitors)}</td></tr>\n`)}
${other > 0 ? html`<tr><td>${capped ? "Others, and values too many to be counted apart" : "Others"}</td><td>${whole(other)}</td><td></td></tr>` : ""}
<tr><td>Total</td><td>${whole(total)}</td><td></td></tr>
</table>`;
}

const COUNTRIES = new Intl.DisplayNames("en", { type: "region" });
const LANGUAGES = new Intl.DisplayNames("en", { type: "language" });

function labelOf(by: Dimension, value: string): string {
	if (value === NONE) return "Unknown";
	try {
		if (by === "country") return COUNTRIES.of(value) ?? value;
		return by === "language" ? (LANGUAGES.of(value) ?? value) : value;
	} catch {
		// A value that is no code of either has no name.
		return value;
	}
}

function figure(name: string, count: number, change?: number | null): Markup {
	const percent =
		typeof change === "number" ? html` <small>${change >= 0 ? "+" : ""}${(change * 100).toFixed(1)} %</small>` : "";
	return html`<div><dt>${name}</dt><dd>${whole(count)}${percent}</dd></div>`;
}

function whole(count: number): string {
	return count.toLocaleString("en");
}

/** What is HTML already. */
interface Markup {
	readonly text: string;
}

function raw(text: string): Markup {
	return { text };
}

/** HTML in which everything that is put in is text, unless it is markup. */
function html(parts: TemplateStringsArray, ...values: readonly (string | Markup | readonly (Markup | "")[])[]): Markup {
	const put = (value: (typeof values)[number]): string => {
		if (typeof value === "string") return escapeHtml(value);
		return "text" in value ? value.text : value.map(put).join("");
	};
	return { text: parts.reduce((text, part, index) => text + put(values[index - 1] ?? "") + part) };
}

const ENTITIES: Readonly<Record<string, string>> = {
	...{ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" },
};

function escapeHtml(text: string): string {
	return text.replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}
