/** What an audit reads in MongoDB: each view is one snapshot session, so that counting may go on meanwhile. */

import type { MongoClient } from "mongodb";
import { BUCKET_DIMENSIONS } from "../../contracts/scan.ts";
import type { AuditSource, AuditView, CountedScan, KeptBucket, KeptMonth, KeptRollup, Span } from "./audit-source.ts";
import { addTally, emptyTally } from "./bucket.ts";
import { unpackColumns } from "./column-sums.ts";
import { sumsOfLedger } from "./mongo-books.ts";
import { TALLY_OF_BUCKETS, TALLY_OF_SCANS } from "./mongo-branches.ts";
import { revisionPipeline } from "./mongo-closed.ts";
import { partsOfDay } from "./mongo-columns.ts";
import { idOf } from "./mongo-keys.ts";
import { listMonths, readQuartersFrom } from "./mongo-months.ts";
import { quarterOf, rollupOf, toTally } from "./mongo-rollups.ts";
import type { DayDocument, MongoSchema, MonthDocument, ShortTally } from "./mongo-schema.ts";
import { inSnapshot, type SnapshotReading } from "./mongo-snapshot.ts";
import { unpack } from "./packed.ts";
import { datesOf } from "./rollup.ts";
import { monthOf, monthsTouched } from "./utc-month.ts";

const ALL = { organisation: 1, code: 1, at: 1 } as const;
const COUNTED = Object.fromEntries(
	[...BUCKET_DIMENSIONS, "at", "bot", "first", "partition"].map((field) => [field, 1]),
);

export class MongoAuditSource implements AuditSource {
	readonly codesByPartition = false;
	readonly #schema: MongoSchema;
	readonly #client: MongoClient;
	readonly #organisation: string;

	constructor(schema: MongoSchema, client: MongoClient, organisation: string) {
		this.#schema = schema;
		this.#client = client;
		this.#organisation = organisation;
	}

	async codes(): Promise<string[]> {
		const organisation = this.#organisation;
		const codes = new Set<string>();
		const note = (found: readonly { readonly _id: string }[]) => {
			for (const { _id } of found) if (_id !== "") codes.add(_id);
		};
		const byCode = [{ $match: { organisation, code: { $gt: "" } } }, { $group: { _id: "$code" } }];
		note(await this.#schema.quarters.aggregate<{ _id: string }>(byCode).toArray());
		for (const month of [...(await this.#schema.openMonths())].sort())
			note(await this.#schema.raw(month).aggregate<{ _id: string }>(byCode).toArray());
		const prefix = idOf(organisation, "");
		const totals = this.#schema.totals.find({ _id: { $gte: prefix, $lt: `${prefix.slice(0, -1)}}` } });
		for await (const { code } of totals) if (code !== "") codes.add(code);
		return [...codes].sort();
	}

	async hours(): Promise<number[]> {
		const written = this.#schema.hours.find({ organisation: this.#organisation }, { projection: { _id: 0, start: 1 } });
		return (await written.sort({ start: 1 }).toArray()).map(({ start }) => start.getTime());
	}

	async dates(): Promise<string[]> {
		const organisation = this.#organisation;
		const pipeline = [
			{ $match: { organisation, date: { $gte: "" } } },
			{ $group: { _id: "$date" } },
			{ $sort: { _id: 1 } },
		];
		return (await this.#schema.days.aggregate<{ _id: string }>(pipeline).toArray()).map(({ _id }) => _id);
	}

	async closedMonths(): Promise<string[]> {
		const organisation = this.#organisation;
		const closed = { organisation, month: { $gte: "" }, code: "" };
		const months = this.#schema.closedMonths.find(closed, { projection: { _id: 0, month: 1 } });
		return (await months.toArray()).map(({ month }) => month).sort();
	}

	/** Months of raw scans, and of quarters that have none. */
	async months(): Promise<string[]> {
		const states = new Map((await listMonths(this.#schema)).map(({ month, state }) => [month, state]));
		const months = new Set([...states.keys()].filter((month) => states.get(month) !== "closed"));
		const own = { organisation: this.#organisation, code: "" };
		const edge = (direction: 1 | -1) =>
			this.#schema.quarters.find(own).sort({ organisation: direction, code: direction, at: direction }).limit(1).next();
		const [first, last] = [await edge(1), await edge(-1)];
		if (first && last) {
			for (let at = first.at.getTime(); monthOf(at) <= monthOf(last.at.getTime()); at = nextMonth(at))
				if (states.get(monthOf(at)) !== "closed") months.add(monthOf(at));
		}
		return [...months].sort();
	}

	quartersFrom(): Promise<number> {
		return readQuartersFrom(this.#schema);
	}

	snapshot<T>(read: (view: AuditView) => Promise<T>): Promise<T> {
		return inSnapshot(this.#client, async (reading) => read(await this.#view(reading)));
	}

	async #view(reading: SnapshotReading): Promise<AuditView> {
		const organisation = this.#organisation;
		const schema = this.#schema;
		const months = [...(await this.#schema.openMonths(reading))].sort();
		const during = ({ from, to }: Span) => ({ $gte: new Date(from), $lt: new Date(to) });
		const quartersFrom = await this.quartersFrom();
		const isUnchanged = async ({ start, end, revision }: Pick<DayDocument, "start" | "end" | "revision">) => {
			const pipeline = revisionPipeline(organisation, { from: start.getTime(), to: end.getTime() });
			const [revised] = await schema.revisions.aggregate<{ revision: number }>(pipeline, reading).toArray();
			return revision === (revised?.revision ?? 0);
		};
		return {
			async *raw(code, span): AsyncIterable<CountedScan> {
				const match = { organisation, ...(code !== undefined && { code }), at: during(span) };
				const sort = code === undefined ? ({ organisation: 1, at: 1 } as const) : ALL;
				for (const month of monthsTouched(months, span.from, span.to)) {
					const scans = schema
						.raw(month)
						.find(match, { ...reading, projection: COUNTED })
						.sort(sort);
					for await (const scan of scans) yield { ...scan, at: scan.at.getTime() };
				}
			},
			async *quarters(code = "", span): AsyncIterable<KeptBucket> {
				const match = { organisation, code, at: during(span) };
				for await (const quarter of schema.quarters.find(match, reading).sort(ALL))
					yield { at: quarter.at.getTime(), partition: quarter.partition, ...quarterOf(quarter) };
			},
			async recount(code) {
				const match = { organisation, ...(code !== undefined && { code }) };
				const pipeline = [{ $match: match }, { $group: { _id: null, ...TALLY_OF_SCANS } }];
				const sum = emptyTally();
				for (const month of months) {
					const [tally] = await schema.raw(month).aggregate<ShortTally>(pipeline, reading).toArray();
					if (tally) addTally(sum, toTally(tally));
				}
				const open = { $nin: months };
				const closed = { organisation, code: code ?? { $gt: "" }, month: open };
				for await (const tally of schema.carried.find(closed, reading)) {
					// What was counted of a month that is only about to be dropped is in its raw scans still.
					addTally(sum, toTally(tally));
				}
				return sum;
			},
			async total(code) {
				const prefix = idOf(organisation, code ?? "", ...(code === undefined ? [""] : []));
				const _id = code === undefined ? { $gte: prefix, $lt: `${prefix.slice(0, -1)}}` } : prefix;
				const sum = emptyTally();
				for await (const total of schema.totals.find({ _id } as never, reading)) addTally(sum, toTally(total));
				return sum;
			},
			async hour(at) {
				const match = { organisation, start: new Date(at) };
				const own = await schema.hours.findOne(match, { ...reading, promoteBuffers: true });
				if (!own || !(await isUnchanged(own))) return undefined;
				const span = { from: at, to: own.end.getTime() };
				const pipeline = [
					{ $match: { organisation, code: { $gt: "" }, at: during(span) } },
					{ $group: { _id: "$code", ...TALLY_OF_BUCKETS } },
				];
				const codes = await schema.quarters.aggregate<ShortTally & { _id: string }>(pipeline, reading).toArray();
				return {
					hour: { start: at, end: span.to, tally: toTally(own), unpacked: unpack(own.packed, at) },
					codes: new Map(codes.map(({ _id, ...tally }) => [_id, toTally(tally)])),
				};
			},
			async days(date): Promise<KeptRollup[]> {
				const days = await schema.days.find({ organisation, date }, { ...reading, promoteBuffers: true }).toArray();
				const own = days.find(({ code }) => code === "");
				if (!own || !(await isUnchanged(own))) return [];
				const columns = schema.columns.find({ organisation, date }, { ...reading, promoteBuffers: true });
				const range = { from: own.start.getTime(), to: own.end.getTime() };
				const parts = partsOfDay(await columns.toArray(), { ...range, revision: own.revision });
				const ofFilters = parts && {
					columns: unpackColumns(
						parts.map((part) => part.columns),
						range,
					),
				};
				return days.map((day) => ({ ...keptRollup(day, day.date), ...(day === own && ofFilters) }));
			},
			async codesOfMonth(month) {
				const own = await schema.closedMonths.findOne({ _id: idOf(organisation, month, "") }, reading);
				if (!own || (own.start.getTime() >= quartersFrom && !(await isUnchanged(own)))) return undefined;
				const codes = schema.closedMonths.find(
					{ organisation, month, code: { $gt: "" } },
					{ ...reading, projection: { _id: 0, code: 1 } },
				);
				return (await codes.toArray()).map(({ code }) => code);
			},
			async month(month, code = ""): Promise<KeptMonth> {
				const found = await schema.closedMonths.findOne(
					{ _id: idOf(organisation, month, code) },
					{ ...reading, promoteBuffers: true },
				);
				const ids = datesOf(month).map((date) => idOf(organisation, date, code));
				const days = await schema.days.find({ _id: { $in: ids } }, { ...reading, promoteBuffers: true }).toArray();
				return {
					...(found && { month: keptRollup(found, month) }),
					days: days.map((day) => keptRollup(day, day.date)).sort((a, b) => a.start - b.start),
				};
			},
			ledger: () => sumsOfLedger(schema, organisation, reading),
		};
	}
}

function nextMonth(at: number): number {
	const date = new Date(at);
	return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}

function keptRollup(document: DayDocument | MonthDocument, name: string): KeptRollup {
	const { code, start, end, timeZone, packed } = document;
	const frame = { code: code === "" ? undefined : code, name, start: start.getTime(), end: end.getTime(), timeZone };
	return { ...frame, ...rollupOf(document), ...(packed && { unpacked: unpack(packed, start.getTime()) }) };
}
