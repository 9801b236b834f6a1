/* Lines over time as SVG that stands for itself: ECharts draws them without a browser, all text escaped. */
import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([LineChart, GridComponent, LegendComponent, SVGRenderer]);

export interface Line {
	readonly name: string;
	/** Of each instant; undefined where nothing was measured. */
	readonly values: readonly (number | undefined)[];
}

const WIDTH_PX = 860;
const HEIGHT_PX = 260;
const COLOURS = ["#5753c6", "#d9822b", "#b3261e", "#2f7d5b", "#75747c"];
const SOFT = "#5f5e66";
const RULE = "#e7e6e3";

/** @param at seconds since the load began, of each value */
export function lineChart(at: readonly number[], lines: readonly Line[], unit: string): string {
	const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH_PX, height: HEIGHT_PX });
	try {
		chart.setOption({
			...{ animation: false, color: COLOURS, textStyle: { fontFamily: "system-ui, sans-serif" } },
			grid: { left: 64, right: 16, top: 36, bottom: 32 },
			legend: { top: 0, left: 0, icon: "roundRect", itemHeight: 4, textStyle: { color: SOFT } },
			xAxis: {
				...{ type: "category", boundaryGap: false, data: at.map((second) => `${Math.round(second)} s`) },
				axisLabel: { color: SOFT, fontSize: 11, hideOverlap: true },
			},
			yAxis: {
				...{ type: "value", name: unit, nameTextStyle: { color: SOFT }, splitNumber: 4 },
				...{ axisLabel: { color: SOFT, fontSize: 11 }, splitLine: { lineStyle: { color: RULE } } },
			},
			series: lines.map(({ name, values }) => ({
				...{ name, type: "line" as const, showSymbol: false, silent: true, lineStyle: { width: 2 } },
				data: values.map((value) => (value === undefined || Number.isNaN(value) ? null : value)),
			})),
		});
		return chart.renderToSVGString();
	} finally {
		chart.dispose();
	}
}
