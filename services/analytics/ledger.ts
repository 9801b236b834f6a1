/**
 * The books: what was accepted is stored, or says why not, or is on its way. How much was accepted, the gateways say by
 * their producers' running totals, whatever was made of it: what falls short of them is in flight as long as it may yet
 * be applied, and missing once the log has been applied to its end.
 */

import type { Ledger } from "../../contracts/analytics.ts";
import type { Books } from "../../platform/store/scan-store.ts";
import type { RunningTotal } from "./running-totals.ts";

export interface Reported {
	readonly totals: readonly RunningTotal[];
	/** Scans known to wait in spools that no running total speaks of. */
	readonly spooledBesides: number;
	/** Everything that was in the log after the totals were heard has been applied. */
	readonly logApplied: boolean;
}

/** Hours of acceptance that begin in `[from, to)`, epoch ms; all when absent. */
export interface Hours {
	readonly from?: number;
	readonly to?: number;
}

/** @param hours those that `books` were read for */
export function balance({ sums, applied }: Books, reported: Reported, hours: Hours, now: number): Ledger {
	const dropped = Object.values(sums.dropped).reduce((sum, count) => sum + count, 0);
	const accountedFor = sums.stored + sums.duplicate + dropped + sums.missing;
	let inFlight = holds(hours, now) ? reported.spooledBesides : 0;
	let lost = 0;
	for (const total of reported.totals) {
		const outstanding = outstandingOf(total, applied[total.producer] ?? 0, hours);
		if (reported.logApplied && total.inLog) lost += outstanding;
		else inFlight += outstanding;
	}
	const missing = sums.missing + lost;
	return {
		accepted: sums.accepted + inFlight + lost,
		stored: sums.stored,
		duplicate: sums.duplicate,
		dropped: sums.dropped,
		missing,
		inFlight,
		balanced: missing === 0 && sums.accepted === accountedFor,
	};
}

/** The growth of a total in those hours that was not applied. */
function outstandingOf({ marks }: RunningTotal, applied: number, hours: Hours): number {
	let before = 0;
	let outstanding = 0;
	for (const { hour, total } of marks) {
		if (holds(hours, hour)) outstanding += Math.max(0, total - Math.max(before, applied));
		before = total;
	}
	return outstanding;
}

function holds({ from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY }: Hours, at: number): boolean {
	return at >= from && at < to;
}
