/**
 * The collections of the records in MongoDB: which documents it takes, their indexes, and when they expire.
 * docs/mongodb.md says which question each index serves.
 */

import { type CollectionPlan, oneOf } from "../store/mongo-collections.ts";
import { RUNS_LIVE_DAYS } from "./lifetimes.ts";

const NODES_LIVE_SECONDS = 3_600;
const DAY_S = 86_400;

const expiring = (field: string, expireAfterSeconds: number) => ({ key: { [field]: 1 as const }, expireAfterSeconds });

export const RECORDS_PLANS: Readonly<Record<string, CollectionPlan>> = {
	nodes: {
		document: { required: { _id: "string", actor: "string", node: "string", seenAt: "date" } },
		indexes: [{ key: { actor: 1 } }, expiring("seenAt", NODES_LIVE_SECONDS)],
	},
	leases: {
		document: {
			required: { _id: "string", holder: "string", fence: "number", expiresAt: "date", session: "binData" },
			optional: { writes: "number" },
		},
	},
	jobs: {
		document: {
			required: {
				...{ _id: "string", job: "string", status: oneOf(["queued", "running", "succeeded", "failed"]) },
				...{ queuedAt: "date", notBefore: "date", attempt: "number" },
			},
			optional: {
				...{ key: "string", endedAt: "date", startedAt: "string", finishedAt: "string" },
				...{ params: "string", result: "string", error: "string" },
			},
		},
		indexes: [
			{ key: { key: 1 }, unique: true, partialFilterExpression: { key: { $type: "string" } } },
			{ key: { status: 1, queuedAt: 1, _id: 1 } },
			{ key: { job: 1, queuedAt: -1, _id: -1 } },
			expiring("endedAt", RUNS_LIVE_DAYS * DAY_S),
		],
	},
	salts: {
		document: { required: { _id: "string", salt: "string", expiresAt: "date" } },
		indexes: [expiring("expiresAt", 0)],
	},
	tokens: {
		document: { required: { _id: "string", expiresAt: "date" } },
		indexes: [expiring("expiresAt", 0)],
	},
	once: { document: { required: { _id: "string", at: "date" } } },
};
