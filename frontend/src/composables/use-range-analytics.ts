/**
 * Everything a range shows: its buckets, its sums and how they compare with the period before, kept live by the channel
 * and mended from HTTP once a minute and whenever the channel was away. That a quarter hour ends is no reason to ask, which
 * all screens would have at once: what was known of the day when it ended tells its amount until the next time.
 */
import { computed, type MaybeRefOrGetter, shallowRef, toValue, watch } from "vue";
import { dateIn, type Range, rangeQuery } from "../analytics/range.ts";
import { type Beginning, growth, presentQuarter, sumOf, weave, withDestinations } from "../analytics/series.ts";
import { fetchSummary, fetchTimeSeries } from "../api/analytics.ts";
import type { AnalyticsView } from "../live/analytics-reducer.ts";
import type { RealTimeAnalytics } from "../live/use-real-time-analytics.ts";
import { useLoad } from "./use-load.ts";

export interface RangeAnalyticsOptions {
	readonly range: MaybeRefOrGetter<Range>;
	readonly timeZone: MaybeRefOrGetter<string>;
	/** One code; all when undefined. */
	readonly code?: MaybeRefOrGetter<string | undefined>;
	/** When that code was last edited, ISO. */
	readonly editedAt?: MaybeRefOrGetter<string | undefined>;
	readonly live: RealTimeAnalytics<AnalyticsView>;
}

const MENDING_MS = 60_000;

export function useRangeAnalytics(options: RangeAnalyticsOptions) {
	const { live } = options;
	const today = computed(() => dateIn(toValue(options.timeZone), live.now.value));
	const query = computed(() => rangeQuery(toValue(options.range), today.value));
	const scope = computed(() => ({ code: toValue(options.code), from: query.value.from }));
	const editedToday = computed(() => {
		const at = toValue(options.editedAt);
		return at !== undefined && dateIn(toValue(options.timeZone), Date.parse(at)) === today.value;
	});

	const { data, problem, loading, reload } = useLoad(
		async (signal) => {
			const asked = query.value;
			const { code } = scope.value;
			const to = asked.interval === "quarter" ? undefined : asked.today;
			const [summary, series, ofToday] = await Promise.all([
				fetchSummary(scope.value, signal),
				fetchTimeSeries({ ...scope.value, to }, asked.interval, signal),
				// Today's edits are not in a history that ends before today.
				to && editedToday.value ? fetchTimeSeries({ code, from: to }, asked.interval, signal) : undefined,
			]);
			// Among edits of many codes nobody would know whose they are.
			const edits = code === undefined ? [] : [...series.annotations, ...(ofToday?.annotations ?? [])];
			return { asked, summary, points: series.points, edits };
		},
		{
			on: () => `${scope.value.code} ${query.value.interval} ${scope.value.from} ${today.value}`,
			refreshOn: () => `${live.state.value === "live"} ${toValue(options.editedAt)}`,
			everyMs: 1_000,
			againEveryMs: MENDING_MS,
		},
	);

	const began = shallowRef<Beginning>();
	watch(
		() => presentQuarter(live.now.value),
		(at) => {
			const today = live.data.value?.today;
			began.value = today && { at, today };
		},
	);

	const buckets = computed(() => {
		if (!data.value) return undefined;
		const { asked, summary, points, edits } = data.value;
		const timeZone = toValue(options.timeZone);
		const past = sumOf(points);
		const untilNow = { scans: summary.scans - past.scans, visitors: summary.visitors - past.visitors };
		const presentDay = live.data.value?.today ?? (asked.interval === "quarter" ? summary : untilNow);
		const before = began.value && Date.parse(summary.asOf) < began.value.at ? began.value : undefined;
		const woven = weave(asked, timeZone, points, { now: live.now.value, today: presentDay, before });
		return withDestinations(woven, asked.interval, timeZone, edits);
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
