/**
 * What the writer of an embedded store remembers between its commits, so that it need not read back what it wrote: ids of
 * subjects, producers, and which values a bucket keeps. Of a partition it is valid as long as the claim and the position
 * are those of the own last commit, and all of it only as long as commits succeed: the writer then begins a new memory.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { noneKept, takesPlace } from "./bucket.ts";
import type { BucketIncrement, Subject } from "./increments.ts";
import { RememberedProducers } from "./remembered-producers.ts";
import type { ProducerChange, ProducerMemory } from "./sequence.ts";

/** The buckets longest unused are forgotten beyond it. */
const MAX_KEPT_VALUES = 300_000;
/** Subjects are all forgotten beyond it: reading one back is cheap, and telling which was used last is not. */
const MAX_SUBJECTS = 100_000;

export interface MemoryBounds {
	/** Values remembered over all buckets, at about 100 bytes each. @defaultValue 300,000 */
	readonly keptValues?: number;
	/** @defaultValue 100,000, at about 200 bytes each */
	readonly subjects?: number;
	/** Of each partition, with their running totals. @defaultValue 50,000 */
	readonly producers?: number;
}

interface KeptValues {
	readonly values: Set<string>[];
	size: number;
}

class PartitionMemory {
	claim: number;
	position: number;
	readonly producers: RememberedProducers;
	readonly buckets = new Map<string, KeptValues>();

	constructor(claim: number, position: number, maxProducers: number | undefined) {
		this.producers = new RememberedProducers(maxProducers);
		this.claim = claim;
		this.position = position;
	}
}

export class SqliteMemory {
	/** Ids by organisation and code: neither key is made of the other's, as this is asked several times a scan. */
	readonly #subjects = new Map<string, Map<string, number>>();
	readonly #partitions = new Map<number, PartitionMemory>();
	readonly #selectSubject: StatementSync;
	readonly #insertSubject: StatementSync;
	readonly #selectProducer: StatementSync;
	readonly #selectProducerTotals: StatementSync;
	readonly #selectValues: StatementSync;
	readonly #maxKeptValues: number;
	readonly #maxSubjects: number;
	readonly #maxProducers: number | undefined;
	#keptValues = 0;
	#keptSubjects = 0;

	constructor(database: DatabaseSync, { keptValues, subjects, producers }: MemoryBounds = {}) {
		this.#maxKeptValues = keptValues ?? MAX_KEPT_VALUES;
		this.#maxSubjects = subjects ?? MAX_SUBJECTS;
		this.#maxProducers = producers;
		this.#selectSubject = database.prepare("SELECT id FROM subjects WHERE organisation = ? AND code = ?");
		this.#insertSubject = database.prepare("INSERT INTO subjects (organisation, code) VALUES (?, ?) RETURNING id");
		this.#selectProducer = database.prepare("SELECT number, at FROM producers WHERE partition = ? AND producer = ?");
		this.#selectProducerTotals = database.prepare(
			"SELECT organisation, total FROM producer_totals WHERE partition = ? AND producer = ?",
		);
		this.#selectValues = database.prepare(
			"SELECT dimension, value FROM quarter_values WHERE subject = ? AND at = ? AND partition = ?",
		);
	}

	/** Forgets a partition unless its stored claim and position are those of the own last commit. */
	enter(partition: number, claim: number, position: number): void {
		const memory = this.#partitions.get(partition);
		if (memory && memory.claim === claim && memory.position === position) return;
		for (const { size } of memory?.buckets.values() ?? []) this.#keptValues -= size;
		this.#partitions.set(partition, new PartitionMemory(claim, position, this.#maxProducers));
	}

	/** Takes over what is about to be committed of a partition. */
	leave(partition: number, position: number, producers: readonly ProducerChange[]): void {
		const memory = this.#partition(partition);
		memory.position = position;
		for (const { producer, number, totals, at } of producers) memory.producers.set(producer, { number, totals, at });
		memory.producers.shrink();
	}

	producer(partition: number, producer: string): ProducerMemory | undefined {
		const { producers } = this.#partition(partition);
		const known = producers.get(producer);
		if (known) return known;
		const row = this.#selectProducer.get(partition, producer) as { number: number; at: number } | undefined;
		if (!row) return undefined;
		const totals = this.#selectProducerTotals.all(partition, producer) as { organisation: string; total: number }[];
		const read = { ...row, totals: Object.fromEntries(totals.map(({ organisation, total }) => [organisation, total])) };
		producers.set(producer, read);
		return read;
	}

	/** The subject's id, or undefined when nothing was ever counted of it. */
	subject({ organisation, code = "" }: Subject): number | undefined {
		const known = this.#subjects.get(organisation)?.get(code);
		if (known !== undefined) return known;
		const row = this.#selectSubject.get(organisation, code) as { id: number } | undefined;
		return row && this.#keepSubject(organisation, code, row.id);
	}

	/** The subject's id, made when it has none. */
	makeSubject({ organisation, code = "" }: Subject): number {
		const known = this.subject({ organisation, code });
		if (known !== undefined) return known;
		const { id } = this.#insertSubject.get(organisation, code) as { id: number };
		return this.#keepSubject(organisation, code, id);
	}

	/** The values that a bucket keeps by name, to be given to `capValues` by `use`, which adds to them. */
	keeping<T>({ partition, at }: BucketIncrement, subject: number, use: (kept: Set<string>[]) => T): T {
		const { buckets } = this.#partition(partition);
		const key = `${subject} ${at}`;
		const kept = buckets.get(key) ?? this.#readKept(subject, at, partition);
		const result = use(kept.values);
		const size = kept.values.reduce((sum, values) => sum + values.size, 0);
		this.#keptValues += size - (buckets.has(key) ? kept.size : 0);
		kept.size = size;
		// Last in the map is last used.
		buckets.delete(key);
		buckets.set(key, kept);
		this.#forgetOldest(buckets);
		return result;
	}

	#partition(partition: number): PartitionMemory {
		const memory = this.#partitions.get(partition);
		if (!memory) throw new Error(`Partition ${partition} was not entered`);
		return memory;
	}

	#keepSubject(organisation: string, code: string, id: number): number {
		if (this.#keptSubjects >= this.#maxSubjects) {
			this.#subjects.clear();
			this.#keptSubjects = 0;
		}
		this.#subjects.getOrInsertComputed(organisation, () => new Map()).set(code, id);
		this.#keptSubjects++;
		return id;
	}

	#readKept(subject: number, at: number, partition: number): KeptValues {
		const values = noneKept();
		for (const row of this.#selectValues.all(subject, at, partition) as { dimension: number; value: string }[]) {
			if (takesPlace(row.value)) values[row.dimension]?.add(row.value);
		}
		return { values, size: 0 };
	}

	#forgetOldest(buckets: Map<string, KeptValues>): void {
		for (const [key, { size }] of buckets) {
			if (this.#keptValues <= this.#maxKeptValues || buckets.size === 1) return;
			this.#keptValues -= size;
			buckets.delete(key);
		}
	}
}
