/** What is kept of codes: the collections, which documents a database takes in them, and the indexes of their questions. */

import { DEVICES } from "../../contracts/scan.ts";
import type { CollectionOptions } from "../../mixins/db.ts";
import { type DocumentShape, listOf, oneOf, shaped } from "../../platform/store/mongo-collections.ts";

const EDIT: DocumentShape["required"] = {
	...{ organisation: "string", code: "string", version: "number", action: oneOf(["created", "updated", "deleted"]) },
	...{ at: "string", by: "string", fields: "object" },
};

const RULE = shaped({
	if: shaped(
		{},
		{
			...{ country: "string", device: oneOf(DEVICES), os: "string", language: "string" },
			...{ after: "string", before: "string" },
		},
	),
	url: "string",
});

export const CODE_COLLECTIONS: readonly CollectionOptions[] = [
	{
		collection: "codes",
		document: {
			required: {
				...{ organisation: "string", slug: "string", url: "string", name: "string", active: "bool" },
				tags: listOf("string"),
				rules: listOf(RULE),
				variants: listOf(shaped({ url: "string", weight: "number" })),
				placements: listOf(shaped({ key: "string", name: "string" }, { lat: "number", lon: "number" })),
				...{ createdAt: "string", updatedAt: "string", slugs: listOf("string"), sortName: "string" },
				...{ version: "number", changedAt: "number", deleted: "bool", usedUp: "bool", scansSeen: "number" },
				edit: shaped({ id: "string", ...EDIT }),
			},
			optional: { expiresAt: "string", maxScans: "number", fallbackUrl: "string" },
		},
		indexes: [
			{ fields: ["slugs"], unique: true },
			// A page in each order, and how many there are, `active` told without reading a code.
			{ fields: ["organisation", "deleted", "createdAt", "_id", "active"] },
			{ fields: ["organisation", "deleted", "updatedAt", "_id", "active"] },
			{ fields: ["organisation", "deleted", "sortName", "_id", "active"] },
			{ fields: ["organisation", "deleted", "slug", "_id", "active"] },
			{ fields: ["organisation", "deleted", "tags", "createdAt", "_id", "active"] },
			{ fields: ["maxScans", "_id"], where: { maxScans: { $gt: 0 }, usedUp: false, deleted: false } },
			{ fields: ["changedAt"] },
		],
	},
	{
		collection: "code_history",
		document: { required: EDIT },
		indexes: [
			{
				fields: ["organisation", "at", "_id", "code"],
				where: { action: "updated", "fields.url": { $exists: true } },
			},
		],
	},
];
