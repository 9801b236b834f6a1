/**
 * The entities of one kind, typed, on whichever adapter the configuration asks for. An entity's key is `id`. Failures
 * leave here coded: `conflict` when a unique value is taken, `unavailable` when the database is away.
 */

import { CodedError, codeOf, dataOf } from "../contracts/errors.ts";
import type { EntityAdapter } from "./entity-adapter.ts";

/** How soon a caller may try again when the database is away, ms. */
const RETRY_AFTER_MS = 1_000;

export interface Entity {
	readonly id: string;
}

/** Conditions in the query language that NeDB and MongoDB share. */
export type EntityQuery = Readonly<Record<string, unknown>>;

export interface EntitySelection {
	readonly query?: EntityQuery;
	/** Part of one of `searchFields`, whatever its case. */
	readonly search?: string;
	readonly searchFields?: readonly string[];
	/** A field, with a leading `-` for descending; ties by id in the same direction. @defaultValue by id */
	readonly sort?: string;
	readonly offset?: number;
	readonly limit?: number;
}

export interface EntityChange<T> {
	readonly set?: Partial<T>;
	readonly unset?: readonly (keyof T & string)[];
}

export class EntityCollection<T extends Entity> {
	readonly #name: string;
	readonly #adapter: EntityAdapter;

	constructor(name: string, adapter: EntityAdapter) {
		this.#name = name;
		this.#adapter = adapter;
	}

	/** @throws `conflict` with the taken `value` in its data; `unavailable`. */
	async insert(entity: T): Promise<void> {
		await this.#run(() => this.#adapter.insert(this.#adapter.beforeSaveTransformID(entity, "id")));
	}

	/** Inserts unless there is one with the id or a unique value already; true when it did. */
	async insertIfAbsent(entity: T): Promise<boolean> {
		try {
			await this.insert(entity);
			return true;
		} catch (error) {
			if (isTaken(error)) return false;
			throw error;
		}
	}

	get(id: string): Promise<T | null> {
		return this.first({ id });
	}

	async first(query: EntityQuery): Promise<T | null> {
		const found = await this.#run(() => this.#adapter.findOne(stored(query)));
		return found ? this.#entity(found) : null;
	}

	async find(selection: EntitySelection): Promise<T[]> {
		const found = await this.#run(() =>
			this.#adapter.find({
				...criteria(selection),
				sort: [selection.sort === undefined ? "_id" : selection.sort.replace(/^(-?)id$/, "$1_id")],
				offset: selection.offset,
				limit: selection.limit,
			} as Parameters<EntityAdapter["find"]>[0]),
		);
		return found.map((entity) => this.#entity(entity));
	}

	count(selection: Pick<EntitySelection, "query" | "search" | "searchFields">): Promise<number> {
		return this.#run(() => this.#adapter.count(criteria(selection)));
	}

	/** Changes the entities that the query holds for, each atomically; how many there were. @throws as `insert`. */
	change(query: EntityQuery, { set = {}, unset = [] }: EntityChange<T>): Promise<number> {
		const update = {
			...(Object.keys(set).length > 0 ? { $set: set } : {}),
			...(unset.length > 0 ? { $unset: Object.fromEntries(unset.map((field) => [field, true])) } : {}),
		};
		return this.#run(() => this.#adapter.updateMany(stored(query), update));
	}

	/** Removes the entities that the query holds for; how many there were. */
	remove(query: EntityQuery): Promise<number> {
		return this.#run(() => this.#adapter.removeMany(stored(query)));
	}

	#entity(found: object): T {
		return this.#adapter.afterRetrieveTransformID(found, "id") as T;
	}

	async #run<R>(operation: () => Promise<R>): Promise<R> {
		try {
			return await this.#adapter.run(operation);
		} catch (error) {
			const failure = this.#adapter.failure(error);
			if (failure.kind === "duplicate") {
				throw new CodedError("conflict", `Another of ${this.#name} has ${JSON.stringify(failure.value)}`, {
					value: failure.value,
				});
			}
			if (failure.kind === "away") {
				throw new CodedError("unavailable", `The store of ${this.#name} is away`, { retryAfterMs: RETRY_AFTER_MS });
			}
			throw error;
		}
	}
}

/** Whether an insert or change failed because a unique value, this one when given, is taken. */
export function isTaken(error: unknown, value?: unknown): boolean {
	return (
		codeOf(error) === "conflict" && "value" in dataOf(error) && (value === undefined || dataOf(error).value === value)
	);
}

function criteria({ query = {}, search, searchFields }: EntitySelection) {
	return { query: stored(query), search, searchFields: searchFields && [...searchFields] };
}

function stored(query: EntityQuery): Record<string, unknown> {
	return Object.fromEntries(Object.entries(query).map(([field, value]) => [field === "id" ? "_id" : field, value]));
}
