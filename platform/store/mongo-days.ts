/**
 * Closing days: the day of an organisation and of each of its codes, folded from the quarters in one transaction under
 * a lease. The day remembers the revision it was folded at, so that a scan that comes later, or at the same time, marks
 * it dirty. Closing writes nothing that ingest writes: a closer that dies cannot hold up counting.
 */

import type { ClientSession, Document, MongoClient } from "mongodb";
import { BUCKET_DIMENSIONS, OTHER } from "../../contracts/scan.ts";
import { addTally, emptyTally, type Tally, takesPlace, VALUES_PER_BUCKET } from "./bucket.ts";
import { passFence, raiseFence } from "./mongo-fences.ts";
import { escapeKey, idOf, unescapeKey } from "./mongo-keys.ts";
import type { DayDocument, MongoSchema, QuarterDocument, ShortTally, Tallies } from "./mongo-schema.ts";
import { readSnapshot } from "./mongo-snapshot.ts";
import type { TransactionSession } from "./mongo-transaction.ts";
import { utcDate } from "./quarters.ts";
import type { DayToClose } from "./scan-store.ts";

const HOURS = 24;
const DOCUMENTS_PER_WRITE = 500;

/** Whether the day was closed as this range and nothing was added to it since. */
export async function isDayClosed(
	schema: MongoSchema,
	organisation: string,
	date: string,
	start: number,
	end: number,
): Promise<boolean> {
	const { of } = await readSnapshot(schema, () => [
		{ tag: "day", collection: "days", pipeline: [{ $match: { _id: idOf(organisation, date, "") } }] },
		{ tag: "revision", collection: "revisions", pipeline: revisionPipeline(organisation, start, end) },
	]);
	const [day] = of("day") as readonly DayDocument[];
	if (!day || day.start.getTime() !== start || day.end.getTime() !== end) return false;
	return day.revision === ((of("revision")[0]?.revision as number | undefined) ?? 0);
}

/** @throws `lease_lost` when a newer holder of the lease has written. */
export async function closeDay(
	schema: MongoSchema,
	client: MongoClient,
	transactions: TransactionSession,
	day: DayToClose,
): Promise<{ readonly codes: number; readonly scans: number }> {
	await raiseFence(schema, client, day.lease, transactions.id);
	const start = day.hours[0]?.at ?? day.end;
	return transactions.run(
		async (session) => {
			const { organisation, date, end } = day;
			const pipeline = revisionPipeline(organisation, start, end);
			const [revised] = await schema.revisions.aggregate<{ revision: number }>(pipeline, { session }).toArray();
			await schema.days.deleteMany({ organisation, date }, { session });
			const written = await writeDays(schema, session, day, start, revised?.revision ?? 0);
			await passFence(schema, session, day.lease);
			return written;
		},
		() => undefined,
	);
}

/** The quarters of all subjects, one after the other: codes in order, the organisation itself first. */
async function writeDays(
	schema: MongoSchema,
	session: ClientSession,
	day: DayToClose,
	start: number,
	revision: number,
) {
	const { organisation, date, end } = day;
	const documents: DayDocument[] = [];
	const flush = async (least: number) => {
		if (documents.length >= least) await schema.days.insertMany(documents.splice(0), { session, ordered: false });
	};
	const frame = { organisation, date, start: new Date(start), end: new Date(end) };
	const finish = (code: string, fold: DayFold) =>
		documents.push({ _id: idOf(organisation, date, code), ...frame, code, ...fold.document() });

	const own = new DayFold(day.hours);
	let current: { readonly code: string; readonly fold: DayFold } | undefined;
	let codes = 0;
	const at = { $gte: new Date(start), $lt: new Date(end) };
	const quarters = schema.quarters.find({ organisation, at }, { session }).sort({ organisation: 1, code: 1, at: 1 });
	for await (const quarter of quarters) {
		if (quarter.code === "") {
			own.add(quarter);
			continue;
		}
		if (current?.code !== quarter.code) {
			if (current) finish(current.code, current.fold);
			await flush(DOCUMENTS_PER_WRITE);
			current = { code: quarter.code, fold: new DayFold(day.hours) };
			codes++;
		}
		current.fold.add(quarter);
	}
	if (current) finish(current.code, current.fold);
	documents.push({ _id: idOf(organisation, date, ""), ...frame, code: "", ...own.document(), revision });
	await flush(1);
	return { codes, scans: own.scans };
}

class DayFold {
	readonly #starts: DayToClose["hours"];
	readonly #tally = emptyTally();
	readonly #hours = Array.from({ length: HOURS }, emptyTally);
	readonly #values = BUCKET_DIMENSIONS.map(() => new Map<string, Tally>());

	constructor(starts: DayToClose["hours"]) {
		this.#starts = starts;
	}

	get scans(): number {
		return this.#tally.scans;
	}

	add(quarter: QuarterDocument): void {
		const tally = toTally(quarter);
		addTally(this.#tally, tally);
		const hour = this.#starts.findLast(({ at }) => at <= quarter.at.getTime())?.hour;
		if (hour !== undefined) addTally(this.#hours[hour] as Tally, tally);
		BUCKET_DIMENSIONS.forEach((dimension, index) => {
			const sums = this.#values[index] as Map<string, Tally>;
			for (const [key, gained] of Object.entries(quarter.d?.[dimension] ?? {}))
				addTally(sums.getOrInsertComputed(unescapeKey(key), emptyTally), toTally(gained));
		});
	}

	document(): ShortTally & { readonly d: Tallies; readonly hours: readonly ShortTally[] } {
		const d = BUCKET_DIMENSIONS.map((dimension, index) => {
			const values = [...mostScanned(this.#values[index] as Map<string, Tally>)];
			return [dimension, Object.fromEntries(values.map(([value, tally]) => [escapeKey(value), toShort(tally)]))];
		});
		return { ...toShort(this.#tally), d: Object.fromEntries(d) as Tallies, hours: this.#hours.map(toShort) };
	}
}

/** The values with most scans, as many as a bucket keeps; the rest under `(other)`. */
function mostScanned(values: ReadonlyMap<string, Tally>): Map<string, Tally> {
	const all = ({ scans, bots }: Tally) => scans + bots;
	const ranked = [...values].sort(([one, a], [other, b]) => all(b) - all(a) || (one < other ? -1 : 1));
	const kept = new Map<string, Tally>();
	let places = VALUES_PER_BUCKET;
	for (const [value, tally] of ranked) {
		const name = !takesPlace(value) || places-- > 0 ? value : OTHER;
		addTally(kept.getOrInsertComputed(name, emptyTally), tally);
	}
	return kept;
}

export function toTally({ s = 0, v = 0, b = 0 }: ShortTally): Tally {
	return { scans: s, visitors: v, bots: b };
}

function toShort({ scans, visitors, bots }: Tally): ShortTally {
	return { s: scans, v: visitors, b: bots };
}

/** Sums what was ever added to the quarters of `[start, end)`: it only grows, so an equal sum means nothing was added. */
export function revisionPipeline(organisation: string, start: number, end: number): Document[] {
	const dates = start < end ? [utcDate(start), utcDate(end - 1)] : [];
	return [
		{ $match: { organisation, date: { $gte: dates[0] ?? "", $lte: dates[1] ?? "" } } },
		{ $project: { quarter: { $objectToArray: "$q" } } },
		{ $unwind: "$quarter" },
		{ $set: { at: { $toLong: "$quarter.k" } } },
		{ $match: { at: { $gte: start, $lt: end } } },
		{ $group: { _id: null, revision: { $sum: "$quarter.v" } } },
	];
}
