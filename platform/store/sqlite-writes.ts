/** Writes what a batch adds into the tables of the embedded store, within the transaction of the caller. */

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { BUCKET_DIMENSIONS, type Counts } from "../../contracts/scan.ts";
import { capValues } from "./bucket.ts";
import type { Folded, RawScan, Visit } from "./fold.ts";
import { type BucketIncrement, type LedgerIncrement, subjectKey, type TotalIncrement } from "./increments.ts";
import { DAY_MS } from "./quarters.ts";
import type { DeadLetter, Sequenced } from "./sequence.ts";
import { dimensionBits } from "./sqlite-dimensions.ts";
import type { SqliteMemory } from "./sqlite-memory.ts";

/** First visits are kept 48 h from commit, dead letters 30 days. */
const VISITS_MS = 2 * DAY_MS;
const DEAD_LETTERS_MS = 30 * DAY_MS;
/** Expired rows deleted in passing with each commit, at the least. */
const EXPIRED_ROWS = 200;

/** Totals after the write, by `subjectKey` of the code. */
export type CodeTotals = ReadonlyMap<string, Counts>;

const ADD_COUNTS =
	"scans = scans + excluded.scans, visitors = visitors + excluded.visitors, bots = bots + excluded.bots";
const RAW_COLUMNS = [
	...["organisation", "code", "partition", "id", "own", "slug", "at", "bot", "first", "visitor", "lat", "lon"],
	...BUCKET_DIMENSIONS,
];

export class SqliteWrites {
	readonly #insertScan: StatementSync;
	readonly #addQuarter: StatementSync;
	readonly #addValue: StatementSync;
	readonly #addTotal: StatementSync;
	readonly #insertVisit: StatementSync;
	readonly #expireVisits: StatementSync;
	readonly #addLedger: StatementSync;
	readonly #addDropped: StatementSync;
	readonly #insertDeadLetter: StatementSync;
	readonly #expireDeadLetters: StatementSync;
	readonly #addRevision: StatementSync;
	readonly #moveProducer: StatementSync;
	readonly #setProducerTotal: StatementSync;
	readonly #movePartition: StatementSync;
	readonly #identifyPartition: StatementSync;

	constructor(database: DatabaseSync) {
		const prepare = (sql: string) => database.prepare(sql);
		this.#insertScan = prepare(
			`INSERT INTO scans (${RAW_COLUMNS.join(", ")}) VALUES (${RAW_COLUMNS.map(() => "?").join(", ")})`,
		);
		this.#addQuarter = prepare(`INSERT INTO quarters VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET ${ADD_COUNTS}, capped = capped | excluded.capped`);
		this.#addValue = prepare(`INSERT INTO quarter_values VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET ${ADD_COUNTS}`);
		this.#addTotal = prepare(`INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET first = min(first, excluded.first), ${ADD_COUNTS}
			RETURNING scans, visitors, bots`);
		// Replaced, not updated: a visit that has expired must go behind the others.
		this.#insertVisit = prepare("INSERT OR REPLACE INTO visitors VALUES (?, ?, ?, ?)");
		this.#expireVisits = prepare(expireOldest("visitors"));
		this.#addLedger = prepare(`INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET accepted = accepted + excluded.accepted, stored = stored + excluded.stored,
				duplicate = duplicate + excluded.duplicate, missing = missing + excluded.missing`);
		this.#addDropped = prepare(
			"INSERT INTO ledger_dropped VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
		);
		this.#insertDeadLetter = prepare("INSERT INTO dead_letters VALUES (?, ?, ?, ?, ?, ?)");
		this.#expireDeadLetters = prepare(expireOldest("dead_letters"));
		this.#addRevision = prepare("INSERT INTO revisions VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n");
		this.#moveProducer = prepare(`INSERT INTO producers VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET number = excluded.number, at = excluded.at`);
		this.#setProducerTotal = prepare(`INSERT INTO producer_totals VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET total = excluded.total`);
		this.#movePartition = prepare("UPDATE partitions SET position = ? WHERE partition = ?");
		this.#identifyPartition = prepare("UPDATE partitions SET log = ?, producer = ?, number = ? WHERE partition = ?");
	}

	/** @param now epoch ms */
	write(folded: Folded, memory: SqliteMemory, now: number): CodeTotals {
		for (const scan of folded.raw) this.#writeScan(scan, memory);
		for (const bucket of folded.buckets) this.#writeBucket(bucket, memory);
		for (const visit of folded.visits) this.#writeVisit(visit, memory, now);
		this.#expireVisits.run(2 * folded.visits.length + EXPIRED_ROWS, now);
		for (const { organisation, quarters } of folded.revisions) {
			const subject = memory.makeSubject({ organisation });
			for (const [at, n] of quarters) this.#addRevision.run(subject, at, n);
		}
		for (const entry of folded.ledger) this.#writeLedger(entry);
		for (const letter of folded.deadLetters) this.#writeDeadLetter(letter, now);
		if (folded.deadLetters.length > 0) this.#expireDeadLetters.run(2 * folded.deadLetters.length + EXPIRED_ROWS, now);
		for (const { sequenced } of folded.parts) this.#writePlace(sequenced);
		return this.#writeTotals(folded.totals, memory);
	}

	#writeScan({ scan, partition }: RawScan, memory: SqliteMemory): void {
		const { organisation, code } = scan;
		const row: SQLInputValue[] = [
			memory.makeSubject({ organisation }),
			memory.makeSubject({ organisation, code }),
			partition,
			scan.id,
			scan.ownId ? 1 : 0,
			scan.slug,
			scan.at,
			scan.bot ? 1 : 0,
			scan.first ? 1 : 0,
			scan.visitor ?? null,
			scan.lat ?? null,
			scan.lon ?? null,
		];
		for (const dimension of BUCKET_DIMENSIONS) row.push(scan[dimension] ?? null);
		this.#insertScan.run(...row);
	}

	#writeBucket(bucket: BucketIncrement, memory: SqliteMemory): void {
		const { at, partition, scans, visitors, bots } = bucket;
		const subject = memory.makeSubject(bucket);
		const { values, capped } = memory.keeping(bucket, subject, (kept) => capValues(bucket.values, kept));
		this.#addQuarter.run(subject, at, partition, scans, visitors, bots, dimensionBits(capped));
		for (let dimension = 0; dimension < values.length; dimension++) {
			for (const [value, tally] of values[dimension] ?? []) {
				const { scans, visitors, bots } = tally;
				this.#addValue.run(subject, at, partition, dimension, value, scans, visitors, bots);
			}
		}
	}

	#writeTotals(totals: readonly TotalIncrement[], memory: SqliteMemory): CodeTotals {
		const after = new Map<string, Counts>();
		for (const { organisation, code, partition, first, scans, visitors, bots } of totals) {
			const subject = memory.makeSubject({ organisation, code });
			const row = this.#addTotal.get(subject, partition, first, scans, visitors, bots) as unknown as Counts;
			if (code !== undefined) after.set(subjectKey(organisation, code), { ...row });
		}
		return after;
	}

	#writeVisit({ organisation, code, day, visitor }: Visit, memory: SqliteMemory, now: number): void {
		this.#insertVisit.run(memory.makeSubject({ organisation, code }), day, visitor, now + VISITS_MS);
	}

	#writeLedger({ organisation, hour, accepted, stored, duplicate, missing, dropped }: LedgerIncrement): void {
		this.#addLedger.run(organisation, hour, accepted, stored, duplicate, missing);
		for (const [reason, n] of dropped) this.#addDropped.run(organisation, hour, reason, n);
	}

	#writeDeadLetter({ organisation, partition, position, reason, data }: DeadLetter, now: number): void {
		this.#insertDeadLetter.run(organisation ?? null, partition, position, reason, data, now + DEAD_LETTERS_MS);
	}

	#writePlace({ part: { partition }, to, identity, producers }: Sequenced): void {
		this.#movePartition.run(to, partition);
		if (identity) this.#identifyPartition.run(identity.log, identity.producer, identity.number, partition);
		for (const { producer, number, at, changed } of producers) {
			this.#moveProducer.run(partition, producer, number, at);
			for (const [organisation, total] of Object.entries(changed)) {
				this.#setProducerTotal.run(partition, producer, organisation, total);
			}
		}
	}
}

/** Deletes those of a table's oldest rows that have expired. Parameters: how many to look at, epoch ms. */
function expireOldest(table: string): string {
	return `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} ORDER BY rowid LIMIT ?) AND expires <= ?`;
}
