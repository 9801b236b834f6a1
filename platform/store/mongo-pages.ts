/**
 * Raw scans page by page, in the order of their time and id, month by month. The index knows their order in time but not
 * that of their ids: what shares the instant that the page begins at is put in order apart, and what shares the last one
 * is left to the next page when it may not be all.
 */

import type { Document } from "mongodb";
import type { ExportedScan, ScanPlace } from "../../contracts/scan.ts";
import { toExportedScan } from "./feed-scan.ts";
import { type Months, rawBranches } from "./mongo-branches.ts";
import { idOf, partsOf } from "./mongo-keys.ts";
import type { MongoSchema, RawDocument } from "./mongo-schema.ts";
import { type Branch, readSnapshot } from "./mongo-snapshot.ts";
import { afterPage, EXAMINED_PER_SCAN, MOST_MERGED } from "./pages.ts";
import type { Reading, ScanPage, Selection } from "./scan-store.ts";
import { monthEnd, monthsTouched } from "./utc-month.ts";

/** What a page reads: the scans behind a place, before `to`. */
interface Wanted {
	readonly selection: Selection;
	readonly begin: ScanPlace;
	readonly to: number;
	readonly limit: number;
}

export async function readPage(
	schema: MongoSchema,
	selection: Selection,
	after: ScanPlace,
	limit: number,
): Promise<Reading<ScanPage>> {
	const begin = after.at >= selection.from ? after : { at: selection.from, id: "" };
	const wanted = { selection, begin, to: selection.to, limit };
	const to = selection.filters.length > 0 ? await enough(schema, wanted) : selection.to;
	let end = to;
	const snapshot = await readSnapshot(schema, (months) => {
		const [first] = monthsTouched(months, begin.at, to);
		end = first === undefined ? selection.to : Math.min(to, monthEnd(first));
		return first === undefined ? [] : pageBranches({ ...wanted, to: end }, new Set([first]));
	});
	const page = inOrder(
		snapshot.of("begin") as readonly RawDocument[],
		snapshot.of("scan") as readonly RawDocument[],
		limit,
		{ end, to: selection.to },
	);
	return { value: page, epoch: snapshot.epoch, positions: snapshot.positions, capped: false };
}

/** Where enough scans were looked at, epoch ms: filters may leave none of them. */
async function enough(schema: MongoSchema, wanted: Wanted): Promise<number> {
	let end = wanted.to;
	const snapshot = await readSnapshot(schema, (months) => {
		const [first] = monthsTouched(months, wanted.begin.at, wanted.to);
		end = first === undefined ? wanted.to : Math.min(wanted.to, monthEnd(first));
		return first === undefined ? [] : enoughBranches({ ...wanted, to: end }, new Set([first]));
	});
	const [last] = snapshot.of("last");
	return last ? (last.at as Date).getTime() + 1 : end;
}

/** The last scan that is looked at, from the index alone. */
export function enoughBranches({ selection, begin, to, limit }: Wanted, months: Months): Branch[] {
	return rawBranches("last", reachOf({ ...selection, filters: [] }), [{ from: begin.at, to }], months, [
		...people(selection),
		{ $sort: { at: 1 } },
		{ $skip: limit * EXAMINED_PER_SCAN },
		{ $limit: 1 },
		{ $project: { _id: 0, at: 1 } },
	]);
}

/** Those of the first instant (`begin`) in the order of their ids, and those behind it (`scan`) in the order of time. */
export function pageBranches({ selection, begin, to, limit }: Wanted, months: Months): Branch[] {
	const reach = reachOf(selection);
	const instant = { from: begin.at, to: Math.min(begin.at + 1, to) };
	const later = { from: begin.at + 1, to };
	return [
		...rawBranches("begin", reach, [instant], months, [
			...people(selection),
			// Not by the index of ids, which knows nothing of time.
			{ $set: { key: { $concat: ["$_id", ""] } } },
			{ $match: { key: { $gt: idOf(selection.organisation, begin.id) } } },
			{ $sort: { key: 1 } },
			{ $limit: limit },
		]),
		// One more, so that a page is full when its last scan has its instant for itself.
		...rawBranches("scan", reach, [later], months, [...people(selection), { $sort: { at: 1 } }, { $limit: limit + 1 }]),
	];
}

/** Filters by code, and too many codes, are looked for among all scans of their time. */
function reachOf({ organisation, codes, filters }: Selection) {
	if (!codes || codes.length <= MOST_MERGED) return { organisation, of: codes ?? ("organisation" as const), filters };
	const among = { dimension: "code", values: codes } as const;
	return { organisation, of: "organisation" as const, filters: [...filters, among] };
}

function people({ bots }: Selection): Document[] {
	return bots ? [] : [{ $match: { bot: false } }];
}

function inOrder(
	first: readonly RawDocument[],
	later: readonly RawDocument[],
	limit: number,
	range: { readonly end: number; readonly to: number },
): ScanPage {
	const begun = first.map(exported);
	const sorted = later.map(exported).sort(byTimeAndId);
	const last = sorted.at(-1)?.at;
	if (begun.length >= limit || last === undefined || later.length <= limit)
		return afterPage([...begun, ...sorted].slice(0, limit), limit, range);
	const scans = [...begun, ...sorted.filter(({ at }) => at < last)];
	return scans.length >= limit
		? afterPage(scans.slice(0, limit), limit, range)
		: { scans, next: { at: Date.parse(last), id: "" } };
}

function byTimeAndId(a: ExportedScan, b: ExportedScan): number {
	if (a.at !== b.at) return a.at < b.at ? -1 : 1;
	return a.id < b.id ? -1 : 1;
}

function exported({ _id, at, ...rest }: RawDocument): ExportedScan {
	return toExportedScan({ ...rest, id: partsOf(_id)[1] as string, at: at.getTime() });
}
