/**
 * From what a client asked to instants: dates are read in the asked time zone, what is absent gets its default, and the
 * previous period is the one of equal length just before.
 */

import { CodedError } from "../../contracts/errors.ts";
import { dayOf, startOfDate } from "../../platform/calendar.ts";

export interface Range {
	/** Epoch ms, `[from, to)`. */
	readonly from: number;
	readonly to: number;
	readonly tz: string;
	/** Present when both ends were given as dates: the period in local days. */
	readonly dates?: { readonly from: Temporal.PlainDate; readonly to: Temporal.PlainDate };
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;

/**
 * @param asked instants with a zone, or dates; `tz` an IANA name
 * @param now epoch ms
 * @throws `invalid` naming the parameter
 */
export function resolveRange(asked: { from?: string; to?: string; tz: string }, now: number): Range {
	const tz = zone(asked.tz);
	const from = asked.from === undefined ? startOfToday(tz, now) : instant("from", asked.from, tz);
	const to = asked.to === undefined ? now : instant("to", asked.to, tz);
	if (from > to) {
		throw invalid(
			asked.from === undefined ? "to" : "from",
			`${asked.from ?? "the start of today"} is after ${asked.to ?? "now"}: expected from ≤ to`,
		);
	}
	const dates =
		asked.from !== undefined && asked.to !== undefined && DATE.test(asked.from) && DATE.test(asked.to)
			? { from: Temporal.PlainDate.from(asked.from), to: Temporal.PlainDate.from(asked.to) }
			: undefined;
	return { from, to, tz, dates };
}

/** The period of equal length just before; of equal local days when dates were given. */
export function previousRange(range: Range): Range {
	if (!range.dates) return { from: range.from - (range.to - range.from), to: range.from, tz: range.tz };
	const { from, to } = range.dates;
	const begin = from.subtract({ days: from.until(to, { largestUnit: "days" }).days });
	return { from: startOfDate(begin, range.tz), to: range.from, tz: range.tz, dates: { from: begin, to: from } };
}

function startOfToday(tz: string, now: number): number {
	return dayOf(now, tz).start;
}

function zone(tz: string): string {
	try {
		return Temporal.Now.zonedDateTimeISO(tz).timeZoneId;
	} catch {
		throw invalid("tz", `${JSON.stringify(tz)} is no time zone: expected an IANA name such as Europe/Berlin`);
	}
}

function instant(parameter: "from" | "to", value: string, tz: string): number {
	try {
		return DATE.test(value)
			? startOfDate(Temporal.PlainDate.from(value, { overflow: "reject" }), tz)
			: Temporal.Instant.from(value).epochMilliseconds;
	} catch {
		throw invalid(
			parameter,
			`${JSON.stringify(value)}: expected a date (2026-11-23) or an instant with a zone (2026-11-23T08:00:00Z)`,
		);
	}
}

function invalid(path: string, message: string): CodedError {
	return new CodedError("invalid", `${path}: ${message}`, { errors: [{ path, message }] });
}
