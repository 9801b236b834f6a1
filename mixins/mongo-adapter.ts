/**
 * moleculer-db-adapter-mongo, written for driver 3, on driver 7 with ids that are strings. It never waits for a server
 * that is away: every operation fails within about 2 s, and the first one after its return finds the collection made.
 */

import type { Service, ServiceBroker } from "moleculer";
import type { CountOptions, CursorOptions } from "moleculer-db";
import MongoDbAdapter from "moleculer-db-adapter-mongo";
import type { Collection, FindCursor, MongoClient, MongoServerError } from "mongodb";
import { type CollectionPlan, type DocumentShape, makeCollections } from "../platform/store/mongo-collections.ts";
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
	readonly #plan: CollectionPlan;
	#making: Promise<unknown> | undefined;

	constructor(client: MongoClient, url: string, name: string, plan: CollectionPlan) {
		super(url);
		this.#client = client;
		this.#entities = client.db().collection<Entity>(name);
		this.#plan = plan;
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
			return await Promise.race([this.#made().then(operation), limit]);
		} finally {
			clearTimeout(timer);
		}
	}

	#made(): Promise<unknown> {
		this.#making ??= this.#make().catch((error: unknown) => {
			this.#making = undefined;
			throw error;
		});
		return this.#making;
	}

	async #make(): Promise<void> {
		// A client whose first operation failed stays closed for operations: only `connect` opens it again.
		await this.#client.connect();
		await makeCollections(this.#client.db(), { [this.#entities.collectionName]: this.#plan });
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

/** A collection of entities, whose ids are text. */
export function planOf(document: DocumentShape | undefined, indexes: readonly EntityIndex[]): CollectionPlan {
	return {
		document: { ...document, required: { _id: "string", ...document?.required } },
		indexes: indexes.map(({ fields, unique = false, where }) => ({
			key: Object.fromEntries(fields.map((field) => [field, 1])),
			...(unique && { unique, sparse: true }),
			...(where && { partialFilterExpression: where }),
		})),
	};
}

class OutOfPatience extends Error {}
