/**
 * The live half hour: which minutes it is, and its answer from what is counted of them: by the cache where that is proven
 * to be everything, else by the store. Times are epoch ms.
 */

import type { BreakdownRow, LastMinutes } from "../../contracts/analytics.ts";
import { DATED_AHEAD_MS, type MinuteCount } from "../../contracts/cache.ts";
import { call } from "../../platform/actors.ts";
import type { LogEnd } from "../../platform/log/event-log.ts";
import type { ScanStore, Selection } from "../../platform/store/scan-store.ts";
import type { Bounds } from "./bounds.ts";
import type { Held } from "./framing.ts";

const MINUTE_MS = 60_000;
const LIVE_MINUTES = 30;
/** Who was seen this long ago counts as there now. */
export const PRESENT_MS = 5 * MINUTE_MS;
/** Longest to wait for the cache's word before the store is asked, ms. */
const CACHE_MS = 150;
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
export function everyMinute({ from, to }: Minutes, counted: readonly MinuteCount[]): LastMinutes["minutes"] {
	const scans = new Map(counted.map((minute) => [minute.at, minute.scans]));
	return Array.from({ length: (to - from) / MINUTE_MS }, (_, index) => {
		const at = from + index * MINUTE_MS;
		return { at: new Date(at).toISOString(), scans: scans.get(at) ?? 0 };
	});
}

/**
 * The minutes that have scans. The store is asked once where the cache counts on from what it says, and within bounds
 * where nobody does.
 *
 * @param caller asks the cache
 * @param ends where the log ended before this reading; undefined when that is not known
 * @throws `too_broad` naming what to narrow
 */
export async function readMinutes(
	caller: object,
	{ store, bounds }: { readonly store: Pick<ScanStore, "minutes">; readonly bounds: Pick<Bounds, "checkHalfHour"> },
	selection: Selection,
	ends: readonly LogEnd[] | undefined,
): Promise<Held<readonly MinuteCount[]>> {
	const { organisation, codes, from, filters, bots } = selection;
	const countable = ends !== undefined && !bots && filters.length === 0;
	const applied = Object.fromEntries((ends ?? []).map(({ partition, position }) => [partition, position]));
	const counters = countable
		? await call(caller, "cache.minutes", { organisation, codes, from, applied }, { timeout: CACHE_MS }).catch(
				() => undefined,
			)
		: undefined;
	if (counters?.state === "counted") {
		const { minutes, positions } = counters;
		return { value: minutes, positions, capped: false, source: "counters" };
	}
	if (counters === undefined) await bounds.checkHalfHour(selection);
	if (counters?.node === undefined) return store.minutes(selection);
	const reading = await store.minutes({ ...selection, to: selection.to + DATED_AHEAD_MS });
	const { value: minutes, epoch, positions } = reading;
	const stored = { organisation, code: codes?.[0], epoch, positions, from, minutes };
	// A cache that is away asks again when it is there.
	call(caller, "cache.resumeMinutes", stored, { nodeID: counters.node, timeout: CACHE_MS }).catch(() => undefined);
	return reading;
}

export function scansAlone({ visitors: _, ...row }: BreakdownRow): Omit<BreakdownRow, "visitors"> {
	return row;
}
