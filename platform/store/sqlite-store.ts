/**
 * The embedded scan store: one SQLite file, written by one worker thread and read by others, so that no commit or query
 * holds up a redirect and no long reading holds up a commit. What `ingest` has answered is synced to the disk.
 */

import type { Dimension, ScanPlace } from "../../contracts/scan.ts";
import { WorkerClient } from "../worker-rpc.ts";
import { askingOne } from "./answers.ts";
import { unpackPart } from "./packed-part.ts";
import type {
	Closable,
	DayToClose,
	Fenced,
	IngestPart,
	MonthToClose,
	Questions,
	ScanStore,
	Selection,
} from "./scan-store.ts";
import type { SqliteReaderMethods, SqliteReaderOptions } from "./sqlite-reader.worker.ts";
import type { SqliteWriterMethods, SqliteWriterOptions } from "./sqlite-writer.worker.ts";

export interface SqliteStoreOptions {
	/** Path of the database; made when absent. Its `-wal` and `-shm` lie beside it. */
	readonly file: string;
	/**
	 * Threads that answer questions.
	 * @defaultValue 1
	 */
	readonly readers?: number;
}

const READER = new URL("./sqlite-reader.worker.ts", import.meta.url);

/**
 * @throws when the file cannot be opened, or was written by a newer release.
 *
 * @example
 * const store = await openSqliteStore({ file: join(dataDir, "store.db") });
 */
export async function openSqliteStore({ file, readers = 1 }: SqliteStoreOptions): Promise<ScanStore> {
	const options = { file } satisfies SqliteWriterOptions & SqliteReaderOptions;
	const writer = new WorkerClient<SqliteWriterMethods>(new URL("./sqlite-writer.worker.ts", import.meta.url), options);
	const opened: WorkerClient<SqliteReaderMethods>[] = [];
	try {
		// The writer makes the tables that readers expect.
		await writer.call("ping", undefined);
		for (let reader = 0; reader < Math.max(1, readers); reader++) {
			opened.push(new WorkerClient(READER, options));
		}
		await Promise.all(opened.map((reader) => reader.call("ping", undefined)));
	} catch (error) {
		await Promise.all([writer, ...opened].map((worker) => worker.close()));
		throw error;
	}
	return new SqliteStore(writer, opened, options);
}

class SqliteStore implements ScanStore {
	readonly #writer: WorkerClient<SqliteWriterMethods>;
	readonly #readers: { readonly worker: WorkerClient<SqliteReaderMethods>; waiting: number }[];
	readonly #auditors = new Set<WorkerClient<SqliteReaderMethods>>();
	readonly #options: SqliteReaderOptions;
	readonly #one = askingOne((selection, questions) => this.answer(selection, questions));
	#closing: Promise<void> | undefined;

	constructor(
		writer: WorkerClient<SqliteWriterMethods>,
		readers: readonly WorkerClient<SqliteReaderMethods>[],
		options: SqliteReaderOptions,
	) {
		this.#options = options;
		this.#writer = writer;
		this.#readers = readers.map((worker) => ({ worker, waiting: 0 }));
	}

	epoch() {
		return this.#read((reader) => reader.call("epoch", undefined));
	}

	renewEpoch() {
		return this.#writer.call("renewEpoch", undefined);
	}

	partitions() {
		return this.#read((reader) => reader.call("partitions", undefined));
	}

	claim(partition: number, owner: string) {
		return this.#writer.call("claim", { partition, owner });
	}

	async ingest(parts: readonly IngestPart[]) {
		const packed = await this.#writer.call("ingest", parts);
		return packed.map((part, index) => unpackPart(part, parts[index] as IngestPart));
	}

	rehearse(parts: readonly IngestPart[]) {
		return this.#writer.call("rehearse", parts);
	}

	answer(selection: Selection, questions: Questions) {
		return this.#read((reader) => reader.call("answer", { selection, questions }));
	}

	counts(selection: Selection) {
		return this.#one.counts(selection);
	}

	series(selection: Selection, points?: readonly number[]) {
		return this.#one.series(selection, points);
	}

	breakdown(selection: Selection, by: Dimension) {
		return this.#one.breakdown(selection, by);
	}

	hoursOfWeek(selection: Selection, timeZone: string) {
		return this.#one.hoursOfWeek(selection, timeZone);
	}

	minutes(selection: Selection) {
		return this.#read((reader) => reader.call("minutes", selection));
	}

	live(selection: Selection, activeFrom: number) {
		return this.#read((reader) => reader.call("live", { selection, activeFrom }));
	}

	state(query: Parameters<ScanStore["state"]>[0]) {
		return this.#read((reader) => reader.call("state", query));
	}

	recent(query: Parameters<ScanStore["recent"]>[0]) {
		return this.#read((reader) => reader.call("recent", query));
	}

	scans(selection: Selection, after: ScanPlace, limit: number) {
		return this.#read((reader) => reader.call("scans", { selection, after, limit }));
	}

	ledger(query: Parameters<ScanStore["ledger"]>[0]) {
		return this.#read((reader) => reader.call("ledger", query));
	}

	books(query: Parameters<ScanStore["books"]>[0]) {
		return this.#read((reader) => reader.call("books", query));
	}

	organisations() {
		return this.#read((reader) => reader.call("organisations", undefined));
	}

	isClosed(what: Closable) {
		return this.#read((reader) => reader.call("isClosed", what));
	}

	async closeDay(day: DayToClose) {
		const folded = await this.#read((reader) => reader.call("foldDay", day));
		await this.#writer.call("writeDay", folded);
		return { codes: folded.codes.length, scans: folded.total.scans };
	}

	async closeMonth(month: MonthToClose) {
		const folded = await this.#read((reader) => reader.call("foldMonth", month));
		if (!folded) return undefined;
		await this.#writer.call("writeMonth", folded);
		return { codes: folded.codes.length, scans: folded.total.scans };
	}

	/** A quarter of a code is a row of a few numbers here: all of a day's are read in milliseconds. */
	async closeHours() {
		return { hours: 0 };
	}

	quartersFrom() {
		return this.#read((reader) => reader.call("quartersFrom", undefined));
	}

	/** In a thread of its own: it reads everything, and questions are not to wait for it. */
	async audit(query: Parameters<ScanStore["audit"]>[0]) {
		const auditor = new WorkerClient<SqliteReaderMethods>(READER, this.#options);
		this.#auditors.add(auditor);
		try {
			return await auditor.call("audit", query);
		} finally {
			await this.#endAuditor(auditor);
		}
	}

	months() {
		return this.#read((reader) => reader.call("months", undefined));
	}

	markMonth(month: string, state: "open" | "closing", lease: Fenced) {
		return this.#writer.call("markMonth", { month, state, lease });
	}

	async dropMonth(month: string, lease: Fenced) {
		let scans = 0;
		for (;;) {
			const dropped = await this.#writer.call("dropSomeScans", { month, lease });
			if (dropped === 0) return { scans };
			scans += dropped;
		}
	}

	async dropQuarters(before: number, lease: Fenced) {
		let quarters = 0;
		for (;;) {
			const dropped = await this.#writer.call("dropSomeQuarters", { before, lease });
			if (dropped === 0) return { quarters };
			quarters += dropped;
		}
	}

	async ping() {
		await Promise.all([
			this.#writer.call("ping", undefined),
			...this.#readers.map(({ worker }) => worker.call("ping", undefined)),
		]);
	}

	close(): Promise<void> {
		this.#closing ??= this.#close();
		return this.#closing;
	}

	async #close(): Promise<void> {
		for (const auditor of this.#auditors) await this.#endAuditor(auditor);
		const workers = [...this.#readers.map(({ worker }) => worker), this.#writer];
		try {
			// Readers first: the last connection to go, the writer's, moves the WAL into the file.
			for (const { worker } of this.#readers) await worker.call("close", undefined);
			await this.#writer.call("close", undefined);
		} finally {
			await Promise.all(workers.map((worker) => worker.close()));
		}
	}

	async #endAuditor(auditor: WorkerClient<SqliteReaderMethods>): Promise<void> {
		if (this.#auditors.delete(auditor)) await auditor.close();
	}

	/** Asks the reader with the fewest questions waiting. */
	async #read<T>(ask: (reader: WorkerClient<SqliteReaderMethods>) => Promise<T>): Promise<T> {
		const reader = this.#readers.reduce((least, one) => (one.waiting < least.waiting ? one : least));
		reader.waiting++;
		try {
			return await ask(reader.worker);
		} finally {
			reader.waiting--;
		}
	}
}
