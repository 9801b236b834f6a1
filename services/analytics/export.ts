/**
 * Exports page by page: raw scans as many as fit into a message, series by stretches of whole buckets, a breakdown at
 * once. A page tells where the next one begins, so that any node can answer it.
 */

import type { AnalyticsQuery, Interval } from "../../contracts/analytics.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { ExportKind, ExportPage, ExportPlace } from "../../contracts/export.ts";
import { type ExportedScan, OTHER, type ScanPlace } from "../../contracts/scan.ts";
import { bucketEnd, bucketStarts } from "../../platform/calendar.ts";
import { QUARTERS_LIVE_MS } from "../../platform/store/quarters.ts";
import type { Reading, ScanStore, Selection } from "../../platform/store/scan-store.ts";
import { foldSeries, topRows } from "./answers.ts";
import type { Range } from "./range.ts";
import { toSelection } from "./selection.ts";

/** Scans of a page: little to hold, and enough for the asking not to count. */
const SCANS_A_PAGE = 500;
/** A message of the cluster may have 1 MiB. */
const MOST_BYTES = 600 * 1024;
/** Points of one file; as many quarter hours are 28 years. */
const MOST_POINTS = 1_000_000;

/** Days whose numbers may be read at once, 27 years. */
const MOST_DAYS = 9_900;

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/**
 * How long a bucket is, about, and the longer one, beginning and ending with buckets, whose points are a page. Longer ones
 * are read from so few days and months that all are a page, unless filters have the scans themselves looked at.
 */
const SERIES: Readonly<Record<Interval, { readonly aboutMs: number; readonly page?: Interval }>> = {
	quarter: { aboutMs: 15 * MINUTE_MS, page: "week" },
	hour: { aboutMs: 60 * MINUTE_MS, page: "month" },
	day: { aboutMs: DAY_MS, page: "month" },
	week: { aboutMs: 7 * DAY_MS },
	month: { aboutMs: 30 * DAY_MS },
};

/** What is exported: the selection of all pages. */
interface Exported {
	readonly range: Range;
	readonly codes: readonly string[] | undefined;
	readonly selection: Selection;
}

/** The question of an export that goes on. */
export function goingOn(organisation: string, query: AnalyticsQuery, { codes, from, to, tz }: ExportPlace): Exported {
	const range = { from, to, tz };
	return { range, codes, selection: toSelection(organisation, query, codes, range) };
}

/**
 * A page, its values not yet named.
 *
 * @throws `too_broad` when a series has more points than any file needs
 */
export async function readExport(
	store: ScanStore,
	{ range: { from, to, tz }, codes, selection }: Exported,
	kind: ExportKind,
	after: ExportPlace = { codes, from, to, tz, at: from, id: "" },
): Promise<Reading<ExportPage> & { readonly coveredFrom?: number }> {
	switch (kind.what) {
		case "scans": {
			const { value, ...reading } = await store.scans(selection, after, SCANS_A_PAGE);
			const { rows, next } = fitting(value.scans, value.next);
			return { ...reading, value: { rows, next: next && { ...after, ...next } } };
		}
		case "timeseries": {
			const stretch = stretchOf(after, kind.interval, selection.filters.length > 0);
			const starts = bucketStarts(stretch.from, stretch.to, kind.interval, tz);
			const { value, coveredFrom, ...reading } = await store.series({ ...selection, ...stretch }, starts);
			// A stretch of which nothing is held cannot tell how far that goes.
			const told = coveredFrom < stretch.to || stretch.to >= to;
			const held = told ? coveredFrom : await heldFrom(store, selection, kind.interval, tz);
			const next = stretch.to < to ? { ...after, at: stretch.to } : null;
			return { ...reading, coveredFrom: held, value: { rows: foldSeries(starts, value), next } };
		}
		case "breakdown": {
			const { value, ...reading } = await store.breakdown(selection, kind.by);
			const { rows, other } = topRows(value, kind.limit);
			const others = other > 0 ? [{ value: OTHER, scans: other }] : [];
			return { ...reading, value: { rows: [...rows, ...others], next: null } };
		}
	}
}

/** Those of the scans that fit into a message, at least one, and where the next page begins. */
export function fitting(
	scans: readonly ExportedScan[],
	next: ScanPlace | null,
): { readonly rows: readonly ExportedScan[]; readonly next: ScanPlace | null } {
	let bytes = 0;
	for (const [index, scan] of scans.entries()) {
		bytes += Buffer.byteLength(JSON.stringify(scan)) + 1;
		const last = scans[index - 1];
		if (bytes > MOST_BYTES && last)
			return { rows: scans.slice(0, index), next: { at: Date.parse(last.at), id: last.id } };
	}
	return { rows: scans, next };
}

/** From where on a series is held: days as far as they were closed, what is shorter as far as there are quarter hours. */
async function heldFrom(store: ScanStore, selection: Selection, interval: Interval, tz: string): Promise<number> {
	const { from, to } = selection;
	if (interval === "day" && (to - from) / DAY_MS < MOST_DAYS)
		return (await store.series(selection, bucketStarts(from, to, interval, tz))).coveredFrom;
	return Math.max(await store.quartersFrom(), Date.now() - QUARTERS_LIVE_MS);
}

function stretchOf(
	{ at, from, to, tz }: ExportPlace,
	interval: Interval,
	filtered: boolean,
): { from: number; to: number } {
	const { aboutMs, page = filtered ? interval : undefined } = SERIES[interval];
	if ((to - from) / aboutMs > MOST_POINTS) {
		const message = `${interval} gives more than ${MOST_POINTS} points in this range: expected a coarser one`;
		throw new CodedError("too_broad", message, { errors: [{ path: "interval", message }] });
	}
	return { from: at, to: page && at < to ? Math.min(to, bucketEnd(at, page, tz)) : to };
}
