/** Local days and months of an organisation, and hours of the open day: which can be closed, which are, and closing them. */

import { hoursOfDay, localDay, startOfDate } from "../../platform/calendar.ts";
import type { Lease } from "../../platform/records/records.ts";
import type { LocalDay, ScanStore } from "../../platform/store/scan-store.ts";

/** What is accepted in a quarter hour has mostly been counted so long after its end, ms. */
const SETTLED_MS = 60_000;
/** An open day with fewer scans is read quickly from its quarter hours. */
const FEWEST_SCANS = 1_000;

/** The first date that can be closed: that of the first scan's month on, but none of which quarters were dropped. */
export function firstDate(first: number, quartersFrom: number, timeZone: string): Temporal.PlainDate {
	const ofMonth = dateOf(first, timeZone).with({ day: 1 });
	const kept = dateOf(quartersFrom, timeZone);
	return latest(ofMonth, startOfDate(kept, timeZone) < quartersFrom ? kept.add({ days: 1 }) : kept);
}

export function* monthsOf(begin: Temporal.PlainDate, end: Temporal.PlainDate): Generator<Temporal.PlainYearMonth> {
	if (Temporal.PlainDate.compare(begin, end) >= 0) return;
	const last = end.subtract({ days: 1 }).toPlainYearMonth();
	for (let month = begin.toPlainYearMonth(); Temporal.PlainYearMonth.compare(month, last) <= 0; ) {
		yield month;
		month = month.add({ months: 1 });
	}
}

/** The month's dates in `[begin, end)`; all of them when absent. */
export function* datesOf(
	month: Temporal.PlainYearMonth,
	begin?: Temporal.PlainDate,
	end?: Temporal.PlainDate,
): Generator<Temporal.PlainDate> {
	for (let day = 1; day <= month.daysInMonth; day++) {
		const date = month.toPlainDate({ day });
		const before = begin && Temporal.PlainDate.compare(date, begin) < 0;
		const after = end && Temporal.PlainDate.compare(date, end) >= 0;
		if (!before && !after) yield date;
	}
}

/** Tells which days and months of an organisation are closed, and closes those that are not. */
export class Closer {
	readonly #store: ScanStore;
	readonly #of: { readonly organisation: string; readonly timeZone: string };

	constructor(store: ScanStore, organisation: string, timeZone: string) {
		this.#store = store;
		this.#of = { organisation, timeZone };
	}

	/** Undefined when it was closed. */
	async closeDay(plainDate: Temporal.PlainDate, lease: Lease): Promise<{ readonly scans: number } | undefined> {
		if (await this.isDayClosed(plainDate)) return undefined;
		const { timeZone } = this.#of;
		const { date, start, end } = localDay(plainDate, timeZone);
		const hours = hoursOfDay(start, end, timeZone);
		return this.#store.closeDay({ ...this.#of, date, hours, end, lease });
	}

	/** What has passed of the open day. Returns how many hours were written. */
	async closeHours(today: Temporal.PlainDate, lease: Lease): Promise<number> {
		const { organisation, timeZone } = this.#of;
		const from = startOfDate(today, timeZone);
		const to = Date.now() - SETTLED_MS;
		return (await this.#store.closeHours({ organisation, from, to, fewest: FEWEST_SCANS, lease })).hours;
	}

	isDayClosed(plainDate: Temporal.PlainDate): Promise<boolean> {
		const { date, start, end } = localDay(plainDate, this.#of.timeZone);
		return this.#store.isClosed({ ...this.#of, kind: "day", name: date, start, end });
	}

	isMonthClosed(month: Temporal.PlainYearMonth): Promise<boolean> {
		const { start } = localDay(month.toPlainDate({ day: 1 }), this.#of.timeZone);
		const { end } = localDay(month.toPlainDate({ day: month.daysInMonth }), this.#of.timeZone);
		return this.#store.isClosed({ ...this.#of, kind: "month", name: month.toString(), start, end });
	}

	/** False when one of its days is not closed. */
	async closeMonth(month: Temporal.PlainYearMonth, lease: Lease): Promise<boolean> {
		const days: LocalDay[] = [...datesOf(month)].map((date) => localDay(date, this.#of.timeZone));
		if (days.some(({ end }) => end > Date.now())) return false;
		const closing = { ...this.#of, month: month.toString(), days, lease };
		return (await this.#store.closeMonth(closing)) !== undefined;
	}
}

/**
 * The first date that begins before an instant (epoch ms), has its quarters still, and is not closed.
 *
 * @param first of the organisation's first scan, epoch ms
 */
export async function firstUnclosed(
	store: ScanStore,
	{ organisation, first }: { readonly organisation: string; readonly first: number },
	timeZone: string,
	before: number,
): Promise<LocalDay | undefined> {
	if (first >= before) return undefined;
	const closer = new Closer(store, organisation, timeZone);
	const begin = latest(dateOf(first, timeZone), firstDate(first, await store.quartersFrom(), timeZone));
	const end = dateOf(before - 1, timeZone).add({ days: 1 });
	for (const month of monthsOf(begin, end)) {
		if (await closer.isMonthClosed(month)) continue;
		for (const date of datesOf(month, begin, end))
			if (!(await closer.isDayClosed(date))) return localDay(date, timeZone);
	}
	return undefined;
}

function dateOf(at: number, timeZone: string): Temporal.PlainDate {
	return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate();
}

function latest(a: Temporal.PlainDate, b: Temporal.PlainDate): Temporal.PlainDate {
	return Temporal.PlainDate.compare(a, b) > 0 ? a : b;
}
