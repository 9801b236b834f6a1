/** The ranges a screen can show, as dates in the organisation's time zone. Dates are `YYYY-MM-DD`. */
import type { Interval } from "../../../contracts/analytics.ts";

export const RANGES = ["today", "7d", "30d", "12m"] as const;
export type Range = (typeof RANGES)[number];

export const RANGE_NAMES: Readonly<Record<Range, string>> = {
	today: "Today",
	"7d": "7 days",
	"30d": "30 days",
	"12m": "12 months",
};

export interface RangeQuery {
	readonly interval: Interval;
	/** First date of the range. */
	readonly from: string;
	/** The present date: not part of the history that is asked for, except in the range of today. */
	readonly today: string;
}

/** Making a format costs far more than using one, and charts ask for the same zone at every update. */
const dateFormats = new Map<string, Intl.DateTimeFormat>();

/** The date that it is at an instant (epoch ms) in a time zone. */
export function dateIn(timeZone: string, at: number): string {
	let format = dateFormats.get(timeZone);
	if (!format) {
		// The Swedish way to write a date is the ISO way.
		format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" });
		dateFormats.set(timeZone, format);
	}
	return format.format(at);
}

export function addDays(date: string, days: number): string {
	const at = new Date(`${date}T00:00:00Z`);
	at.setUTCDate(at.getUTCDate() + days);
	return at.toISOString().slice(0, 10);
}

/** First date of the month that is `months` before that of `date`. */
export function monthsBefore(date: string, months: number): string {
	const at = new Date(`${date.slice(0, 7)}-01T00:00:00Z`);
	at.setUTCMonth(at.getUTCMonth() - months);
	return at.toISOString().slice(0, 10);
}

/** What to ask for to show `range` on the date `today`. */
export function rangeQuery(range: Range, today: string): RangeQuery {
	if (range === "today") return { interval: "quarter", from: today, today };
	if (range === "12m") return { interval: "month", from: monthsBefore(today, 11), today };
	return { interval: "day", from: addDays(today, range === "7d" ? -6 : -29), today };
}
