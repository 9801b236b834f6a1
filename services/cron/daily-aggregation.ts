/**
 * `run_daily_aggregation`: closes each organisation's days, in its time zone, from the quarter hours, and its months from
 * their days. What is closed and unchanged is left alone, so that a run after a crash goes on where the last one stopped,
 * and a late scan makes exactly its own day and month anew. After a change of the time zone everything is, as far as
 * quarter hours reach.
 */

import { CodedError } from "../../contracts/errors.ts";
import { hoursOfDay, localDay, startOfDate } from "../../platform/calendar.ts";
import type { Lease } from "../../platform/records/records.ts";
import type { LocalDay, ScanStore } from "../../platform/store/scan-store.ts";
import type { JobContext } from "./runner.ts";

export interface AggregationReport {
	readonly organisations: number;
	readonly days: number;
	readonly months: number;
	/** Of the days that were closed. */
	readonly scans: number;
}

export interface AggregationOptions {
	readonly store: ScanStore;
	/** The organisation's IANA time zone. */
	timeZoneOf(organisation: string): Promise<string>;
}

/**
 * @param params `from`, `to`: local dates, `[from, to)`; from the month of the first scan to yesterday when absent
 * @throws `invalid` when a parameter is no date
 */
export async function aggregateDays(
	{ store, timeZoneOf }: AggregationOptions,
	{ params, lease, signal }: JobContext,
): Promise<AggregationReport> {
	const from = dateParameter("from", params.from);
	const to = dateParameter("to", params.to);
	let days = 0;
	let months = 0;
	let scans = 0;
	const organisations = await store.organisations();
	const report = () => ({ organisations: organisations.length, days, months, scans });
	const quartersFrom = await store.quartersFrom();
	for (const { organisation, first } of organisations) {
		const timeZone = await timeZoneOf(organisation);
		const closer = new Closer(store, organisation, timeZone, lease);
		const begin = latest(from ?? EARLIEST, firstDate(first, quartersFrom, timeZone));
		const today = Temporal.Now.plainDateISO(timeZone);
		const end = to && Temporal.PlainDate.compare(to, today) < 0 ? to : today;
		for (const month of monthsOf(begin, end)) {
			if (signal.aborted) return report();
			if (await closer.isMonthClosed(month)) continue;
			for (const date of datesOf(month, begin, end)) {
				if (signal.aborted) return report();
				const closed = await closer.closeDay(date);
				if (!closed) continue;
				days++;
				scans += closed.scans;
			}
			if (await closer.closeMonth(month)) months++;
		}
	}
	return report();
}

const EARLIEST = Temporal.PlainDate.from("1970-01-01");

/** The first date that can be closed: that of the first scan's month on, but none of which quarters were dropped. */
function firstDate(first: number, quartersFrom: number, timeZone: string): Temporal.PlainDate {
	const dateOf = (at: number) => Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate();
	const ofMonth = dateOf(first).with({ day: 1 });
	const kept = dateOf(quartersFrom);
	return latest(ofMonth, startOfDate(kept, timeZone) < quartersFrom ? kept.add({ days: 1 }) : kept);
}

function* monthsOf(begin: Temporal.PlainDate, end: Temporal.PlainDate): Generator<Temporal.PlainYearMonth> {
	if (Temporal.PlainDate.compare(begin, end) >= 0) return;
	const last = end.subtract({ days: 1 }).toPlainYearMonth();
	for (let month = begin.toPlainYearMonth(); Temporal.PlainYearMonth.compare(month, last) <= 0; ) {
		yield month;
		month = month.add({ months: 1 });
	}
}

/** The month's dates in `[begin, end)`; all of them when absent. */
function* datesOf(
	month: Temporal.PlainYearMonth,
	begin: Temporal.PlainDate = EARLIEST,
	end?: Temporal.PlainDate,
): Generator<Temporal.PlainDate> {
	for (let day = 1; day <= month.daysInMonth; day++) {
		const date = month.toPlainDate({ day });
		if (Temporal.PlainDate.compare(date, begin) < 0 || (end && Temporal.PlainDate.compare(date, end) >= 0)) continue;
		yield date;
	}
}

/** Closes the days and months of an organisation that are not closed. */
class Closer {
	readonly #store: ScanStore;
	readonly #of: { readonly organisation: string; readonly timeZone: string };
	readonly #lease: Lease;

	constructor(store: ScanStore, organisation: string, timeZone: string, lease: Lease) {
		this.#store = store;
		this.#of = { organisation, timeZone };
		this.#lease = lease;
	}

	/** Undefined when it was closed. */
	async closeDay(plainDate: Temporal.PlainDate): Promise<{ readonly scans: number } | undefined> {
		const { timeZone } = this.#of;
		const { date, start, end } = localDay(plainDate, timeZone);
		if (await this.#store.isClosed({ ...this.#of, kind: "day", name: date, start, end })) return undefined;
		const hours = hoursOfDay(start, end, timeZone);
		return this.#store.closeDay({ ...this.#of, date, hours, end, lease: this.#lease });
	}

	isMonthClosed(month: Temporal.PlainYearMonth): Promise<boolean> {
		const { start } = localDay(month.toPlainDate({ day: 1 }), this.#of.timeZone);
		const { end } = localDay(month.toPlainDate({ day: month.daysInMonth }), this.#of.timeZone);
		return this.#store.isClosed({ ...this.#of, kind: "month", name: month.toString(), start, end });
	}

	/** False when one of its days is not closed. */
	async closeMonth(month: Temporal.PlainYearMonth): Promise<boolean> {
		const days: LocalDay[] = [...datesOf(month)].map((date) => localDay(date, this.#of.timeZone));
		if (days.some(({ end }) => end > Date.now())) return false;
		const closing = { ...this.#of, month: month.toString(), days, lease: this.#lease };
		return (await this.#store.closeMonth(closing)) !== undefined;
	}
}

function latest(a: Temporal.PlainDate, b: Temporal.PlainDate): Temporal.PlainDate {
	return Temporal.PlainDate.compare(a, b) > 0 ? a : b;
}

/** @throws `invalid` naming the parameter */
export function dateParameter(name: string, value: unknown): Temporal.PlainDate | undefined {
	if (value === undefined) return undefined;
	try {
		if (typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value))
			return Temporal.PlainDate.from(value, { overflow: "reject" });
	} catch {
		// Said below, with what came.
	}
	const message = `${JSON.stringify(value)}: expected a date such as 2026-11-23`;
	throw new CodedError("invalid", `${name}: ${message}`, { errors: [{ path: name, message }] });
}
