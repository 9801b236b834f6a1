/**
 * moleculer-db as a mixin: the entity collections of an actor, in MongoDB when `MONGO_URL` is set, else in files of the
 * data folder. None of moleculer-db's own actions exists: an actor offers exactly what contracts/actions.ts names.
 */

import { join } from "node:path";
import type { Service, ServiceSchema } from "moleculer";
import DbService from "moleculer-db";
import type { Config } from "../platform/config.ts";
import type { DocumentShape } from "../platform/store/mongo-collections.ts";
import { createMongoClient } from "../platform/store/mongo-connection.ts";
import type { EntityAdapter, EntityIndex } from "./entity-adapter.ts";
import { type Entity, EntityCollection } from "./entity-collection.ts";
import { FileEntityAdapter } from "./file-adapter.ts";
import { MongoEntityAdapter, planOf } from "./mongo-adapter.ts";

/** Connections of one actor's entity stores; what they are asked takes a millisecond or two. */
const POOL_SIZE = 10;
/** Folder within the data folder that holds a file a collection. */
const ENTITIES_FOLDER = "entities";

export interface CollectionOptions {
	/** Name in the database, and of the file. */
	readonly collection: string;
	/** What MongoDB refuses to be without, `id` apart; a file takes what it is given. */
	readonly document?: DocumentShape;
	readonly indexes?: readonly EntityIndex[];
}

/** The entity stores of one actor: a mixin that opens and closes them, and access to each collection. */
export interface EntityStores {
	readonly mixin: Partial<ServiceSchema>;
	/** @throws when the collection was not declared. */
	of<T extends Entity>(collection: string): EntityCollection<T>;
}

/**
 * Declares the collections of an actor; the first is moleculer-db's own `adapter` of the service.
 *
 * @example const stores = db(platform.config, [{ collection: "codes", indexes: [{ fields: ["slugs"], unique: true }] }]);
 */
export function db(config: Config, collections: readonly CollectionOptions[]): EntityStores {
	const { mongoUrl, dataDir } = config;
	const client = mongoUrl === undefined ? undefined : createMongoClient({ url: mongoUrl, maxPoolSize: POOL_SIZE });
	const adapters = new Map<string, EntityAdapter>(
		collections.map(({ collection, document, indexes = [] }) => [
			collection,
			client && mongoUrl !== undefined
				? new MongoEntityAdapter(client, mongoUrl, collection, planOf(document, indexes))
				: new FileEntityAdapter(join(dataDir, ENTITIES_FOLDER, `${collection}.db`), indexes),
		]),
	);
	const all = [...adapters.values()];

	// Its start would try for ever, its actions would be open to every node: of its lifecycle, creation is enough.
	const {
		actions: _actions,
		created,
		started: _started,
		stopped: _stopped,
		...base
	} = DbService as unknown as ServiceSchema;
	const mixin: Partial<ServiceSchema> & { merged(schema: { adapter: unknown }): void } = {
		...base,
		/** Given here because schemas are cloned while they are merged, and an open adapter cannot be. */
		merged(schema) {
			schema.adapter = all[0];
		},
		created: [
			created as (this: Service) => void,
			function (this: Service) {
				for (const adapter of all.slice(1)) adapter.init(this.broker, this);
			},
		],
		async started() {
			for (const adapter of all) await adapter.connect();
		},
		async stopped() {
			for (const adapter of all) await adapter.disconnect();
			await client?.close();
		},
	};

	return {
		mixin,
		of<T extends Entity>(collection: string) {
			const adapter = adapters.get(collection);
			if (!adapter) throw new Error(`The collection ${collection} was not declared`);
			return new EntityCollection<T>(collection, adapter);
		},
	};
}
