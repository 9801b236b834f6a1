/** The periods of reports: local days, weeks from Monday and months, by names that sort and never repeat. */

import type { ReportPeriod } from "../../../contracts/report.ts";
import { startOfDate } from "../../../platform/calendar.ts";

export interface Period {
	/** `2026-11-22`, `2026-W47`, `2026-11`. */
	readonly id: string;
	/** Its first local date, and the first one after it. */
	readonly first: Temporal.PlainDate;
	readonly next: Temporal.PlainDate;
	/** Epoch ms, `[start, end)`. */
	readonly start: number;
	readonly end: number;
}

/** The period that a local date lies in. */
export function periodOf(date: Temporal.PlainDate, period: ReportPeriod, tz: string): Period {
	const first = firstOf(date, period);
	const next = first.add(LENGTHS[period]);
	return { id: NAMES[period](first), first, next, start: startOfDate(first, tz), end: startOfDate(next, tz) };
}

/** The last period that is over. */
export function lastPeriod(period: ReportPeriod, tz: string, now: number): Period {
	const today = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(tz).toPlainDate();
	return periodOf(firstOf(today, period).subtract({ days: 1 }), period, tz);
}

/** The periods that are over, from that of the local date `since` on. */
export function* periodsSince(
	since: Temporal.PlainDate,
	period: ReportPeriod,
	tz: string,
	now: number,
): Generator<Period> {
	for (let one = periodOf(since, period, tz); one.end <= now; one = periodOf(one.next, period, tz)) {
		// A date that a zone left out when it crossed the date line is no period.
		if (one.start < one.end) yield one;
	}
}

const LENGTHS = { daily: { days: 1 }, weekly: { days: 7 }, monthly: { months: 1 } } as const;

const NAMES: Readonly<Record<ReportPeriod, (first: Temporal.PlainDate) => string>> = {
	daily: (first) => first.toString(),
	weekly: ({ yearOfWeek, weekOfYear }) => `${yearOfWeek}-W${String(weekOfYear).padStart(2, "0")}`,
	monthly: (first) => first.toPlainYearMonth().toString(),
};

function firstOf(date: Temporal.PlainDate, period: ReportPeriod): Temporal.PlainDate {
	if (period === "weekly") return date.subtract({ days: date.dayOfWeek - 1 });
	return period === "monthly" ? date.with({ day: 1 }) : date;
}
