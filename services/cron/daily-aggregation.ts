/**
 * `run_daily_aggregation`: closes each organisation's days, in its time zone, from the quarter hours, its months from
 * their days, and what has passed of the day that is open, hour by hour. What is closed and unchanged is left alone, so
 * that a run after a crash goes on where the last one stopped, and a late scan makes exactly its own hour, day and month
 * anew. After a change of the time zone days and months are, as far as quarter hours reach.
 */

import { CodedError } from "../../contracts/errors.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import { Closer, datesOf, firstDate, monthsOf } from "./closer.ts";
import type { JobContext } from "./runner.ts";

export interface AggregationReport {
	readonly organisations: number;
	readonly days: number;
	readonly months: number;
	/** Of open days. */
	readonly hours: number;
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
	let hours = 0;
	let scans = 0;
	const organisations = await store.organisations();
	const report = () => ({ organisations: organisations.length, days, months, hours, scans });
	const quartersFrom = await store.quartersFrom();
	for (const { organisation, first } of organisations) {
		const timeZone = await timeZoneOf(organisation);
		const closer = new Closer(store, organisation, timeZone);
		const earliest = firstDate(first, quartersFrom, timeZone);
		const begin = from && Temporal.PlainDate.compare(from, earliest) > 0 ? from : earliest;
		const today = Temporal.Now.plainDateISO(timeZone);
		const end = to && Temporal.PlainDate.compare(to, today) < 0 ? to : today;
		for (const month of monthsOf(begin, end)) {
			if (signal.aborted) return report();
			if (await closer.isMonthClosed(month)) continue;
			for (const date of datesOf(month, begin, end)) {
				if (signal.aborted) return report();
				const closed = await closer.closeDay(date, lease);
				if (!closed) continue;
				days++;
				scans += closed.scans;
			}
			if (await closer.closeMonth(month, lease)) months++;
		}
		if (signal.aborted) return report();
		if (Temporal.PlainDate.compare(end, today) === 0) hours += await closer.closeHours(today, lease);
	}
	return report();
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
