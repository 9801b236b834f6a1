/**
 * `ingest` in MongoDB: one transaction of all parts. It moves each partition's position by compare-and-set on position
 * and claim, looks up, folds, writes, and reads the totals back; a crash anywhere leaves all or nothing.
 */

import type { ClientSession } from "mongodb";
import { CodedError } from "../../contracts/errors.ts";
import type { Counts } from "../../contracts/scan.ts";
import { type Folded, fold, ingestedPart } from "./fold.ts";
import { subjectKey } from "./increments.ts";
import {
	findExisting,
	findVisits,
	memoryOf,
	type OwnerMemory,
	type PartitionMemory,
	recallBuckets,
	recallProducers,
} from "./mongo-lookups.ts";
import { closedMonths, knownClosed } from "./mongo-months.ts";
import type { MongoSchema } from "./mongo-schema.ts";
import type { TransactionSession } from "./mongo-transaction.ts";
import { totalId, writeFolded } from "./mongo-writes.ts";
import type { IngestedPart, IngestPart } from "./scan-store.ts";
import { identityOf, type Sequenced, sequence } from "./sequence.ts";
import { monthOf } from "./utc-month.ts";

/** The order of commits is told in about microseconds, so that it goes on over owners and restarts. */
const PLACES_PER_MS = 1_000;

export class MongoIngest {
	readonly #schema: MongoSchema;
	readonly #transactions: TransactionSession;
	/** What the last commit left known; nobody knows anything while a transaction runs or after one failed. */
	#memory: OwnerMemory | undefined;
	#committed = 0;

	constructor(schema: MongoSchema, transactions: TransactionSession) {
		this.#schema = schema;
		this.#transactions = transactions;
	}

	/** After a claim: places given out by this owner follow those of the one before. */
	follow(committed: number): void {
		this.#committed = Math.max(this.#committed, committed);
	}

	async ingest(parts: readonly IngestPart[]): Promise<IngestedPart[]> {
		let memory: OwnerMemory = new Map();
		return this.#run(
			parts,
			(known) => {
				memory = known;
			},
			() => {
				for (const partition of memory.values()) partition.shrink();
				this.#memory = memory;
			},
		);
	}

	async rehearse(parts: readonly IngestPart[]): Promise<void> {
		await this.#run(parts, () => undefined);
	}

	async #run(parts: readonly IngestPart[], learnt: (memory: OwnerMemory) => void, kept?: () => void) {
		const months = monthsOf(parts);
		const closed = await knownClosed(this.#schema, months, Date.now());
		await this.#schema.ensureMonths([...months].filter((month) => !closed.has(month)));
		return this.#transactions.run((session) => {
			const memory: OwnerMemory = this.#memory ?? new Map();
			this.#memory = undefined;
			learnt(memory);
			return this.#apply(session, parts, memory);
		}, kept);
	}

	async #apply(session: ClientSession, parts: readonly IngestPart[], memory: OwnerMemory): Promise<IngestedPart[]> {
		const schema = this.#schema;
		const now = Date.now();
		const first = Math.max(this.#committed + 1, now * PLACES_PER_MS);
		this.#committed = first + countScans(parts);
		await this.#movePositions(session, parts, this.#committed);

		await recallProducers(schema, session, parts, memory);
		const sequenced = parts.map((part) => {
			const { producers } = memoryOf(memory, part);
			return sequence(part, (producer) => producers.get(producer), now);
		});
		const existing = await findExisting(schema, session, sequenced);
		const seen = await findVisits(schema, session, sequenced);
		const folded = fold(sequenced, existing, seen, now, await closedMonths(schema, session, sequenced, now));
		await recallBuckets(schema, session, folded.buckets, memory);
		await writeFolded(schema, session, folded, sequenced, memory, first);
		rememberProducers(sequenced, memory);

		const totals = await this.#totalsAfter(session, folded);
		return folded.parts.map((part) =>
			ingestedPart(part, (organisation, code) => totals.get(subjectKey(organisation, code)) as Counts),
		);
	}

	async #movePositions(session: ClientSession, parts: readonly IngestPart[], committed: number): Promise<void> {
		const updates = parts.map(({ partition, claim, from, log, messages }) => {
			const last = messages.at(-1);
			const to = last ? { position: last.position, identity: identityOf(log, last) } : {};
			const filter = { _id: partition, position: from, claim };
			return { updateOne: { filter, update: { $set: { ...to, committed } } } };
		});
		if (updates.length === 0) return;
		const { matchedCount } = await this.#schema.partitions.bulkWrite(updates, { session });
		if (matchedCount === parts.length) return;
		const which = parts.map(({ partition, claim, from }) => `${partition} (claim ${claim}, from ${from})`);
		throw new CodedError("claim_lost", `Another owner has a partition of ${which.join(", ")}, or moved it`);
	}

	/** Totals of the codes after the write, by subject. */
	async #totalsAfter(session: ClientSession, folded: Folded): Promise<Map<string, Counts>> {
		const subjects = new Map<string, string>();
		for (const { organisation, code, partition } of folded.totals)
			if (code !== undefined) subjects.set(totalId(organisation, code, partition), subjectKey(organisation, code));
		const totals = new Map<string, Counts>();
		if (subjects.size === 0) return totals;
		const only = { session, projection: { s: 1, v: 1, b: 1 } } as const;
		const found = await this.#schema.totals.find({ _id: { $in: [...subjects.keys()] } }, only).toArray();
		for (const { _id, s = 0, v = 0, b = 0 } of found)
			totals.set(subjects.get(_id) as string, { scans: s, visitors: v, bots: b });
		return totals;
	}
}

function rememberProducers(sequenced: readonly Sequenced[], memory: OwnerMemory): void {
	for (const { part, producers } of sequenced) {
		const known = (memory.get(part.partition) as PartitionMemory).producers;
		for (const { producer, number, totals, at } of producers) known.set(producer, { number, totals, at });
	}
}

function monthsOf(parts: readonly IngestPart[]): Set<string> {
	const months = new Set<string>();
	for (const { messages } of parts)
		for (const read of messages)
			if (read.kind === "scans")
				for (const { at } of read.message.scans) if (Number.isFinite(at)) months.add(monthOf(at));
	return months;
}

function countScans(parts: readonly IngestPart[]): number {
	let scans = 0;
	for (const { messages } of parts)
		for (const read of messages) if (read.kind === "scans") scans += read.message.scans.length;
	return scans;
}
