/**
 * The last half hour of a channel, kept by it and mended from HTTP: at the start, once a minute, when the
 * connection was away, when scans of other minutes were counted, and at the end of a minute that the channel was not
 * followed through. While any minute is unknown there are no bars.
 */
import { type ComputedRef, computed, type MaybeRefOrGetter, toValue, watch } from "vue";
import { countedElsewhere, lastMinutes, type MinuteBar, toldMinutes } from "../analytics/minutes.ts";
import { fetchMinutes } from "../api/analytics.ts";
import type { AnalyticsView } from "../live/analytics-reducer.ts";
import { isStale } from "../live/freshness.ts";
import type { RealTimeAnalytics } from "../live/use-real-time-analytics.ts";
import { useLoad } from "./use-load.ts";

export interface LastMinutes {
	/** undefined while one of them is not known. */
	readonly bars: ComputedRef<readonly MinuteBar[] | undefined>;
	/** The last try to learn them failed; there will be another. */
	readonly failed: ComputedRef<boolean>;
}

const MINUTE_MS = 60_000;
/** Minutes that are not known are asked for this often until they are, ms. */
const RETRY_MS = 2_000;

/** @param code one code; all when undefined */
export function useLastMinutes(
	live: RealTimeAnalytics<AnalyticsView>,
	code: MaybeRefOrGetter<string | undefined>,
): LastMinutes {
	const view = computed(() => live.data.value);
	const stale = computed(() => isStale(live.state.value));
	const { data, problem, loading, reload } = useLoad(
		async (signal) => toldMinutes(await fetchMinutes({ code: toValue(code) }, signal)),
		{
			on: () => toValue(code),
			refreshOn: () => view.value && countedElsewhere(view.value),
			againEveryMs: MINUTE_MS,
		},
	);

	const bars = computed<readonly MinuteBar[] | undefined>((last) => {
		// Of minutes since the last proof nothing is known: the strip stands still with it.
		const now = live.now.value - (stale.value ? (live.age.value ?? 0) : 0);
		const known = view.value && lastMinutes(view.value, data.value, now);
		return stale.value ? (known ?? last) : known;
	});
	// Whatever was asked for while the connection was away may never be answered.
	watch(stale, (away) => {
		if (!away) void reload();
	});
	const missing = computed(() => view.value !== undefined && !stale.value && bars.value === undefined);
	watch(
		() => missing.value && Math.floor(live.now.value / RETRY_MS),
		() => {
			if (missing.value && !loading.value) void reload();
		},
	);
	const failed = computed(() => problem.value !== undefined && !loading.value && bars.value === undefined);
	return { bars, failed };
}
