/* A cache node by itself, in this process, asked through its actions; what it hears is told it as the others would. */
import type { ServiceSchema } from "moleculer";
import type { CacheReading, KeptAnswer, Lease } from "../../contracts/cache.ts";
import type { CodeDelta, ScansCommitted } from "../../contracts/events.ts";
import { until } from "../../scripts/servers/until.ts";
import cache from "../../services/cache/cache.service.ts";
import { type RunningActor, runActor } from "../harness/actor.ts";

export const ORGANISATION = "org_1";
const QUARTER_MS = 15 * 60_000;

export interface CacheNode extends RunningActor {
	read(key: string): Promise<CacheReading>;
	/** Asks for an answer that is not there, as the one who may load it. */
	lease(key: string): Promise<Lease>;
	keep(key: string, lease: Lease, answer: KeptAnswer): Promise<boolean>;
	/** Scans of a code were counted in the quarter hour of an instant. */
	count(code: string, at: number): Promise<void>;
}

export async function startCacheNode(env: Readonly<Record<string, string | undefined>> = {}): Promise<CacheNode> {
	const actor = await runActor((platform) => cache(platform) as unknown as ServiceSchema, { env });
	const read = (key: string) => actor.call("cache.getCachedAnalytics", { key, purpose: "read" });
	let position = 0;
	if (env.REDIS_URL) {
		await until(async () => (await actor.call("cache.stats", {})).redis === "ok", { what: "Redis to be ready" });
	}
	return {
		...actor,
		read,
		async lease(key) {
			// What was heard in the very millisecond of a lease counts as heard after it.
			const before = Date.now();
			await until(() => Date.now() > before, { what: "the next millisecond", everyMs: 1 });
			const reading = await read(key);
			if (reading.state !== "miss") throw new Error(`${key} is ${reading.state}, nobody needs to load it`);
			return reading.lease;
		},
		keep: async (key, lease, answer) => (await actor.call("cache.cacheAnalyticsData", { key, lease, answer })).kept,
		count: (code, at) => actor.tell("scans.committed", commitOf(code, at, position, ++position)),
	};
}

export function commitOf(code: string, at: number, from: number, to: number): ScansCommitted {
	const counts = { scans: 1, visitors: 0, bots: 0 };
	const delta: CodeDelta = {
		...{ organisation: ORGANISATION, code, ...counts, total: counts, minutes: {}, by: {} },
		quarters: { [at - (at % QUARTER_MS)]: counts },
	};
	return {
		...{ epoch: "epoch", partition: 0, from, to, at: Date.now(), part: 0, parts: 1, codes: [delta] },
		...{ feed: [], skipped: {} },
	};
}

/** An answer that is true now and of all codes of the organisation, unless it says otherwise. */
export function answerOf(value: unknown, own: Partial<KeptAnswer> = {}): KeptAnswer {
	return {
		...{ kind: "open", json: JSON.stringify(value), asOf: Date.now(), tookMs: 5 },
		...{ depends: { organisation: ORGANISATION } },
		...own,
	};
}

/** A complete answer for yesterday. */
export function closedAnswer(value: unknown, codes?: readonly string[]): KeptAnswer {
	const day = 24 * 60 * 60_000;
	const today = Date.now() - (Date.now() % day);
	return answerOf(value, {
		kind: "closed",
		depends: { organisation: ORGANISATION, codes, from: today - day, to: today },
	});
}
