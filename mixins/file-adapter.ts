/**
 * moleculer-db's built-in adapter on a file of its own, made as durable as the rest of the product: what it confirmed has
 * been synced to the disk, so it survives a killed process and a power cut. An entry that was torn by one was never
 * confirmed and is cut off; after a failed write the file is read again before it is believed again.
 */

import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import DbService, { type CountOptions, type CursorOptions } from "moleculer-db";
import { type EntityAdapter, type EntityIndex, type Failure, searching, sorting } from "./entity-adapter.ts";

/** Entries appended before the file is written anew with only what is current. */
const COMPACT_AFTER = 5_000;
const READ_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

type FileHandle = Awaited<ReturnType<typeof open>>;

/** The part of NeDB's datastore that is used here. */
interface Datastore {
	ensureIndexAsync(options: { fieldName: string; unique: boolean; sparse: boolean }): Promise<void>;
	countAsync(query: object): Promise<number>;
	updateAsync(
		query: object,
		update: object,
		options: object,
	): Promise<{ numAffected: number; affectedDocuments: object | null }>;
	find(query: object): Cursor;
	readonly persistence: {
		persistNewStateAsync(entries: readonly object[]): Promise<void>;
		persistCachedDatabaseAsync(): Promise<void>;
	};
}

interface Cursor {
	/** Copies what was found; without it the entities themselves are given. */
	mapFn: unknown;
	execAsync(): Promise<Entity[]>;
}

type Entity = Readonly<Record<string, unknown>>;

/** The disk refused: nothing is known of the file until it has been read, and written anew, with success. */
class WriteFailed extends Error {
	constructor(cause: unknown) {
		super("The entity file could not be written", { cause });
	}
}

export class FileEntityAdapter extends DbService.MemoryAdapter implements EntityAdapter {
	declare db: Datastore;
	readonly #file: string;
	readonly #indexes: readonly EntityIndex[];
	#handle: FileHandle | undefined;
	#appended = 0;
	#stopped = false;
	#opening: Promise<void> | undefined;

	/** @param file where the entities are; its folder is made when absent */
	constructor(file: string, indexes: readonly EntityIndex[]) {
		super({ filename: file, corruptAlertThreshold: 0 });
		this.#file = file;
		this.#indexes = indexes;
	}

	override connect(): Promise<void> {
		this.#stopped = false;
		return this.#ready();
	}

	override async disconnect(): Promise<void> {
		this.#stopped = true;
		await this.#opening?.catch(() => undefined);
		await this.#distrust();
	}

	async run<R>(operation: () => Promise<R>): Promise<R> {
		try {
			await this.#ready();
		} catch (error) {
			throw new WriteFailed(error);
		}
		return operation();
	}

	async #ready(): Promise<void> {
		if (this.#stopped) throw new Error("The file is closed");
		this.#opening ??= this.#open().catch((error: unknown) => {
			this.#opening = undefined;
			throw error;
		});
		await this.#opening;
	}

	async #open(): Promise<void> {
		await mkdir(dirname(this.#file), { recursive: true });
		await cutTornEntry(this.#file);
		await super.connect();
		this.#handle = await open(this.#file, "a");
		this.#appended = 0;
		this.db.persistence.persistNewStateAsync = (entries) => this.#append(this.db, entries);
		for (const { fields, unique = false } of this.#indexes) {
			const [field, ...others] = fields.filter((name) => name !== "_id");
			// Those of several fields would not help: everything is in memory, and NeDB uses one field of a query.
			if (field && (unique || others.length === 0))
				await this.db.ensureIndexAsync({ fieldName: field, unique, sparse: true });
		}
	}

	/** Runs within NeDB's queue, so one at a time and in the order of the changes. */
	async #append(store: Datastore, entries: readonly object[]): Promise<void> {
		if (entries.length === 0) return;
		if (!this.#handle || store !== this.db) throw new WriteFailed(new Error("The file is closed"));
		try {
			await this.#handle.appendFile(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
			await this.#handle.datasync();
			this.#appended += entries.length;
			if (this.#appended >= COMPACT_AFTER) await this.#compact(store);
		} catch (error) {
			await this.#distrust();
			throw new WriteFailed(error);
		}
	}

	async #compact(store: Datastore): Promise<void> {
		await store.persistence.persistCachedDatabaseAsync();
		await this.#handle?.close();
		this.#handle = await open(this.#file, "a");
		this.#appended = 0;
	}

	/** Memory may hold what the file does not: the next operation begins with reading the file. */
	async #distrust(): Promise<void> {
		const handle = this.#handle;
		this.#handle = undefined;
		this.#opening = undefined;
		await handle?.close().catch(() => undefined);
	}

	override count(options: CountOptions = {}): Promise<number> {
		return this.db.countAsync(searching(options));
	}

	override async updateMany<Q extends object>(query: Q, update: object): Promise<number> {
		return (await this.db.updateAsync(query, update, { multi: true })).numAffected;
	}

	override async updateById(id: string | number, update: object): Promise<object> {
		const { affectedDocuments } = await this.db.updateAsync({ _id: id }, update, { returnUpdatedDocs: true });
		return affectedDocuments as object;
	}

	/** NeDB's own sorting takes a path apart for each comparison: seconds where this takes milliseconds. */
	override async find(options: CursorOptions): Promise<object[]> {
		const cursor = this.db.find(searching(options));
		cursor.mapFn = undefined;
		const found = await cursor.execAsync();
		const start = Number(options.offset ?? 0);
		const end = options.limit === undefined ? found.length : start + Number(options.limit);
		const page = found.sort(inOrder(Object.entries(sorting(options.sort)))).slice(start, end);
		return page.map((entity) => structuredClone(entity));
	}

	failure(error: unknown): Failure {
		if (error instanceof WriteFailed) return { kind: "away" };
		const { errorType, key } = error as { errorType?: string; key?: unknown };
		return errorType === "uniqueViolated" ? { kind: "duplicate", value: key } : { kind: "fault" };
	}
}

/** Absent values first, then by value; fields are of one type. */
function inOrder(criteria: readonly [string, 1 | -1][]): (a: Entity, b: Entity) => number {
	return (a, b) => {
		for (const [field, direction] of criteria) {
			const [x, y] = [a[field] as string | undefined, b[field] as string | undefined];
			if (x === y) continue;
			const before = x === undefined || (y !== undefined && x < y);
			return before ? -direction : direction;
		}
		return 0;
	};
}

/** Cuts a file behind its last newline: what follows is an entry whose writing did not end. */
async function cutTornEntry(file: string): Promise<void> {
	let handle: FileHandle;
	try {
		handle = await open(file, "r+");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
		throw error;
	}
	try {
		const { size } = await handle.stat();
		let end = size;
		while (end > 0) {
			const start = Math.max(0, end - READ_BYTES);
			const { buffer } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
			const newline = buffer.lastIndexOf(NEWLINE);
			end = newline < 0 ? start : start + newline + 1;
			if (newline >= 0) break;
		}
		if (end < size) await handle.truncate(end);
	} finally {
		await handle.close();
	}
}
