/** The books: what was accepted is stored, or says why not, or is on its way. */

import type { Ledger } from "../../contracts/analytics.ts";
import type { GatewayReport } from "../../contracts/events.ts";
import type { LedgerSums } from "../../platform/store/scan-store.ts";

/**
 * @param sums what has been applied
 * @param reports of the gateways: what they gathered or spooled has not been applied yet
 */
export function balance(sums: LedgerSums, reports: readonly GatewayReport[]): Ledger {
	const inFlight = reports.reduce((sum, { pending, spooled }) => sum + pending + spooled, 0);
	const dropped = Object.values(sums.dropped).reduce((sum, count) => sum + count, 0);
	const accountedFor = sums.stored + sums.duplicate + dropped + sums.missing;
	return {
		accepted: sums.accepted + inFlight,
		stored: sums.stored,
		duplicate: sums.duplicate,
		dropped: sums.dropped,
		missing: sums.missing,
		inFlight,
		balanced: sums.missing === 0 && sums.accepted === accountedFor,
	};
}
