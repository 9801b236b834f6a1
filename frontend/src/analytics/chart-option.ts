/** What ECharts draws of a series: bars, the growing one in full colour, and nothing that competes with them. */
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
	return `${full(bucket.at)}<br>${plural(bucket.scans, "scan")}<br>${plural(bucket.visitors, "visitor")}`;
}
