/** The live half hour: which minutes it is, and its answer from what the store has of them. Times are epoch ms. */

import type { BreakdownRow, LiveMinutes } from "../../contracts/analytics.ts";

const MINUTE_MS = 60_000;
const LIVE_MINUTES = 30;
/** Who was seen this long ago counts as there now. */
export const PRESENT_MS = 5 * MINUTE_MS;
/** How many codes and countries are named. */
export const LIVE_ROWS = 10;

interface Minutes {
	readonly from: number;
	readonly to: number;
}

/** The minutes that the half hour consists of; the last one holds `now`, and is taken to its end as the channels do. */
export function liveMinutes(now: number): Minutes {
	const present = Math.floor(now / MINUTE_MS) * MINUTE_MS;
	return { from: present - (LIVE_MINUTES - 1) * MINUTE_MS, to: present + MINUTE_MS };
}

/** Every minute of the half hour, zero where nothing was. */
export function everyMinute(
	{ from, to }: Minutes,
	counted: readonly { readonly at: number; readonly scans: number }[],
): LiveMinutes["minutes"] {
	const scans = new Map(counted.map((minute) => [minute.at, minute.scans]));
	return Array.from({ length: (to - from) / MINUTE_MS }, (_, index) => {
		const at = from + index * MINUTE_MS;
		return { at: new Date(at).toISOString(), scans: scans.get(at) ?? 0 };
	});
}

export function scansAlone({ visitors: _, ...row }: BreakdownRow): Omit<BreakdownRow, "visitors"> {
	return row;
}
