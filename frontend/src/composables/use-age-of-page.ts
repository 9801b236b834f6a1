/** The true state of everything that the page shows, and how old the oldest of it is. */
import { computed } from "vue";
import { useRealTimeAnalytics } from "../live/use-real-time-analytics.ts";
import { useLive } from "../stores/live.ts";

/** Follows the organisation's channel too, so that a page without numbers of its own also knows whether it is live. */
export function useAgeOfPage() {
	const live = useLive();
	const { now } = useRealTimeAnalytics("org");
	return {
		state: computed(() => live.state),
		age: computed(() => {
			const { state, verifiedAt, behindMs } = live.overview;
			if (verifiedAt === undefined) return undefined;
			// What is counted now was scanned that long ago.
			return Math.max(state === "delayed" ? behindMs : 0, now.value - verifiedAt);
		}),
	};
}
