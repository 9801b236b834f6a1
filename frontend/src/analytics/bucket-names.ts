/** How a chart names its buckets, on the axis and in full. */
import type { Interval } from "../../../contracts/analytics.ts";

export interface BucketNames {
	/** Short, for the axis. */
	axis(at: number): string;
	/** In full, for what is shown of one bucket. */
	full(at: number): string;
}

/** Names for buckets of an interval; dates are written in UTC because that is how buckets of days carry them. */
export function bucketNames(interval: Interval, timeZone: string): BucketNames {
	if (interval === "quarter" || interval === "hour") {
		const time = new Intl.DateTimeFormat(undefined, { timeZone, hour: "2-digit", minute: "2-digit" });
		const length = interval === "quarter" ? 15 * 60_000 : 60 * 60_000;
		return { axis: (at) => time.format(at), full: (at) => `${time.format(at)} – ${time.format(at + length)}` };
	}
	if (interval === "month") {
		const month = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", month: "short" });
		const full = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", month: "long", year: "numeric" });
		return { axis: (at) => month.format(at), full: (at) => full.format(at) };
	}
	const date = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", month: "short", day: "numeric" });
	const full = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", weekday: "long", month: "long", day: "numeric" });
	return { axis: (at) => date.format(at), full: (at) => full.format(at) };
}
