/**
 * The collections of the scan store: which documents MongoDB takes, and the indexes that answer every question without
 * looking at more than the answer needs. docs/mongodb.md says which question each index serves.
 */

import type { CollectionPlan } from "./mongo-collections.ts";
import { listOf, oneOf, shaped } from "./mongo-collections.ts";

const HOUR_S = 3_600;
const VISITORS_LIVE_S = 48 * HOUR_S;
const DEAD_LETTERS_LIVE_S = 30 * 24 * HOUR_S;
/** Longer than a day is open, in any zone, and closing it may be late. */
const HOURS_LIVE_S = 72 * HOUR_S;

const TALLY = { s: "number", v: "number", b: "number" } as const;

/** A closed day or month. */
const CLOSED = { organisation: "string", code: "string", start: "date", end: "date", d: "object" } as const;
const CLOSED_TOO = {
	...TALLY,
	...({ revision: "number", seen: "number", timeZone: "string", capped: "array", codes: "object" } as const),
	packed: { bsonType: "object", additionalProperties: { bsonType: "binData" } },
	columns: "number",
} as const;
/** Which of an organisation's days or months are closed, and at which revision, is told by the index alone. */
const CLOSED_INDEX = {
	key: { organisation: 1, code: 1, start: 1, end: 1, revision: 1, seen: 1, timeZone: 1, _id: 1 },
	name: "closed",
	partialFilterExpression: { code: "" },
} as const;

/**
 * Of a month. Every scan passes this validator, so it names only what counting and its indexes stand on: each more
 * field costs every scan, and gateways have checked them all.
 */
export const RAW_PLAN: CollectionPlan = {
	document: {
		required: {
			organisation: "string",
			code: "string",
			at: "date",
			bot: "bool",
			first: "bool",
			committed: "number",
		},
	},
	indexes: [
		// Counting needs nothing but these fields: it reads no scan.
		{ key: { organisation: 1, code: 1, at: 1, bot: 1, first: 1 }, name: "code_at" },
		{ key: { organisation: 1, at: 1, bot: 1, first: 1 }, name: "organisation_at" },
		{ key: { organisation: 1, code: 1, committed: 1 }, name: "code_committed" },
		{ key: { organisation: 1, committed: 1 }, name: "organisation_committed" },
	],
};

export const STORE_PLANS: Readonly<Record<string, CollectionPlan>> = {
	quarters: {
		// Written with every commit: values within `d` are not looked at one by one.
		document: {
			required: { organisation: "string", code: "string", at: "date" },
			optional: { ...TALLY, partition: "number", d: "object", capped: "array" },
		},
		// One index serves a code's range, an organisation's (`code` empty) and all codes of one (`code` not empty).
		indexes: [{ key: { organisation: 1, code: 1, at: 1 }, name: "code_at" }],
	},
	days: {
		version: 4,
		document: {
			required: { ...CLOSED, date: "string", hours: listOf(shaped({}, TALLY)) },
			optional: CLOSED_TOO,
		},
		indexes: [{ key: { organisation: 1, date: 1, code: 1 }, name: "date_code" }, CLOSED_INDEX],
	},
	months: {
		version: 3,
		document: {
			required: { ...CLOSED, month: "string", hours: "object", days: listOf(shaped({ at: "date" }, TALLY)) },
			optional: CLOSED_TOO,
		},
		indexes: [{ key: { organisation: 1, month: 1, code: 1 }, name: "month_code" }, CLOSED_INDEX],
	},
	hours: {
		document: {
			required: {
				...{ organisation: "string", start: "date", end: "date", revision: "number", written: "date" },
				...{ capped: "array", packed: CLOSED_TOO.packed },
			},
			optional: TALLY,
		},
		indexes: [
			{ key: { organisation: 1, start: 1, end: 1, revision: 1, _id: 1 }, name: "closed" },
			{ key: { written: 1 }, name: "expiry", expireAfterSeconds: HOURS_LIVE_S },
		],
	},
	columns: {
		document: {
			required: {
				...{ organisation: "string", date: "string", part: "number", last: "bool", start: "date", end: "date" },
				...{ revision: "number", columns: { bsonType: "object", additionalProperties: { bsonType: "binData" } } },
			},
		},
		indexes: [
			{ key: { organisation: 1, date: 1 }, name: "date" },
			{ key: { start: 1 }, name: "start" },
		],
	},
	totals: {
		document: {
			required: { organisation: "string", code: "string", first: "date" },
			optional: { ...TALLY, partition: "number" },
		},
		indexes: [
			{
				key: { organisation: 1, first: 1 },
				name: "organisations",
				partialFilterExpression: { partition: { $exists: true } },
			},
		],
	},
	ids: {
		document: { required: { _id: "string", month: "string" } },
		indexes: [{ key: { month: 1 }, name: "month" }],
	},
	visitors: {
		document: { required: { _id: "string", at: "date" } },
		indexes: [{ key: { at: 1 }, name: "expiry", expireAfterSeconds: VISITORS_LIVE_S }],
	},
	partitions: {
		document: {
			required: {
				...{ _id: "number", position: "number", owner: "string", claim: "number" },
				...{ session: "binData", committed: "number" },
			},
			optional: { identity: shaped({ log: "string", producer: "string", number: "number" }) },
		},
	},
	producers: {
		document: {
			required: { _id: "string", partition: "number", producer: "string", number: "number", at: "date" },
			optional: { totals: "object" },
		},
		indexes: [
			{ key: { producer: 1 }, name: "producer" },
			{ key: { partition: 1, at: 1 }, name: "partition_at" },
		],
	},
	ledger: {
		document: {
			required: { _id: "string", organisation: "string", at: "date" },
			optional: {
				...{ accepted: "number", stored: "number", duplicate: "number", missing: "number" },
				dropped: { bsonType: "object", additionalProperties: { bsonType: "number" } },
			},
		},
		indexes: [{ key: { organisation: 1, at: 1 }, name: "organisation_at" }],
	},
	dead_letters: {
		document: {
			required: {
				...{ _id: "string", at: "date", partition: "number", position: "number" },
				...{ reason: "string", data: "binData" },
			},
			optional: { organisation: "string" },
		},
		indexes: [{ key: { at: 1 }, name: "expiry", expireAfterSeconds: DEAD_LETTERS_LIVE_S }],
	},
	revisions: {
		version: 2,
		document: {
			required: { _id: "string", organisation: "string", date: "string", partition: "number" },
			optional: { q: "object", n: "number" },
		},
		// What was added to a date is told by the index alone.
		indexes: [{ key: { organisation: 1, date: 1, n: 1 }, name: "date_n" }],
	},
	meta: {
		document: {
			required: { _id: oneOf(["epoch", "months", "quarters"]) },
			optional: { epoch: "string", months: listOf("string"), from: "date" },
		},
	},
	fences: {
		document: { required: { _id: "string", fence: "number", session: "binData", writes: "number" } },
	},
	closings: {
		document: {
			required: { _id: "string", month: "string" },
			optional: {
				...{ partition: "number", state: oneOf(["open", "closing", "closed"]) },
				...{ touched: "number", dropped: "bool" },
			},
		},
		indexes: [{ key: { month: 1, partition: 1 }, name: "month_partition" }],
	},
	carried: {
		document: {
			required: { _id: "string", organisation: "string", code: "string", month: "string" },
			optional: TALLY,
		},
		indexes: [{ key: { organisation: 1, code: 1, month: 1 }, name: "code_month" }],
	},
};
