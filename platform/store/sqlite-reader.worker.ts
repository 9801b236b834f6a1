/** A thread that answers questions from an embedded scan store, each from one snapshot, beside the thread that writes. */

import type { DatabaseSync } from "node:sqlite";
import { workerData } from "node:worker_threads";
import { serveWorker } from "../worker-rpc.ts";
import { audit } from "./audit.ts";
import type {
	AuditReport,
	Closable,
	DayToClose,
	LedgerSums,
	MonthToClose,
	PartitionState,
	Questions,
	Reading,
	ScanStore,
	Selection,
} from "./scan-store.ts";
import { SqliteAuditSource } from "./sqlite-audit.ts";
import { isClosed } from "./sqlite-closed.ts";
import { type FoldedMonth, foldMonth } from "./sqlite-closed-months.ts";
import { type FoldedDay, foldDay } from "./sqlite-days.ts";
import { readBooks, readLedger, readOrganisations, readRecent, readState } from "./sqlite-listings.ts";
import { readMonths, readQuartersFrom } from "./sqlite-months.ts";
import { type PageQuery, readPage } from "./sqlite-pages.ts";
import { readPartitions } from "./sqlite-partitions.ts";
import { SqliteQuestions } from "./sqlite-questions.ts";
import { openForReading } from "./sqlite-schema.ts";

export interface SqliteReaderOptions {
	readonly file: string;
}

class SqliteReader {
	readonly #database: DatabaseSync;
	readonly #questions: SqliteQuestions;

	constructor({ file }: SqliteReaderOptions) {
		this.#database = openForReading(file);
		this.#questions = new SqliteQuestions(this.#database);
	}

	/** Runs `work` on one snapshot. */
	snapshot<T>(work: (database: DatabaseSync, questions: SqliteQuestions) => T): T {
		this.#database.exec("BEGIN");
		try {
			return work(this.#database, this.#questions);
		} finally {
			this.#database.exec("COMMIT");
		}
	}

	/** Runs `work` on one snapshot, and says which. */
	reading<T>(work: (database: DatabaseSync, questions: SqliteQuestions) => T): Reading<T> {
		return this.snapshot((database, questions) => {
			const value = work(database, questions);
			const positions = Object.fromEntries(
				readPartitions(database).map(({ partition, position }) => [partition, position]),
			);
			return { value, epoch: readEpoch(database), positions, capped: false };
		});
	}

	/** Takes many snapshots: in a thread that answers nothing else. */
	audit(organisation: string, month?: string): Promise<AuditReport> {
		return audit(new SqliteAuditSource(this.#database, organisation), organisation, month);
	}

	close(): void {
		this.#database.close();
	}
}

function readEpoch(database: DatabaseSync): string {
	const row = database.prepare("SELECT value FROM meta WHERE name = 'epoch'").get();
	return (row as { value: string }).value;
}

const reader = new SqliteReader(workerData as SqliteReaderOptions);

type Query<M extends "state" | "recent" | "ledger" | "books" | "audit"> = Parameters<ScanStore[M]>[0];

const methods = {
	epoch: (_: undefined): string => reader.snapshot(readEpoch),
	partitions: (_: undefined): PartitionState[] => reader.snapshot(readPartitions),
	answer({ selection, questions: asked }: { selection: Selection; questions: Questions }) {
		const { value, ...frame } = reader.reading((_, questions) => questions.answer(selection, asked));
		return { ...frame, ...value };
	},
	minutes: (selection: Selection) => reader.reading((_, questions) => questions.minutes(selection)),
	live({ selection, activeFrom }: { selection: Selection; activeFrom: number }) {
		const { value, ...frame } = reader.reading((_, questions) => questions.live(selection, activeFrom));
		return { ...frame, ...value };
	},
	state: (query: Query<"state">) => reader.reading((database, questions) => readState(database, questions, query)),
	recent: (query: Query<"recent">) => reader.reading((database) => readRecent(database, query)),
	scans: (query: PageQuery) => reader.reading((database) => readPage(database, query)),
	ledger: (query: Query<"ledger">): LedgerSums => reader.snapshot((database) => readLedger(database, query)),
	books: (query: Query<"books">) => reader.reading((database) => readBooks(database, query)),
	organisations: (_: undefined) => reader.snapshot(readOrganisations),
	isClosed: (what: Closable) => reader.snapshot((database) => isClosed(database, what)),
	foldDay: (day: DayToClose): FoldedDay => reader.snapshot((database) => foldDay(database, day)),
	foldMonth: (month: MonthToClose): FoldedMonth | undefined =>
		reader.snapshot((database) => foldMonth(database, month)),
	quartersFrom: (_: undefined) => reader.snapshot(readQuartersFrom),
	months: (_: undefined) => reader.snapshot(readMonths),
	audit: ({ organisation, month }: Query<"audit">) => reader.audit(organisation, month),
	ping: (_: undefined): void => void reader.snapshot(readEpoch),
	close: (_: undefined): void => reader.close(),
};

export type SqliteReaderMethods = typeof methods;

serveWorker(methods);
