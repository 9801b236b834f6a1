/** What is kept of accounts: the collections, which documents a database takes in them, and the indexes of their questions. */

import { SCOPES } from "../../contracts/account.ts";
import type { CollectionOptions } from "../../mixins/db.ts";
import { listOf, oneOf, shaped } from "../../platform/store/mongo-collections.ts";

const PASSWORD = shaped({
	...{ algorithm: "string", N: "number", r: "number", p: "number", salt: "string", hash: "string" },
});

export const ACCOUNT_COLLECTIONS: readonly CollectionOptions[] = [
	{
		collection: "organisations",
		document: { required: { name: "string", timeZone: "string", createdAt: "string", updatedAt: "string" } },
	},
	{
		collection: "members",
		document: {
			required: { organisation: "string", name: "string", createdAt: "string" },
			optional: { email: "string", password: PASSWORD },
		},
		indexes: [{ fields: ["email"], unique: true }],
	},
	{
		collection: "sessions",
		document: {
			required: {
				...{ hash: "string", organisation: "string", member: "string", createdAt: "string", expiresAt: "number" },
			},
		},
		indexes: [{ fields: ["hash"], unique: true }, { fields: ["member", "_id"] }, { fields: ["expiresAt"] }],
	},
	{
		collection: "keys",
		document: {
			required: {
				...{ hash: "string", organisation: "string", name: "string", sortName: "string", createdAt: "string" },
				scopes: listOf(oneOf(SCOPES)),
			},
			optional: { expiresAt: "string", lastUsedAt: "string" },
		},
		indexes: [
			{ fields: ["hash"], unique: true },
			{ fields: ["organisation", "createdAt", "_id"] },
			{ fields: ["organisation", "sortName", "_id"] },
		],
	},
];
