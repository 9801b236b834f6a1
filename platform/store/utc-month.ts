/** Months of raw scans, `YYYYMM` in UTC: the unit in which they are dropped. */

const EARLIEST = Date.UTC(1970, 0, 1);
const LATEST = Date.UTC(9999, 11, 31);

/** The month asked for last, because scans ask for the same one again and again, and its instants, epoch ms. */
let last = { month: "", from: 0, to: 0 };

/** The UTC month of an instant, `YYYYMM`; what no month of four digits holds is kept in the first or the last one. */
export function monthOf(at: number): string {
	if (at >= last.from && at < last.to) return last.month;
	const iso = new Date(at >= EARLIEST ? Math.min(at, LATEST) : EARLIEST).toISOString();
	const month = iso.slice(0, 4) + iso.slice(5, 7);
	last = { month, from: monthStart(month), to: monthEnd(month) };
	return month;
}

/** First instant of a month, epoch ms. */
export function monthStart(month: string): number {
	return Date.UTC(Number(month.slice(0, 4)), Number(month.slice(4)) - 1);
}

/** First instant after a month, epoch ms. */
export function monthEnd(month: string): number {
	return Date.UTC(Number(month.slice(0, 4)), Number(month.slice(4)));
}

/** Those of the given months that `[from, to)` touches, in order. */
export function monthsTouched(months: Iterable<string>, from: number, to: number): string[] {
	if (from >= to) return [];
	const first = monthOf(from);
	const last = monthOf(to - 1);
	return [...months].filter((month) => month >= first && month <= last).sort();
}

/** Clocks of processes differ by less than this, ms. */
const CLOCKS_DIFFER_MS = 24 * 60 * 60_000;

/**
 * Whether a month has been over for so long that it may be dropped: ingest looks only then whether it was. Whoever drops
 * months waits for longer.
 */
export function isOver(month: string, now: number): boolean {
	return monthEnd(month) + CLOCKS_DIFFER_MS < now;
}

/** Whether all that `[from, to)` touches, which is a month at most, is among the given ones. */
export function isWithin({ from, to }: { readonly from: number; readonly to: number }, months: ReadonlySet<string>) {
	return months.has(monthOf(from)) && months.has(monthOf(to - 1));
}
