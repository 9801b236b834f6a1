/**
 * Everything a range shows: its buckets, its sums and how they compare with the period before, kept live by the channel
 * and mended from HTTP: once a minute, when a bucket has ended, and whenever the channel was away.
 */
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { dateIn, type Range, rangeQuery } from "../analytics/range.ts";
import { growth, presentQuarter, sumOf, weave } from "../analytics/series.ts";
import { fetchSummary, fetchTimeSeries } from "../api/analytics.ts";
import type { AnalyticsView } from "../live/analytics-reducer.ts";
import type { RealTimeAnalytics } from "../live/use-real-time-analytics.ts";
import { useLoad } from "./use-load.ts";

export interface RangeAnalyticsOptions {
	readonly range: MaybeRefOrGetter<Range>;
	readonly timeZone: MaybeRefOrGetter<string>;
	/** One code; all when undefined. */
	readonly code?: MaybeRefOrGetter<string | undefined>;
	readonly live: RealTimeAnalytics<AnalyticsView>;
}

const MENDING_MS = 60_000;

export function useRangeAnalytics(options: RangeAnalyticsOptions) {
	const { live } = options;
	const today = computed(() => dateIn(toValue(options.timeZone), live.now.value));
	const query = computed(() => rangeQuery(toValue(options.range), today.value));
	const scope = computed(() => ({ code: toValue(options.code), from: query.value.from }));

	const { data, problem, loading, reload } = useLoad(
		async (signal) => {
			const asked = query.value;
			const to = asked.interval === "quarter" ? undefined : asked.today;
			const [summary, series] = await Promise.all([
				fetchSummary(scope.value, signal),
				fetchTimeSeries({ ...scope.value, to }, asked.interval, signal),
			]);
			return { asked, summary, points: series.points };
		},
		{
			on: () => `${scope.value.code} ${query.value.interval} ${scope.value.from} ${today.value}`,
			// What was counted since the last time belongs to the quarter hour that has ended. Days ending is another question.
			refreshOn: () =>
				[query.value.interval === "quarter" && presentQuarter(live.now.value), live.state.value === "live"].join(),
			everyMs: 1_000,
			againEveryMs: MENDING_MS,
		},
	);

	const buckets = computed(() => {
		if (!data.value) return undefined;
		const { asked, summary, points } = data.value;
		const past = sumOf(points);
		const untilNow = { scans: summary.scans - past.scans, visitors: summary.visitors - past.visitors };
		const presentDay = live.data.value?.today ?? (asked.interval === "quarter" ? summary : untilNow);
		return weave(asked, toValue(options.timeZone), points, presentDay, live.now.value);
	});

	const totals = computed(() => {
		if (!data.value || !buckets.value) return undefined;
		const sum = sumOf(buckets.value);
		const past = data.value.summary.previous;
		// Of what is not held whole any more nobody can tell how it grew.
		const previous = past?.coverage ? undefined : past;
		return {
			...sum,
			change: { scans: growth(sum.scans, previous?.scans), visitors: growth(sum.visitors, previous?.visitors) },
		};
	});

	return { scope, interval: computed(() => query.value.interval), buckets, totals, problem, loading, reload };
}
