/** Quarter hours, the grain of every roll-up: time zones lie on them (India :30, Nepal :45). Times are epoch ms. */

export const MINUTE_MS = 60_000;
export const QUARTER_MS = 15 * MINUTE_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Quarter hours live so long, days; what is older is answered by days and totals alone. */
export const QUARTERS_LIVE_DAYS = 400;
export const QUARTERS_LIVE_MS = QUARTERS_LIVE_DAYS * DAY_MS;

/** The first instant of the unit (of `unitMs` milliseconds, counted from the epoch) that `at` lies in. */
export function firstInstant(at: number, unitMs: number): number {
	return Math.floor(at / unitMs) * unitMs;
}

/** The UTC date `YYYY-MM-DD` of an instant. */
export function utcDate(at: number): string {
	return new Date(at).toISOString().slice(0, 10);
}
