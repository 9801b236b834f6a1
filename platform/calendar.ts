/**
 * Local days and hours of a time zone as instants (epoch ms), and the buckets of a time series: every bucket that
 * touches a range, in order, by its first instant. Days, weeks and months are local; hours end at a change of the zone's
 * offset too, so that a repeated local hour is two buckets and none mixes two offsets.
 */

import type { Interval } from "../contracts/analytics.ts";
import { CodedError } from "../contracts/errors.ts";

const QUARTER_MS = 15 * 60_000;
const HOUR_MS = 60 * 60_000;
const HOURS_OF_WEEK = 7 * 24;

/**
 * @returns first instants, epoch ms, ascending; the first may lie before `from`
 * @throws `too_broad` when there would be more than `most`
 */
export function bucketStarts(from: number, to: number, interval: Interval, tz: string, most = 10_000): number[] {
	const starts: number[] = [];
	// An empty range touches nothing, wherever in a bucket it lies.
	if (from >= to) return starts;
	for (let at = firstBucket(from, interval, tz); at < to; at = nextBucket(at, interval, tz)) {
		if (starts.length === most) {
			throw new CodedError(
				"too_broad",
				`The range has more than ${most} buckets of one ${interval}: ask for a coarser interval or a shorter range`,
				{
					errors: [
						{
							path: "interval",
							message: `${interval} gives more than ${most} points in this range: expected a coarser one`,
						},
					],
				},
			);
		}
		starts.push(at);
	}
	return starts;
}

/** The first instant after the bucket that an instant lies in, epoch ms. */
export function bucketEnd(at: number, interval: Interval, tz: string): number {
	return nextBucket(firstBucket(at, interval, tz), interval, tz);
}

function firstBucket(from: number, interval: Interval, tz: string): number {
	switch (interval) {
		case "quarter":
			return Math.floor(from / QUARTER_MS) * QUARTER_MS;
		case "hour":
			return startOfHour(from, tz);
		default:
			return startOfDate(firstDate(dateOf(from, tz), interval), tz);
	}
}

function nextBucket(start: number, interval: Interval, tz: string): number {
	switch (interval) {
		case "quarter":
			return start + QUARTER_MS;
		case "hour":
			return endOfHour(start, tz);
		case "day":
			return startOfDate(dateOf(start, tz).add({ days: 1 }), tz);
		case "week":
			return startOfDate(dateOf(start, tz).add({ weeks: 1 }), tz);
		case "month":
			return startOfDate(dateOf(start, tz).add({ months: 1 }), tz);
	}
}

function firstDate(date: Temporal.PlainDate, interval: "day" | "week" | "month"): Temporal.PlainDate {
	if (interval === "week") return date.subtract({ days: date.dayOfWeek - 1 });
	return interval === "month" ? date.with({ day: 1 }) : date;
}

function startOfHour(at: number, tz: string): number {
	const local = zoned(at, tz);
	const sinceHour = local.minute * 60_000 + local.second * 1_000 + local.millisecond;
	const change = zoned(at + 1, tz).getTimeZoneTransition("previous")?.epochMilliseconds ?? Number.NEGATIVE_INFINITY;
	return Math.max(at - sinceHour, change);
}

function endOfHour(start: number, tz: string): number {
	const local = zoned(start, tz);
	const change = local.getTimeZoneTransition("next")?.epochMilliseconds ?? Number.POSITIVE_INFINITY;
	return Math.min(start + HOUR_MS - local.minute * 60_000 - local.second * 1_000, change);
}

function dateOf(at: number, tz: string): Temporal.PlainDate {
	return zoned(at, tz).toPlainDate();
}

function zoned(at: number, tz: string): Temporal.ZonedDateTime {
	return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(tz);
}

/** Local hours of a local day with their hour 0–23, for the counts by hour; a repeated hour appears twice. */
export function hoursOfDay(start: number, end: number, tz: string): { at: number; hour: number }[] {
	return bucketStarts(start, end, "hour", tz).map((at) => ({ at, hour: zoned(at, tz).hour }));
}

/** The local day that an instant lies in, `[start, end)`, epoch ms. */
export function dayOf(at: number, tz: string): { start: number; end: number } {
	const date = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(tz).toPlainDate();
	return { start: startOfDate(date, tz), end: startOfDate(date.add({ days: 1 }), tz) };
}

export function startOfDate(date: Temporal.PlainDate, tz: string): number {
	return date.toZonedDateTime({ timeZone: tz }).epochMilliseconds;
}

/** A local date, `[start, end)`, epoch ms. */
export function localDay(date: Temporal.PlainDate, tz: string): { date: string; start: number; end: number } {
	return { date: date.toString(), start: startOfDate(date, tz), end: startOfDate(date.add({ days: 1 }), tz) };
}

/** Tells the hour of the week, 0 (Monday's first) – 167, that a clock of the zone shows at an instant, epoch ms. */
export function hourOfWeek(tz: string): (at: number) => number {
	// Instants mostly come in order, and offsets stay for months.
	let [from, to, offset] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
	return (at) => {
		if (at < from || at >= to) {
			const local = zoned(at, tz);
			from = zoned(at + 1, tz).getTimeZoneTransition("previous")?.epochMilliseconds ?? Number.NEGATIVE_INFINITY;
			to = local.getTimeZoneTransition("next")?.epochMilliseconds ?? Number.POSITIVE_INFINITY;
			offset = local.offsetNanoseconds / 1_000_000;
		}
		// The epoch began on a Thursday, three days after a Monday.
		const hours = Math.floor((at + offset) / HOUR_MS) + 3 * 24;
		return ((hours % HOURS_OF_WEEK) + HOURS_OF_WEEK) % HOURS_OF_WEEK;
	};
}
