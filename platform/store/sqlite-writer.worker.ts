/** The thread that writes an embedded scan store: one connection, one transaction at a time. */

import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { workerData } from "node:worker_threads";
import { serveWorker } from "../worker-rpc.ts";
import { ingestedPart } from "./fold.ts";
import { subjectKey } from "./increments.ts";
import { type PackedPart, packPart } from "./packed-part.ts";
import { DAY_MS } from "./quarters.ts";
import type { Fenced, IngestPart, PartitionState } from "./scan-store.ts";
import { type FoldedMonth, writeMonth } from "./sqlite-closed-months.ts";
import { type FoldedDay, writeDay } from "./sqlite-days.ts";
import { SqliteIngest } from "./sqlite-ingest.ts";
import { SqliteMemory } from "./sqlite-memory.ts";
import { dropSomeQuarters, dropSomeScans, markMonth, passFence } from "./sqlite-months.ts";
import { readPartitions } from "./sqlite-partitions.ts";
import { openForWriting } from "./sqlite-schema.ts";
import { SqliteTransactions } from "./sqlite-transaction.ts";

/**
 * A producer silent for so long is forgotten: of its messages not even the scans' ids would be known any more. Not the one
 * that the partition stands at: its message stays in the log, whatever its age.
 */
const FORGET_PRODUCERS_MS = 400 * DAY_MS;

export interface SqliteWriterOptions {
	readonly file: string;
}

class SqliteWriter {
	readonly #database: DatabaseSync;
	readonly #transactions: SqliteTransactions;
	readonly #ingest: SqliteIngest;
	#memory: SqliteMemory;

	constructor({ file }: SqliteWriterOptions) {
		this.#database = openForWriting(file);
		this.#transactions = new SqliteTransactions(this.#database);
		this.#ingest = new SqliteIngest(this.#database);
		this.#memory = new SqliteMemory(this.#database);
	}

	claim(partition: number, owner: string): PartitionState {
		return this.#transactions.run(() => {
			this.#database
				.prepare(
					`INSERT INTO partitions (partition, position, owner, claim) VALUES (?, 0, ?, 1)
					ON CONFLICT DO UPDATE SET owner = excluded.owner, claim = claim + 1`,
				)
				.run(partition, owner);
			this.#database
				.prepare(
					`DELETE FROM producers WHERE partition = ?1 AND at < ?2
					AND producer IS NOT (SELECT producer FROM partitions WHERE partition = ?1)`,
				)
				.run(partition, Date.now() - FORGET_PRODUCERS_MS);
			this.#database
				.prepare(
					`DELETE FROM producer_totals
					WHERE partition = ?1 AND producer NOT IN (SELECT producer FROM producers WHERE partition = ?1)`,
				)
				.run(partition);
			const claimed = readPartitions(this.#database).find((state) => state.partition === partition);
			return claimed as PartitionState;
		});
	}

	ingest(parts: readonly IngestPart[]): PackedPart[] {
		try {
			const { folded, totals } = this.#transactions.run(() => this.#ingest.apply(parts, this.#memory, Date.now()));
			const none = { scans: 0, visitors: 0, bots: 0 };
			const totalOf = (organisation: string, code: string) => totals.get(subjectKey(organisation, code)) ?? none;
			return folded.parts.map((part) => packPart(ingestedPart(part, totalOf), part.taken, part.sequenced.part));
		} catch (error) {
			this.#forget();
			throw error;
		}
	}

	rehearse(parts: readonly IngestPart[]): void {
		try {
			this.#transactions.rehearse(() => this.#ingest.apply(parts, this.#memory, Date.now()));
		} finally {
			this.#forget();
		}
	}

	/** What was remembered on the way of a transaction that was taken back is not in the store. */
	#forget(): void {
		this.#memory = new SqliteMemory(this.#database);
	}

	renewEpoch(): string {
		const epoch = randomUUID();
		this.#transactions.run(() => {
			this.#database.prepare("UPDATE meta SET value = ? WHERE name = 'epoch'").run(epoch);
		});
		return epoch;
	}

	writeDay(day: FoldedDay): void {
		this.#transactions.run(() => writeDay(this.#database, day));
	}

	writeMonth(month: FoldedMonth): void {
		this.#transactions.run(() => writeMonth(this.#database, month));
	}

	markMonth(month: string, state: "open" | "closing", lease: Fenced): void {
		this.#fenced(lease, () => markMonth(this.#database, month, state));
	}

	dropSomeScans(month: string, lease: Fenced): number {
		return this.#fenced(lease, () => dropSomeScans(this.#database, month));
	}

	dropSomeQuarters(before: number, lease: Fenced): number {
		try {
			return this.#fenced(lease, () => dropSomeQuarters(this.#database, before));
		} finally {
			// Which values a bucket keeps is not what is remembered any more.
			this.#forget();
		}
	}

	#fenced<T>(lease: Fenced, work: () => T): T {
		return this.#transactions.run(() => {
			passFence(this.#database, lease);
			return work();
		});
	}

	ping(): void {
		this.#transactions.assertUsable();
	}

	checkpointWhenDue(): void {
		if (this.#database.isOpen) this.#transactions.checkpointWhenDue();
	}

	close(): void {
		this.#database.close();
	}
}

const writer = new SqliteWriter(workerData as SqliteWriterOptions);

const methods = {
	claim: ({ partition, owner }: { partition: number; owner: string }) => writer.claim(partition, owner),
	ingest(parts: readonly IngestPart[]) {
		const ingested = writer.ingest(parts);
		setImmediate(() => writer.checkpointWhenDue());
		return ingested;
	},
	rehearse: (parts: readonly IngestPart[]) => writer.rehearse(parts),
	renewEpoch: () => writer.renewEpoch(),
	writeDay: (day: FoldedDay) => writer.writeDay(day),
	writeMonth: (month: FoldedMonth) => writer.writeMonth(month),
	markMonth: (mark: { month: string; state: "open" | "closing"; lease: Fenced }) =>
		writer.markMonth(mark.month, mark.state, mark.lease),
	dropSomeScans: ({ month, lease }: { month: string; lease: Fenced }) => writer.dropSomeScans(month, lease),
	dropSomeQuarters: ({ before, lease }: { before: number; lease: Fenced }) => writer.dropSomeQuarters(before, lease),
	ping: () => writer.ping(),
	close: () => writer.close(),
};

export type SqliteWriterMethods = typeof methods;

serveWorker(methods);
