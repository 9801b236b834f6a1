/**
 * The questions that the scan store answers, put together from branches of one snapshot: roll-ups for whole quarter
 * hours, raw scans at the edges and for filters.
 */

import type { Document } from "mongodb";
import type { BucketDimension, Counts, Dimension, FeedScan } from "../../contracts/scan.ts";
import { addTally, emptyTally, type Tally } from "./bucket.ts";
import { toFeedScan } from "./feed-scan.ts";
import {
	codeBranches,
	countsBranches,
	minuteBranches,
	rawBranches,
	reachOf,
	seriesBranches,
	valueBranches,
	visitorBranches,
} from "./mongo-branches.ts";
import { idOf, partsOf, unescapeKey } from "./mongo-keys.ts";
import { type MongoSchema, type RawDocument, rawName, type ShortTally } from "./mongo-schema.ts";
import { type Branch, partBranches, partOf, readSnapshot, type Snapshot } from "./mongo-snapshot.ts";
import { totalId } from "./mongo-writes.ts";
import { MINUTE_MS } from "./quarters.ts";
import type { LiveCounts, QuarterPoint, Reading, ScanStore, Selection, ValueCounts } from "./scan-store.ts";
import { addValues, rankValues, scansOf, subtractTally, subtractValues } from "./sections.ts";

type Questions = Pick<ScanStore, "counts" | "series" | "breakdown" | "live" | "state" | "recent" | "organisations">;

export class MongoQueries implements Questions {
	readonly #schema: MongoSchema;

	constructor(schema: MongoSchema) {
		this.#schema = schema;
	}

	async counts(selection: Selection): Promise<Reading<Counts>> {
		const reach = reachOf(selection, Date.now());
		const snapshot = await readSnapshot(this.#schema, (months) => countsBranches(reach, months));
		return reading(snapshot, countsOf(snapshot, selection.bots));
	}

	async series(selection: Selection): Promise<Reading<readonly QuarterPoint[]>> {
		const reach = reachOf(selection, Date.now());
		const snapshot = await readSnapshot(this.#schema, (months) => seriesBranches(reach, months));
		const points = [...signedSums(snapshot, (at: Date) => at.getTime())]
			.map(([at, tally]) => ({ at, scans: scansOf(tally, selection.bots), visitors: tally.visitors }))
			.filter(({ scans }) => scans > 0)
			.sort((a, b) => a.at - b.at);
		return reading(snapshot, points);
	}

	async breakdown(selection: Selection, by: Dimension): Promise<Reading<readonly ValueCounts[]>> {
		const reach = reachOf(selection, Date.now());
		if (by === "code") {
			const snapshot = await readSnapshot(this.#schema, (months) => codeBranches(reach, months));
			return reading(snapshot, rankValues(signedSums(snapshot, String), selection.bots));
		}
		const snapshot = await readSnapshot(this.#schema, (months) => valueBranches(reach, months, by as BucketDimension));
		return reading(snapshot, rankValues(valueSums(snapshot), selection.bots), isCapped(snapshot));
	}

	async live(selection: Selection, activeFrom: number): Promise<Reading<LiveCounts>> {
		const { from, to, bots } = selection;
		const reach = reachOf(selection, Date.now());
		const snapshot = await readSnapshot(this.#schema, (months) => [
			...minuteBranches(reach, { from, to }, months),
			...visitorBranches(reach, { from: activeFrom, to }, months),
			...partBranches("codes", codeBranches(reach, months)),
			...partBranches("countries", valueBranches(reach, months, "country")),
		]);
		const minutes = snapshot
			.of("minute")
			.map((minute) => ({ at: (minute._id as Date).getTime(), scans: scansOf(tallyOf(minute), bots) }))
			.filter(({ scans }) => scans > 0)
			.sort((a, b) => a.at - b.at);
		const countries = partOf(snapshot, "countries");
		const value = {
			minutes,
			active: (snapshot.of("active")[0]?.n as number | undefined) ?? 0,
			codes: rankValues(signedSums(partOf(snapshot, "codes"), String), bots),
			countries: rankValues(valueSums(countries), bots),
		};
		return reading(snapshot, value, isCapped(countries));
	}

	async state(query: Parameters<ScanStore["state"]>[0]): ReturnType<ScanStore["state"]> {
		const { organisation, code, dayStart, dayEnd, minute } = query;
		const codes = code === undefined ? undefined : [code];
		const selection = { organisation, codes, filters: [], bots: false };
		const today = reachOf({ ...selection, from: dayStart, to: dayEnd }, Date.now());
		const total: Branch = {
			tag: "total",
			collection: "totals",
			pipeline: [{ $match: totalsOf(organisation, code) }, { $project: { s: 1, v: 1, b: 1 } }],
		};
		const counted = [{ $match: { bot: false } }, { $count: "scans" }];
		const range = { from: minute, to: minute + MINUTE_MS };
		const snapshot = await readSnapshot(this.#schema, (months) => [
			total,
			...countsBranches(today, months),
			...rawBranches("minute", today, [range], months, counted),
		]);
		const totals = emptyTally();
		for (const document of snapshot.of("total")) addTally(totals, tallyOf(document));
		return reading(snapshot, {
			total: totals,
			today: countsOf(snapshot, false),
			minute: snapshot.of("minute").reduce((sum, { scans }) => sum + (scans as number), 0),
		});
	}

	async recent(query: Parameters<ScanStore["recent"]>[0]): Promise<Reading<readonly FeedScan[]>> {
		const { organisation, code, limit } = query;
		const match = code === undefined ? { organisation } : { organisation, code };
		const newest = [{ $match: match }, { $sort: { committed: -1 } }, { $limit: limit }];
		const snapshot = await readSnapshot(this.#schema, (months) =>
			limit < 1 ? [] : [...months].map((month) => ({ tag: "scan", collection: rawName(month), pipeline: newest })),
		);
		const scans = (snapshot.of("scan") as readonly RawDocument[])
			.toSorted((a, b) => b.committed - a.committed)
			.slice(0, limit)
			.reverse();
		return reading(snapshot, scans.map(feedScan));
	}

	async organisations(): Promise<{ readonly organisation: string; readonly first: number }[]> {
		const found = await this.#schema.totals.aggregate<{ _id: string; first: Date }>(organisationsPipeline()).toArray();
		return found.map(({ _id, first }) => ({ organisation: _id, first: first.getTime() }));
	}
}

/** Reads the index that has the organisations' own totals only. */
function organisationsPipeline(): Document[] {
	return [
		{ $match: { organisation: { $gte: "" }, partition: { $exists: true } } },
		{ $group: { _id: "$organisation", first: { $min: "$first" } } },
		{ $sort: { _id: 1 } },
	];
}

function totalsOf(organisation: string, code: string | undefined): Document {
	if (code !== undefined) return { _id: totalId(organisation, code, 0) };
	const prefix = idOf(organisation, "", "");
	// "}" comes directly after the separator "|".
	return { _id: { $gte: prefix, $lt: `${prefix.slice(0, -1)}}` } };
}

function reading<T>({ epoch, positions }: Snapshot, value: T, capped = false): Reading<T> {
	return { value, epoch, positions, capped };
}

function tallyOf({ s = 0, v = 0, b = 0 }: ShortTally): Tally {
	return { scans: s, visitors: v, bots: b };
}

function countsOf(snapshot: Snapshot, bots: boolean): Counts {
	const tally = signedSums(snapshot, () => "").get("") ?? emptyTally();
	return { ...tally, scans: scansOf(tally, bots) };
}

/** By value of a dimension that buckets keep. */
function valueSums(snapshot: Snapshot): Map<string, Tally> {
	const sums = new Map<string, Tally>();
	addValues(sums, new Map(snapshot.of("kept").map((kept) => [unescapeKey(kept._id as string), tallyOf(kept)])));
	for (const bucket of edgeBuckets(snapshot)) addValues(sums, bucket);
	addRaw(sums, snapshot.of("add"), String);
	return sums;
}

function isCapped(snapshot: Snapshot): boolean {
	return [...snapshot.of("kept"), ...snapshot.of("edge")].some(({ capped }) => capped);
}

/** What is added less what is subtracted, by group. */
function signedSums<K, Id>(snapshot: Snapshot, keyOf: (id: Id) => K): Map<K, Tally> {
	const sums = new Map<K, Tally>();
	addRaw(sums, snapshot.of("add"), keyOf);
	for (const document of snapshot.of("subtract")) {
		const sum = sums.get(keyOf(document._id as Id));
		if (sum) subtractTally(sum, tallyOf(document));
	}
	return sums;
}

function addRaw<K, Id>(sums: Map<K, Tally>, documents: readonly Document[], keyOf: (id: Id) => K): void {
	for (const document of documents) {
		const key = keyOf(document._id as Id);
		const sum = sums.get(key) ?? emptyTally();
		addTally(sum, tallyOf(document));
		sums.set(key, sum);
	}
}

/** Values of the buckets at the edges, less what was subtracted from each. */
function edgeBuckets(snapshot: Snapshot): Map<string, Tally>[] {
	const whose = ({ at, code, partition }: Document) => `${(at as Date).getTime()} ${code || (partition ?? "")}`;
	const edges = Map.groupBy(snapshot.of("subtract"), ({ _id }) => whose(_id as Document));
	return snapshot.of("edge").map((document) => {
		const values = new Map<string, Tally>();
		for (const [key, tally] of Object.entries((document.values ?? {}) as Record<string, ShortTally>))
			values.set(unescapeKey(key), tallyOf(tally));
		const gone = edges.get(whose(document)) ?? [];
		subtractValues(values, new Map(gone.map((edge) => [(edge._id as { value: string }).value, tallyOf(edge)])));
		return values;
	});
}

function feedScan({ _id, at, ...rest }: RawDocument): FeedScan {
	return toFeedScan({ ...rest, id: partsOf(_id)[1] as string, at: at.getTime() });
}
