/** How long records live, the same in every store. */

/** From the end of a salt's day (UTC) to its destruction. */
export const SALTS_LIVE_HOURS = 48;
/** From the end of a job's run. */
export const RUNS_LIVE_DAYS = 90;
/** Randomness of a day's salt. */
export const SALT_BYTES = 32;
