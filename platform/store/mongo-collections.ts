/**
 * Making collections as they are planned: with a validator, so that MongoDB itself refuses a document of another shape,
 * and with their indexes. What is there already is brought up to date; several processes may do so at once.
 */

import { setTimeout as delay } from "node:timers/promises";
import { type Db, type Document, type IndexDescription, MongoServerError } from "mongodb";
import { isIndexBeingBuilt, isOutOfTime } from "./mongo-errors.ts";

/** A type as MongoDB names it (`number` is any of its numbers), or what `$jsonSchema` says of a field. */
export type FieldSchema = FieldType | Document;
type FieldType = "string" | "number" | "bool" | "date" | "object" | "array" | "binData";

/**
 * What every document of a collection is. Fields that are not named may be there: a process of the version before must
 * not refuse what a newer one beside it writes.
 */
export interface DocumentShape {
	readonly required: Readonly<Record<string, FieldSchema>>;
	readonly optional?: Readonly<Record<string, FieldSchema>>;
}

export interface CollectionPlan {
	/** @defaultValue 1; raised with every change of the shape, so that no older process takes a change back */
	readonly version?: number;
	readonly document: DocumentShape;
	readonly indexes?: readonly IndexDescription[];
}

const NAMESPACE_EXISTS = 48;
/** How long a change of a validator waits for the transactions that hold its collection, and for others' index builds, ms. */
const CHANGE_PATIENCE_MS = 2_000;
const CHANGE_AGAIN_MS = 20;

/** Makes the collections that are missing, and brings validators and indexes of the others up to date. */
export async function makeCollections(db: Db, plans: Readonly<Record<string, CollectionPlan>>): Promise<void> {
	await Promise.all(Object.entries(plans).map(([name, plan]) => make(db, name, plan)));
}

async function make(db: Db, name: string, plan: CollectionPlan): Promise<void> {
	const wanted = {
		validator: { $jsonSchema: schemaOf(plan) },
		validationLevel: "strict",
		validationAction: "error",
	} as const;
	try {
		await db.createCollection(name, wanted);
	} catch (error) {
		if (!(error instanceof MongoServerError && error.code === NAMESPACE_EXISTS)) throw error;
		await bringUpToDate(db, name, wanted);
	}
	if (plan.indexes?.length) await db.collection(name).createIndexes([...plan.indexes]);
}

interface Validation {
	readonly validator?: Document;
	readonly validationLevel?: string;
	readonly validationAction?: string;
}

async function bringUpToDate(db: Db, name: string, wanted: Validation): Promise<void> {
	const [found] = await db.listCollections({ name }).toArray();
	const { validator, validationLevel, validationAction }: Validation = (found as Document | undefined)?.options ?? {};
	const same = JSON.stringify({ validator, validationLevel, validationAction }) === JSON.stringify(wanted);
	if (same || versionOf(validator) > versionOf(wanted.validator)) return;
	// What a dead process left open, or an index that another builds, holds it up: counting must not wait longer for that,
	// the next start changes it.
	const deadline = performance.now() + CHANGE_PATIENCE_MS;
	for (let left = CHANGE_PATIENCE_MS; left > 0; left = Math.floor(deadline - performance.now())) {
		try {
			await db.command({ collMod: name, ...wanted, maxTimeMS: left });
			return;
		} catch (error) {
			if (isOutOfTime(error)) return;
			if (!isIndexBeingBuilt(error)) throw error;
			await delay(CHANGE_AGAIN_MS);
		}
	}
}

const versionOf = (validator: Document | undefined) => Number(validator?.$jsonSchema?.title ?? 0);

function schemaOf({ version = 1, document: { required, optional = {} } }: CollectionPlan): Document {
	return { title: String(version), ...shaped(required, optional) };
}

/** The schema of an object with these fields. */
export function shaped(required: DocumentShape["required"], optional: DocumentShape["required"] = {}): Document {
	const fields = Object.entries({ ...required, ...optional });
	const names = Object.keys(required);
	return {
		bsonType: "object",
		// An empty list is none that MongoDB takes.
		...(names.length > 0 && { required: names }),
		properties: Object.fromEntries(fields.map(([name, field]) => [name, fieldSchema(field)])),
	};
}

/** The schema of a list of such items. */
export function listOf(item: FieldSchema): Document {
	return { bsonType: "array", items: fieldSchema(item) };
}

export function oneOf(values: readonly string[]): Document {
	return { enum: [...values] };
}

function fieldSchema(field: FieldSchema): Document {
	return typeof field === "string" ? { bsonType: field } : field;
}
