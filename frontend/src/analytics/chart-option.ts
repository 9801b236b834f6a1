/**
 * What ECharts draws of a series: bars, the growing one in full colour, and nothing that competes with them. A fine line
 * stands where the code's destination was changed.
 */
import { format } from "echarts/core";
import type { Interval } from "../../../contracts/analytics.ts";
import type { Palette } from "../composables/use-palette.ts";
import { short, whole } from "../format.ts";
import { bucketNames } from "./bucket-names.ts";
import type { Amount, Bucket } from "./series.ts";

export interface ChartInput {
	readonly buckets: readonly Bucket[];
	readonly metric: keyof Amount;
	readonly interval: Interval;
	readonly timeZone: string;
	readonly palette: Palette;
	/** The numbers are not those of now: the chart is drawn without its accent. */
	readonly stale: boolean;
}

/** So many changed destinations of a bucket are named, the newest ones, and so much of each. */
const NAMED_DESTINATIONS = 3;
const NAMED_CHARACTERS = 60;
/** Grid lines below this value would fall between whole scans. */
const SMALLEST_STEP = 1;

export function chartOption({ buckets, metric, interval, timeZone, palette, stale }: ChartInput) {
	const names = bucketNames(interval, timeZone);
	const bar = stale ? palette["line-strong"] : palette["accent-bar"];
	const growing = stale ? palette["line-strong"] : palette.accent;
	return {
		animation: false,
		grid: { left: 4, right: 4, top: 12, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
		xAxis: {
			type: "category",
			data: buckets.map(({ at }) => names.axis(at)),
			axisTick: { show: false },
			axisLine: { lineStyle: { color: palette.line } },
			axisLabel: {
				color: palette["text-faint"],
				fontSize: 11,
				hideOverlap: true,
				interval: labelEvery(interval, buckets.length),
			},
		},
		yAxis: {
			type: "value",
			minInterval: SMALLEST_STEP,
			splitNumber: 3,
			axisLabel: { color: palette["text-faint"], fontSize: 11, formatter: short },
			splitLine: { lineStyle: { color: palette.line } },
		},
		tooltip: {
			trigger: "axis",
			axisPointer: { type: "shadow", shadowStyle: { color: palette["text-faint"], opacity: 0.08 } },
			backgroundColor: palette.surface,
			borderColor: palette.line,
			padding: [8, 12],
			confine: true,
			extraCssText: "max-width: min(380px, 80vw); white-space: normal; overflow-wrap: anywhere",
			textStyle: { color: palette.text, fontSize: 13 },
			formatter: (params: readonly { dataIndex: number }[]) => tooltip(buckets[params[0]?.dataIndex ?? -1], names.full),
		},
		series: [
			{
				type: "bar",
				barCategoryGap: buckets.length > 40 ? "25%" : "35%",
				barMaxWidth: 44,
				data: buckets.map((bucket) => ({
					value: bucket.future ? null : bucket[metric],
					itemStyle: { color: bucket.current ? growing : bar, borderRadius: [3, 3, 0, 0] },
				})),
				markLine: {
					animation: false,
					silent: true,
					symbol: ["none", "circle"],
					symbolSize: 6,
					label: { show: false },
					lineStyle: { color: palette["text-soft"], type: "dashed", width: 1 },
					data: buckets.flatMap(({ destinations }, index) => (destinations ? [{ xAxis: index }] : [])),
				},
			},
		],
	};
}

/** A day of quarter hours is labelled every third hour; for the rest the chart finds what fits. */
function labelEvery(interval: Interval, length: number): number | "auto" {
	if (interval === "quarter") return 11;
	return length > 15 ? "auto" : 0;
}

function tooltip(bucket: Bucket | undefined, full: (at: number) => string): string {
	if (!bucket || bucket.future) return "";
	const plural = (n: number, noun: string) => `<b>${whole(n)}</b> ${noun}${n === 1 ? "" : "s"}`;
	const lines = [full(bucket.at), plural(bucket.scans, "scan"), plural(bucket.visitors, "visitor")];
	return [...lines, ...changes(bucket.destinations ?? [])].join("<br>");
}

/** Anybody who may edit a code writes these addresses, and a tooltip is HTML. */
function changes(destinations: readonly string[]): string[] {
	const more = destinations.length - NAMED_DESTINATIONS;
	return [
		...(more > 0 ? [`Destination changed ${whole(more)} more time${more === 1 ? "" : "s"} before`] : []),
		...destinations.slice(-NAMED_DESTINATIONS).map((url) => {
			const named = url.length > NAMED_CHARACTERS ? `${url.slice(0, NAMED_CHARACTERS)}…` : url;
			return `Destination changed to <b>${format.encodeHTML(named)}</b>`;
		}),
	];
}
