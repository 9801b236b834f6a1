/** What is closed: a local day or month of an organisation, under a lease. */

/** A lease under which something is written; an older fence is refused with `lease_lost`. */
export interface Fenced {
	readonly name: string;
	readonly fence: number;
}

/** A closed (or re-closed) day of an organisation, and the write of it. Times are epoch ms. */
export interface DayToClose {
	readonly organisation: string;
	/** Local date `YYYY-MM-DD`. */
	readonly date: string;
	/** First instants of the day's local hours in order, each with its hour 0–23 (23–25 entries, more exotic ones possible). */
	readonly hours: readonly { readonly at: number; readonly hour: number }[];
	readonly end: number;
	/** IANA name of the zone that the day and its hours are of. */
	readonly timeZone: string;
	readonly lease: Fenced;
}

/** A local day; `[start, end)`, epoch ms. */
export interface LocalDay {
	/** `YYYY-MM-DD` */
	readonly date: string;
	readonly start: number;
	readonly end: number;
}

/** A month of an organisation to be closed from its days. */
export interface MonthToClose {
	readonly organisation: string;
	/** Local month `YYYY-MM`. */
	readonly month: string;
	/** All of its days, in order, without a gap. */
	readonly days: readonly LocalDay[];
	readonly timeZone: string;
	readonly lease: Fenced;
}

/** The part of an organisation's open day that has passed, `[from, to)`, epoch ms. */
export interface HoursToClose {
	readonly organisation: string;
	readonly from: number;
	readonly to: number;
	/** Of a part to which fewer scans were ever added, nothing is written: reading its quarters is quick enough. */
	readonly fewest: number;
	readonly lease: Fenced;
}

/** A local day or month of an organisation, `[start, end)`, epoch ms. */
export interface Closable {
	readonly organisation: string;
	readonly kind: "day" | "month";
	/** `YYYY-MM-DD`, `YYYY-MM` */
	readonly name: string;
	readonly start: number;
	readonly end: number;
	readonly timeZone: string;
}
