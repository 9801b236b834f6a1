/**
 * The collections of the records in MongoDB: which documents it takes, their indexes, and when they expire.
 * docs/mongodb.md says which question each index serves.
 */

import { REPORT_FORMATS } from "../../contracts/report.ts";
import { type CollectionPlan, oneOf, shaped } from "../store/mongo-collections.ts";
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
			// A question for one key is not known to be about those of a `$type`, and would look through all runs.
			{ key: { key: 1 }, name: "run_key", unique: true, partialFilterExpression: { key: { $exists: true } } },
			{ key: { status: 1, queuedAt: 1, _id: 1 } },
			{ key: { job: 1, queuedAt: -1, _id: -1 } },
			expiring("endedAt", RUNS_LIVE_DAYS * DAY_S),
		],
	},
	report_runs: {
		document: {
			required: {
				...{ _id: "string", organisation: "string", report: "string", period: "string", from: "date", to: "date" },
				...{ tz: "string", asOf: "date", complete: "bool", scans: "number", visitors: "number", madeAt: "date" },
				files: shaped({}, Object.fromEntries(REPORT_FORMATS.map((format) => [format, "binData"]))),
			},
		},
		// Its periods are told by the index alone.
		indexes: [{ key: { organisation: 1, report: 1, from: 1, period: 1 }, name: "report_from" }],
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
