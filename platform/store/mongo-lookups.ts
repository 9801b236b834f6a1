/**
 * What `ingest` must know before it can tell what a batch adds, looked up inside its transaction: which scans exist,
 * which visits were seen, what producers said, which values buckets keep. What only the owner of a partition changes it
 * remembers between commits.
 */

import type { ClientSession } from "mongodb";
import { BUCKET_DIMENSIONS } from "../../contracts/scan.ts";
import { takesPlace } from "./bucket.ts";
import { scanKey, visitKey } from "./fold.ts";
import type { BucketIncrement } from "./increments.ts";
import { idOf, unescapeKey } from "./mongo-keys.ts";
import type { MongoSchema } from "./mongo-schema.ts";
import { DAY_MS, firstInstant } from "./quarters.ts";
import { RememberedProducers } from "./remembered-producers.ts";
import type { IngestPart } from "./scan-store.ts";
import type { Candidate, Sequenced } from "./sequence.ts";
import { monthOf } from "./utc-month.ts";

/** Values that the owner remembers over all buckets of a partition, about 100 bytes each. */
const VALUES_REMEMBERED = 300_000;
/** What a bucket takes that remembers no value, in values. */
const VALUES_OF_EMPTY = 30;

interface KeptValues {
	readonly kept: Set<string>[];
	/** How many they were when they were last weighed. */
	values: number;
}

/** What the owner of a partition knows under one claim, valid exactly as long as its commits succeed. */
export class PartitionMemory {
	readonly claim: number;
	readonly producers = new RememberedProducers();
	/** The one longest unused is first. */
	readonly #buckets = new Map<string, KeptValues>();
	/** Those used since they were last weighed. */
	readonly #used = new Set<string>();
	readonly #maxValues: number;
	#values = 0;

	/** @param maxValues values that `shrink` leaves remembered over all buckets */
	constructor(claim: number, maxValues: number = VALUES_REMEMBERED) {
		this.claim = claim;
		this.#maxValues = maxValues;
	}

	/** Values kept by name per dimension, or undefined when they must be looked up. */
	bucket(id: string): Set<string>[] | undefined {
		const known = this.#buckets.get(id);
		if (!known) return undefined;
		this.#buckets.delete(id);
		this.#buckets.set(id, known);
		this.#used.add(id);
		return known.kept;
	}

	/** Remembers a bucket; `kept` grows with what is counted. */
	keep(id: string, kept: Set<string>[]): void {
		this.#buckets.set(id, { kept, values: 0 });
		this.#used.add(id);
	}

	/** Forgets what was unused for longest beyond the bounds; not while a batch needs what it has looked up. */
	shrink(): void {
		this.producers.shrink();
		for (const id of this.#used) {
			const known = this.#buckets.get(id) as KeptValues;
			const values = known.kept.reduce((sum, names) => sum + names.size, VALUES_OF_EMPTY);
			this.#values += values - known.values;
			known.values = values;
		}
		this.#used.clear();
		for (const [id, { values }] of this.#buckets) {
			if (this.#values <= this.#maxValues) return;
			this.#values -= values;
			this.#buckets.delete(id);
		}
	}
}

/** What the owner knows of all its partitions. */
export type OwnerMemory = Map<number, PartitionMemory>;

export function memoryOf(memory: OwnerMemory, part: IngestPart): PartitionMemory {
	let known = memory.get(part.partition);
	if (known?.claim !== part.claim) {
		known = new PartitionMemory(part.claim);
		memory.set(part.partition, known);
	}
	return known;
}

export function bucketId({ organisation, code, partition, at }: Omit<BucketIncrement, "values">): string {
	return code === undefined ? idOf(organisation, "", at, partition) : idOf(organisation, code, at);
}

/** Fills the memory with the producers that the parts name. */
export async function recallProducers(
	schema: MongoSchema,
	session: ClientSession,
	parts: readonly IngestPart[],
	memory: OwnerMemory,
): Promise<void> {
	const unknown = new Map<string, { partition: PartitionMemory; producer: string }>();
	for (const part of parts) {
		const partition = memoryOf(memory, part);
		for (const read of part.messages) {
			if (read.kind !== "scans" || partition.producers.get(read.message.producer)) continue;
			const { producer } = read.message;
			unknown.set(idOf(part.partition, producer), { partition, producer });
		}
	}
	if (unknown.size === 0) return;
	const found = schema.producers.find({ _id: { $in: [...unknown.keys()] } }, { session });
	for await (const { _id, number, totals = {}, at } of found) {
		const { partition, producer } = unknown.get(_id) ?? {};
		if (!partition || producer === undefined) continue;
		const byOrganisation = Object.fromEntries(Object.entries(totals).map(([key, total]) => [unescapeKey(key), total]));
		partition.producers.set(producer, { number, totals: byOrganisation, at: at.getTime() });
	}
}

/** Keys (`scanKey`) of those candidates that exist. */
export async function findExisting(
	schema: MongoSchema,
	session: ClientSession,
	sequenced: readonly Sequenced[],
): Promise<Set<string>> {
	const keys = new Map<string, string>();
	const months = new Map<string, string[]>();
	const chosen: string[] = [];
	for (const { scan } of candidatesOf(sequenced)) {
		const id = idOf(scan.organisation, scan.id);
		if (keys.has(id)) continue;
		keys.set(id, scanKey(scan));
		const month = monthOf(scan.at);
		const ofMonth = months.get(month);
		if (ofMonth) ofMonth.push(id);
		else months.set(month, [id]);
		if (scan.ownId) chosen.push(id);
	}
	const existing = new Set<string>();
	const note = ({ _id }: { readonly _id: string }) => existing.add(keys.get(_id) as string);
	const only = { session, projection: { _id: 1 } } as const;
	for (const [month, ids] of months)
		(
			await schema
				.raw(month)
				.find({ _id: { $in: ids } }, only)
				.toArray()
		).map(note);
	// A client's id is one scan in whatever month.
	if (chosen.length > 0) (await schema.ids.find({ _id: { $in: chosen } }, only).toArray()).map(note);
	return existing;
}

export function visitId(organisation: string, code: string, day: number, visitor: string): string {
	return idOf(organisation, code, day / DAY_MS, visitor);
}

/** Keys (`visitKey`) of those visits of the candidates that are remembered. */
export async function findVisits(
	schema: MongoSchema,
	session: ClientSession,
	sequenced: readonly Sequenced[],
): Promise<Set<string>> {
	const keys = new Map<string, string>();
	for (const { scan } of candidatesOf(sequenced)) {
		const key = visitKey(scan);
		if (key === undefined) continue;
		const day = firstInstant(scan.at, DAY_MS);
		keys.set(visitId(scan.organisation, scan.code, day, scan.visitor as string), key);
	}
	if (keys.size === 0) return new Set();
	const only = { session, projection: { _id: 1 } } as const;
	const seen = await schema.visitors.find({ _id: { $in: [...keys.keys()] } }, only).toArray();
	return new Set(seen.map(({ _id }) => keys.get(_id) as string));
}

/** Fills the memory with the values that the buckets keep by name. */
export async function recallBuckets(
	schema: MongoSchema,
	session: ClientSession,
	buckets: readonly BucketIncrement[],
	memory: OwnerMemory,
): Promise<void> {
	const unknown = new Map<string, Set<string>[]>();
	for (const bucket of buckets) {
		const partition = memory.get(bucket.partition) as PartitionMemory;
		const id = bucketId(bucket);
		if (partition.bucket(id)) continue;
		const kept = BUCKET_DIMENSIONS.map(() => new Set<string>());
		partition.keep(id, kept);
		unknown.set(id, kept);
	}
	if (unknown.size === 0) return;
	const only = { session, projection: { d: 1 } } as const;
	for await (const { _id, d = {} } of schema.quarters.find({ _id: { $in: [...unknown.keys()] } }, only)) {
		const kept = unknown.get(_id) ?? [];
		BUCKET_DIMENSIONS.forEach((dimension, index) => {
			for (const value of Object.keys(d[dimension] ?? {}).map(unescapeKey))
				if (takesPlace(value)) kept[index]?.add(value);
		});
	}
}

function* candidatesOf(sequenced: readonly Sequenced[]): Generator<Candidate> {
	for (const { candidates } of sequenced) yield* candidates;
}
