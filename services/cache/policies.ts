/**
 * How long each kind of data is kept, and where: the one table. Nothing is written to a tier but under one of its rows,
 * and its time comes from here, so nothing can be kept for ever. docs/cache.md shows the same table.
 */

import { type AnswerKind, OPEN_ANSWER_MS } from "../../contracts/cache.ts";

export interface Policy {
	readonly what: string;
	/** How its keys begin in Redis, after the prefix and the schema's version. */
	readonly key: string;
	readonly tiers: readonly ("memory" | "redis")[];
	/** Longest it is kept, ms. */
	readonly keepMs: number;
	/** From when `keepMs` counts. */
	readonly from: "asOf" | "write";
	/** Share by which the time is shortened at random, so that what was written together does not expire together. */
	readonly jitter: number;
	readonly why: string;
}

export interface AnswerPolicy extends Policy {
	/** Changes within so long after an answer was loaded do not make it stale: it is recounted once in this time at most, ms. */
	readonly tickMs: number;
	/** How long after it was last known to be right a changed answer is served while it is recounted, ms. */
	readonly staleMs: number;
	/** How long before its end an answer is first recounted ahead, ms; longer where loading it takes longer. */
	readonly earlyMs: number;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

const ANSWERS = {
	open: {
		what: "an answer for a range that includes now, or one that was not complete",
		key: "answer",
		tiers: ["memory", "redis"],
		keepMs: OPEN_ANSWER_MS,
		from: "asOf",
		jitter: 0,
		tickMs: 400,
		staleMs: OPEN_ANSWER_MS,
		earlyMs: 200,
		why: "never older than 2 s at the client; scans of its codes make it stale, once a tick",
	},
	closed: {
		what: "a complete answer for a range that has ended",
		key: "answer",
		tiers: ["memory", "redis"],
		keepMs: 10 * MINUTE_MS,
		from: "write",
		jitter: 0.1,
		tickMs: 0,
		staleMs: 2 * SECOND_MS,
		earlyMs: 10 * SECOND_MS,
		why: "only late scans and edits of codes change it; the time bounds what a lost message could leave wrong",
	},
	refused: {
		what: "a refusal: there is no such code, or the question reads too much",
		key: "answer",
		tiers: ["memory", "redis"],
		keepMs: 5 * SECOND_MS,
		from: "write",
		jitter: 0.1,
		tickMs: 0,
		staleMs: 0,
		earlyMs: 0,
		why: "repeated guesses never reach the store; a new code of that name ends it at once",
	},
} as const satisfies Record<AnswerKind, AnswerPolicy>;

export const POLICIES = {
	...ANSWERS,
	lock: {
		what: "who loads an answer, and the fence of the last who did",
		key: "lock",
		tiers: ["memory", "redis"],
		keepMs: MINUTE_MS,
		from: "write",
		jitter: 0,
		why: "longer than any load takes, so that one that comes late finds that it was overtaken",
	},
	limit: {
		what: "the counter of a rate limit's window",
		key: "limit",
		tiers: ["memory", "redis"],
		keepMs: 60 * MINUTE_MS,
		from: "write",
		jitter: 0,
		why: "ends with its window; no window is longer than this",
	},
	minutes: {
		what: "scans of a minute by organisation and code",
		key: "minutes",
		tiers: ["memory"],
		keepMs: 35 * MINUTE_MS,
		from: "write",
		jitter: 0,
		why: "the live half hour; what is lost with the process or with a message is read from the store once, and counted on",
	},
	probe: {
		what: "nothing: by writing it, Redis is asked whether it serves",
		key: "probe",
		tiers: ["redis"],
		keepMs: 10 * SECOND_MS,
		from: "write",
		jitter: 0,
		why: "written twice a second by each cache node",
	},
} as const satisfies Record<string, Policy | AnswerPolicy>;

export type PolicyName = keyof typeof POLICIES;

/** The policy of a kind of answer. */
export function answerPolicy(kind: AnswerKind): AnswerPolicy {
	return ANSWERS[kind];
}

/**
 * How long something is kept from `now` on, whole ms; 0 or less when its time is over.
 *
 * @param asOf of an answer, epoch ms
 */
export function keptFor(name: PolicyName, now: number, asOf = now): number {
	const { keepMs, from, jitter }: Policy = POLICIES[name];
	const begin = from === "asOf" ? Math.min(asOf, now) : now;
	return Math.floor(begin + keepMs * (1 - jitter * Math.random()) - now);
}
