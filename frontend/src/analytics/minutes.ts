/**
 * The last half hour as bars. Minutes that have ended are the server's word, as of the instant it was true; what is newer
 * is the channel's. Both only ever say too little of a minute, never too much, so nothing is added up that could be
 * counted twice. One minute that neither knows to its end makes the half hour unknown.
 */
import type { LastMinutes } from "../../../contracts/analytics.ts";
import { type AnalyticsView, REMEMBERED_MINUTES, scansThisMinute } from "../live/analytics-reducer.ts";

const MINUTE_MS = 60_000;
/** An answer this long after a minute's end has all of it that was not late; before, the channel may know more, ms. */
const SETTLED_MS = 1_000;

export interface MinuteBar {
	/** Epoch ms of the minute's first instant. */
	readonly at: number;
	readonly scans: number;
}

/** The server's word on the half hour; instants are epoch ms. */
export interface ToldMinutes {
	readonly asOf: number;
	/** Scans by a minute's first instant. */
	readonly minutes: ReadonlyMap<number, number>;
}

export function toldMinutes({ asOf, minutes }: LastMinutes): ToldMinutes {
	return { asOf: Date.parse(asOf), minutes: new Map(minutes.map(({ at, scans }) => [Date.parse(at), scans])) };
}

/** The last minutes, oldest first, the present one included; undefined while one of them is not known. */
export function lastMinutes(
	view: AnalyticsView,
	told: ToldMinutes | undefined,
	now: number,
): readonly MinuteBar[] | undefined {
	const heard = new Map(view.minutes.map(({ at, scans }) => [at, scans]));
	// A clock that is a little behind must not hide the minute that the channel already speaks of.
	const present = Math.max(Math.floor(now / MINUTE_MS) * MINUTE_MS, Date.parse(view.minute.at));
	const bars: MinuteBar[] = [];
	for (let at = present - (REMEMBERED_MINUTES - 1) * MINUTE_MS; at < present; at += MINUTE_MS) {
		const scans = endedMinute(at, at >= view.minutesSince ? (heard.get(at) ?? 0) : undefined, told);
		if (scans === undefined) return undefined;
		bars.push({ at, scans });
	}
	return [...bars, { at: present, scans: scansThisMinute(view, Math.max(now, present)) }];
}

/**
 * Scans that the channel counted outside of the minutes it spoke of. When this changes, a scan of another minute has been
 * counted, and what the server told of the half hour may be too little.
 */
export function countedElsewhere(view: AnalyticsView): number {
	return view.minutes.reduce((rest, { scans }) => rest - scans, view.total.scans);
}

/** @param heard what the channel last said of the minute; undefined when it was not followed to its end */
function endedMinute(at: number, heard: number | undefined, told: ToldMinutes | undefined): number | undefined {
	const age = told ? told.asOf - (at + MINUTE_MS) : -1;
	const counted = age >= 0 ? told?.minutes.get(at) : undefined;
	if (heard === undefined || (counted !== undefined && age >= SETTLED_MS)) return counted;
	return Math.max(heard, counted ?? 0);
}
