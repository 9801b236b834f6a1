/**
 * `run_daily_aggregation`: closes each organisation's days, in its time zone, from the quarter hours. Days that are
 * closed and unchanged are left alone, so that a run after a crash goes on where the last one stopped, and a late scan
 * makes exactly its own day anew.
 */

import { CodedError } from "../../contracts/errors.ts";
import { hoursOfDay, startOfDate } from "../../platform/calendar.ts";
import type { Lease } from "../../platform/records/records.ts";
import { QUARTERS_LIVE_DAYS } from "../../platform/store/quarters.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import type { JobContext } from "./runner.ts";

export interface AggregationReport {
	readonly organisations: number;
	readonly days: number;
	readonly scans: number;
}

export interface AggregationOptions {
	readonly store: ScanStore;
	/** The organisation's IANA time zone. */
	timeZoneOf(organisation: string): Promise<string>;
}

/**
 * @param params `from`, `to`: local dates, `[from, to)`; from the first scan to yesterday when absent
 * @throws `invalid` when a parameter is no date
 */
export async function aggregateDays(
	options: AggregationOptions,
	{ params, lease, signal }: JobContext,
): Promise<AggregationReport> {
	const from = dateParameter("from", params.from);
	const to = dateParameter("to", params.to);
	let days = 0;
	let scans = 0;
	const organisations = await options.store.organisations();
	for (const { organisation, first } of organisations) {
		const tz = await options.timeZoneOf(organisation);
		for (const date of datesToClose(tz, first, from, to)) {
			if (signal.aborted) return { organisations: organisations.length, days, scans };
			const closed = await closeIfOpen(options.store, organisation, date, tz, lease);
			if (!closed) continue;
			days++;
			scans += closed.scans;
		}
	}
	return { organisations: organisations.length, days, scans };
}

function* datesToClose(
	tz: string,
	first: number,
	from?: Temporal.PlainDate,
	to?: Temporal.PlainDate,
): Generator<Temporal.PlainDate> {
	const today = Temporal.Now.plainDateISO(tz);
	const earliest = latest(
		Temporal.Instant.fromEpochMilliseconds(first).toZonedDateTimeISO(tz).toPlainDate(),
		// An older day cannot be made anew: its quarters are gone.
		today.subtract({ days: QUARTERS_LIVE_DAYS }),
	);
	const begin = from ? latest(from, earliest) : earliest;
	const end = to && Temporal.PlainDate.compare(to, today) < 0 ? to : today;
	for (let date = begin; Temporal.PlainDate.compare(date, end) < 0; date = date.add({ days: 1 })) yield date;
}

async function closeIfOpen(store: ScanStore, organisation: string, date: Temporal.PlainDate, tz: string, lease: Lease) {
	const start = startOfDate(date, tz);
	const end = startOfDate(date.add({ days: 1 }), tz);
	if (await store.isDayClosed(organisation, date.toString(), start, end)) return undefined;
	return store.closeDay({ organisation, date: date.toString(), hours: hoursOfDay(start, end, tz), end, lease });
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
