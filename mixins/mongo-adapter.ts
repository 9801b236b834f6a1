/**
 * moleculer-db-adapter-mongo, written for driver 3, on driver 7 with ids that are strings. It never waits for a server
 * that is away: every operation fails within about 2 s, and the first one after its return finds the indexes made.
 */

import type { Service, ServiceBroker } from "moleculer";
import type { CountOptions, CursorOptions } from "moleculer-db";
import MongoDbAdapter from "moleculer-db-adapter-mongo";
import type { Collection, FindCursor, MongoClient, MongoServerError } from "mongodb";
import { isAway, isDuplicateKey } from "../platform/store/mongo-errors.ts";
import { type EntityAdapter, type EntityIndex, type Failure, searching, sorting } from "./entity-adapter.ts";

/** Longest an operation may take before the database counts as away, ms. */
const PATIENCE_MS = 2_000;

interface Entity {
	_id: string;
	[field: string]: unknown;
}

export class MongoEntityAdapter extends MongoDbAdapter implements EntityAdapter {
	readonly #client: MongoClient;
	readonly #entities: Collection<Entity>;
	readonly #indexes: readonly EntityIndex[];
	#indexing: Promise<unknown> | undefined;

	constructor(client: MongoClient, url: string, name: string, indexes: readonly EntityIndex[]) {
		super(url);
		this.#client = client;
		this.#entities = client.db().collection<Entity>(name);
		this.#indexes = indexes;
		this.collection = client.db().collection(name);
	}

	/** The names of collections are the adapter's own, so the service's schema needs none. */
	override init(_broker: ServiceBroker, _service: Service): void {}

	/** Begins to connect and leaves it at that: a server that is away must not hold up the start. */
	override async connect(): Promise<void> {
		this.run(async () => undefined).catch(() => undefined);
	}

	/** The client belongs to whoever made it. */
	override async disconnect(): Promise<void> {}

	/** What hangs is left to the driver, which finds out in its own time; the caller hears of it soon. */
	async run<R>(operation: () => Promise<R>): Promise<R> {
		let timer: NodeJS.Timeout | undefined;
		const limit = new Promise<never>((_, reject) => {
			timer = setTimeout(() => reject(new OutOfPatience("MongoDB does not answer")), PATIENCE_MS);
		});
		try {
			return await Promise.race([this.#indexed().then(operation), limit]);
		} finally {
			clearTimeout(timer);
		}
	}

	#indexed(): Promise<unknown> {
		this.#indexing ??= this.#makeIndexes().catch((error: unknown) => {
			this.#indexing = undefined;
			throw error;
		});
		return this.#indexing;
	}

	async #makeIndexes(): Promise<void> {
		// A client whose first operation failed stays closed for operations: only `connect` opens it again.
		await this.#client.connect();
		const wanted = this.#indexes.map(({ fields, unique = false }) => ({
			key: Object.fromEntries(fields.map((field) => [field, 1])),
			...(unique ? { unique, sparse: true } : {}),
		}));
		if (wanted.length > 0) await this.#entities.createIndexes(wanted);
	}

	override async count(options: CountOptions = {}): Promise<number> {
		return this.#entities.countDocuments(searching(options));
	}

	override async insert(entity: object): Promise<object[]> {
		await this.#entities.insertOne(entity as Entity);
		return [entity];
	}

	override async insertMany(...entities: object[]): Promise<object[]> {
		await this.#entities.insertMany(entities as Entity[]);
		return entities;
	}

	/** How many there were, also when a change left them as they were. */
	override async updateMany<Q extends object>(query: Q, update: object): Promise<number> {
		return (await this.#entities.updateMany(query, update)).matchedCount;
	}

	override async updateById(id: string, update: object): Promise<object> {
		return (await this.#entities.findOneAndUpdate({ _id: id }, update, { returnDocument: "after" })) as object;
	}

	override removeById(id: string): Promise<unknown> {
		return this.#entities.findOneAndDelete({ _id: id });
	}

	override createCursor(options: CursorOptions): FindCursor<Entity> {
		const cursor = this.#entities.find(searching(options)).sort(sorting(options.sort));
		if (Number(options.offset) > 0) cursor.skip(Number(options.offset));
		if (Number(options.limit) > 0) cursor.limit(Number(options.limit));
		return cursor;
	}

	/** Ids are strings as they are, also where they could be read as an ObjectId. */
	stringToObjectID(id: unknown): unknown {
		return id;
	}

	failure(error: unknown): Failure {
		if (isDuplicateKey(error)) {
			return { kind: "duplicate", value: Object.values((error as MongoServerError).keyValue ?? {})[0] };
		}
		return { kind: error instanceof OutOfPatience || isAway(error) ? "away" : "fault" };
	}
}

class OutOfPatience extends Error {}
