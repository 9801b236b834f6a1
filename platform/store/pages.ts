/** How raw scans are read page by page, the same in both stores. */

import type { ExportedScan } from "../../contracts/scan.ts";
import type { ScanPage } from "./scan-store.ts";

/** How many scans are looked at for each that a page may have, where filters decide which it has. */
export const EXAMINED_PER_SCAN = 20;
/** Codes whose scans are merged as they are read; of more, the organisation's are looked through. */
export const MOST_MERGED = 100;

/**
 * A page and where the next one begins.
 *
 * @param scans in order, at most `limit`: all before `end` when they are fewer
 * @param range what was read, up to `end`, of what is to be read, up to `to`; epoch ms
 */
export function afterPage(
	scans: readonly ExportedScan[],
	limit: number,
	{ end, to }: { readonly end: number; readonly to: number },
): ScanPage {
	const last = scans.at(-1);
	if (last && scans.length >= limit) return { scans, next: { at: Date.parse(last.at), id: last.id } };
	return { scans, next: end < to ? { at: end, id: "" } : null };
}
