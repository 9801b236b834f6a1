/** How long records live, the same in every store. */

/** From the end of a salt's day (UTC) to its destruction. */
export const SALTS_LIVE_HOURS = 48;
/** From the end of a job's run. */
export const RUNS_LIVE_DAYS = 90;
/**
 * Of each report, the periods whose files are kept, the newest: two months of days, a year of weeks, five years of months. An
 * organisation may have 200 reports whose files are some 50 KB a period, and what is to be kept for longer was downloaded.
 */
export const REPORT_FILES_KEPT = 60;
/** Randomness of a day's salt. */
export const SALT_BYTES = 32;
