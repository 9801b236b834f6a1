/**
 * `ingest` of the embedded store: compare the position and claim, sequence, look up, fold, write, in one transaction.
 * Synchronous; runs in the writer's thread.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { CodedError } from "../../contracts/errors.ts";
import { type Folded, fold, scanKey, visitKey } from "./fold.ts";
import { DAY_MS, firstInstant } from "./quarters.ts";
import type { IngestPart } from "./scan-store.ts";
import { type Sequenced, sequence } from "./sequence.ts";
import type { SqliteMemory } from "./sqlite-memory.ts";
import { closedMonths } from "./sqlite-months.ts";
import type { CodeTotals } from "./sqlite-writes.ts";
import { SqliteWrites } from "./sqlite-writes.ts";

export interface Applied {
	readonly folded: Folded;
	readonly totals: CodeTotals;
}

export class SqliteIngest {
	readonly #database: DatabaseSync;
	readonly #writes: SqliteWrites;
	readonly #selectPartition: StatementSync;
	readonly #selectScan: StatementSync;
	readonly #selectVisit: StatementSync;

	constructor(database: DatabaseSync) {
		this.#database = database;
		this.#writes = new SqliteWrites(database);
		this.#selectPartition = database.prepare("SELECT position, claim FROM partitions WHERE partition = ?");
		this.#selectScan = database.prepare("SELECT 1 FROM scans WHERE organisation = ? AND id = ?");
		this.#selectVisit = database.prepare(
			"SELECT 1 FROM visitors WHERE subject = ? AND day = ? AND visitor = ? AND expires > ?",
		);
	}

	/**
	 * Everything but BEGIN and COMMIT. What it leaves in `memory` is true once the transaction is committed.
	 *
	 * @throws `claim_lost` when a part's claim or position is not the store's.
	 */
	apply(parts: readonly IngestPart[], memory: SqliteMemory, now: number): Applied {
		for (const part of parts) this.#enter(part, memory);
		const sequenced = parts.map((part) => sequence(part, (producer) => memory.producer(part.partition, producer), now));
		const existing = this.#existing(sequenced, memory);
		const folded = fold(
			sequenced,
			existing,
			this.#seen(sequenced, existing, memory, now),
			now,
			closedMonths(this.#database, sequenced, now),
		);
		const totals = this.#writes.write(folded, memory, now);
		for (const { part, to, producers } of sequenced) memory.leave(part.partition, to, producers);
		return { folded, totals };
	}

	#enter({ partition, claim, from }: IngestPart, memory: SqliteMemory): void {
		const stored = this.#selectPartition.get(partition) as { position: number; claim: number } | undefined;
		if (!stored || stored.claim !== claim || stored.position !== from) {
			const found = stored ? `position ${stored.position} and claim ${stored.claim}` : "no claim";
			throw new CodedError(
				"claim_lost",
				`Partition ${partition} has ${found}, not position ${from} and claim ${claim}`,
			);
		}
		memory.enter(partition, claim, from);
	}

	#existing(sequenced: readonly Sequenced[], memory: SqliteMemory): Set<string> {
		const existing = new Set<string>();
		for (const { candidates } of sequenced) {
			for (const { scan } of candidates) {
				const organisation = memory.subject({ organisation: String(scan.organisation) });
				if (organisation === undefined) continue;
				if (this.#selectScan.get(organisation, String(scan.id))) existing.add(scanKey(scan));
			}
		}
		return existing;
	}

	#seen(
		sequenced: readonly Sequenced[],
		existing: ReadonlySet<string>,
		memory: SqliteMemory,
		now: number,
	): Set<string> {
		const seen = new Set<string>();
		const asked = new Set<string>();
		for (const { candidates } of sequenced) {
			for (const { scan } of candidates) {
				const key = visitKey(scan);
				if (key === undefined || asked.has(key) || existing.has(scanKey(scan))) continue;
				asked.add(key);
				const subject = memory.subject({ organisation: String(scan.organisation), code: String(scan.code) });
				if (subject === undefined) continue;
				const day = firstInstant(scan.at, DAY_MS);
				if (this.#selectVisit.get(subject, day, String(scan.visitor), now)) seen.add(key);
			}
		}
		return seen;
	}
}
