/** What the scan store tells besides counted scans: what is live, who was last, whose scans there are. */

import type { Document } from "mongodb";
import type { FeedScan } from "../../contracts/scan.ts";
import { addTally, emptyTally } from "./bucket.ts";
import { toFeedScan } from "./feed-scan.ts";
import {
	codeBranches,
	countsBranches,
	minuteBranches,
	rawBranches,
	reachOf,
	valueBranches,
	visitorBranches,
} from "./mongo-branches.ts";
import { idOf, partsOf } from "./mongo-keys.ts";
import { toTally } from "./mongo-rollups.ts";
import { type MongoSchema, type RawDocument, rawName } from "./mongo-schema.ts";
import { type Branch, partBranches, partOf, readSnapshot, type Snapshot } from "./mongo-snapshot.ts";
import { isCapped, signedSums, valueSums } from "./mongo-sums.ts";
import { totalId } from "./mongo-writes.ts";
import { MINUTE_MS } from "./quarters.ts";
import type { LiveCounts, Reading, ScanStore, Selection } from "./scan-store.ts";
import { rankValues, scansOf } from "./sections.ts";

type Questions = Pick<ScanStore, "minutes" | "live" | "state" | "recent" | "organisations">;

export class MongoQueries implements Questions {
	readonly #schema: MongoSchema;

	constructor(schema: MongoSchema) {
		this.#schema = schema;
	}

	async minutes(selection: Selection): Promise<Reading<LiveCounts["minutes"]>> {
		const reach = reachOf(selection, Date.now());
		const snapshot = await readSnapshot(this.#schema, (months) => minuteBranches(reach, selection, months));
		return reading(snapshot, minutesOf(snapshot, selection.bots));
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
		const countries = partOf(snapshot, "countries");
		const value = {
			minutes: minutesOf(snapshot, bots),
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
		for (const document of snapshot.of("total")) addTally(totals, toTally(document));
		return reading(snapshot, {
			total: totals,
			today: { ...(signedSums(snapshot, () => "").get("") ?? emptyTally()) },
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

function minutesOf(snapshot: Snapshot, bots: boolean): LiveCounts["minutes"] {
	return snapshot
		.of("minute")
		.map((minute) => ({ at: (minute._id as Date).getTime(), scans: scansOf(toTally(minute), bots) }))
		.filter(({ scans }) => scans > 0)
		.sort((a, b) => a.at - b.at);
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

function feedScan({ _id, at, ...rest }: RawDocument): FeedScan {
	return toFeedScan({ ...rest, id: partsOf(_id)[1] as string, at: at.getTime() });
}
