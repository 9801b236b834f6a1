/** The last minutes as bars: what the live channel saw, what the feed proves for the time before, and what is unknown. */
import type { FeedScan } from "../../../contracts/scan.ts";
import { type AnalyticsView, REMEMBERED_MINUTES } from "../live/analytics-reducer.ts";
import { FEED_LENGTH } from "../live/feed-reducer.ts";

const MINUTE_MS = 60_000;

export interface MinuteBar {
	/** Epoch ms of the minute's first instant. */
	readonly at: number;
	/** undefined: nobody was watching. */
	readonly scans: number | undefined;
}

/**
 * The last minutes, oldest first, the present one included. A feed that is not full shows every scan there was, and a full
 * one every scan since its oldest: minutes before the page was opened are counted from it as far as it reaches.
 */
export function lastMinutes(
	view: AnalyticsView,
	feed: readonly FeedScan[] | undefined,
	now: number,
): readonly MinuteBar[] {
	const present = Math.floor(now / MINUTE_MS) * MINUTE_MS;
	const heard = new Map(view.minutes.map(({ at, scans }) => [at, scans]));
	const reach = feed === undefined ? Number.POSITIVE_INFINITY : reachOf(feed);
	const counted = new Map<number, number>();
	for (const scan of feed ?? []) {
		if (scan.bot) continue;
		const at = Math.floor(Date.parse(scan.at) / MINUTE_MS) * MINUTE_MS;
		counted.set(at, (counted.get(at) ?? 0) + 1);
	}
	return Array.from({ length: REMEMBERED_MINUTES }, (_, index) => {
		const at = present - (REMEMBERED_MINUTES - 1 - index) * MINUTE_MS;
		if (at >= view.minutesSince) return { at, scans: heard.get(at) ?? 0 };
		return { at, scans: at > reach ? (counted.get(at) ?? 0) : undefined };
	});
}

/** The instant since which a feed shows every scan. */
function reachOf(feed: readonly FeedScan[]): number {
	const oldest = feed.at(-1);
	return feed.length < FEED_LENGTH || !oldest ? Number.NEGATIVE_INFINITY : Date.parse(oldest.at);
}
