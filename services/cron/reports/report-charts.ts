/** The charts of a report as SVG that stands for itself: ECharts draws them without a browser, all text escaped. */

import { BarChart } from "echarts/charts";
import { GridComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { ReportContent } from "../../../contracts/report.ts";

use([BarChart, GridComponent, SVGRenderer]);

export const COLOURS = {
	...{ text: "#1b1b1f", soft: "#5f5e66", faint: "#75747c", line: "#e7e6e3", page: "#fafaf9" },
	...{ bar: "#8e8be6", accent: "#5753c6", warn: "#8a5300", warnSoft: "#fdf3dd" },
} as const;

const FONT = "system-ui, sans-serif";
const WIDTH_PX = 720;
const SERIES_PX = 240;
const BAR_PX = 26;
const LABEL_PX = 180;
/** Longest label of a bar, characters. */
const LABEL_LENGTH = 28;

type Option = Parameters<ReturnType<typeof init>["setOption"]>[0];

/** Scans over time, and the visitors among them. */
export function seriesChart({ timeseries: { interval, points }, tz }: ReportContent): string {
	const local = (at: string) => Temporal.Instant.from(at).toZonedDateTimeISO(tz);
	const name = (at: string) =>
		interval === "hour"
			? `${String(local(at).hour).padStart(2, "0")}:${String(local(at).minute).padStart(2, "0")}`
			: local(at).toPlainDate().toString().slice(5);
	const bars = (field: "scans" | "visitors", color: string) => ({
		...{ type: "bar" as const, silent: true, barGap: "-100%", barMaxWidth: 30, itemStyle: { color } },
		data: points.map((point) => point[field]),
	});
	return draw(SERIES_PX, {
		grid: { left: 48, right: 8, top: 12, bottom: 28 },
		xAxis: {
			...{ type: "category", data: points.map(({ at }) => name(at)), axisTick: { show: false } },
			axisLine: { lineStyle: { color: COLOURS.line } },
			axisLabel: { color: COLOURS.faint, fontSize: 11, hideOverlap: true },
		},
		yAxis: {
			...{ type: "value", minInterval: 1, splitNumber: 3, splitLine: { lineStyle: { color: COLOURS.line } } },
			axisLabel: { color: COLOURS.faint, fontSize: 11 },
		},
		series: [bars("scans", COLOURS.bar), bars("visitors", COLOURS.accent)],
	});
}

/** The largest values of a dimension, largest first. */
export function valuesChart(rows: readonly { readonly label: string; readonly scans: number }[]): string {
	return draw(rows.length * BAR_PX + 8, {
		grid: { left: LABEL_PX, right: 64, top: 4, bottom: 4 },
		xAxis: { type: "value", show: false },
		yAxis: {
			...{ type: "category", inverse: true, data: rows.map(({ label }) => shortened(label)) },
			...{ axisTick: { show: false }, axisLine: { show: false } },
			axisLabel: { color: COLOURS.text, fontSize: 12 },
		},
		series: [
			{
				...{ type: "bar", silent: true, barMaxWidth: 14, itemStyle: { color: COLOURS.bar } },
				label: { show: true, position: "right", color: COLOURS.soft, fontSize: 12 },
				data: rows.map(({ scans }) => scans),
			},
		],
	});
}

function draw(height: number, option: Option): string {
	const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH_PX, height });
	try {
		chart.setOption({ animation: false, textStyle: { fontFamily: FONT }, ...option });
		return chart.renderToSVGString();
	} finally {
		chart.dispose();
	}
}

function shortened(label: string): string {
	const characters = [...label];
	return characters.length > LABEL_LENGTH ? `${characters.slice(0, LABEL_LENGTH - 1).join("")}…` : label;
}
