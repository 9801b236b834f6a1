/* Redis is killed, stands still, or is full: the cache answers within its budget, says so, and recovers by itself. */
import { Redis } from "ioredis";
import type { ServiceSchema } from "moleculer";
import { describe, expect, test } from "vitest";
import type { CacheStats } from "../../contracts/cache.ts";
import { type RunningServer, startRedis } from "../../scripts/servers/start.ts";
import { until } from "../../scripts/servers/until.ts";
import cache from "../../services/cache/cache.service.ts";
import { runActor } from "../harness/actor.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { realServer } from "../harness/servers.ts";
import { answerOf, type CacheNode, closedAnswer, startCacheNode } from "./cache-node.ts";

/** One question may ask Redis twice, 100 ms each at most; the rest is for a busy machine. */
const BUDGET_MS = 300;
/** Once it is known, nobody waits at all. */
const KNOWN_MS = 25;

const stateOf = async (node: CacheNode) => (await node.call("cache.stats", {})).redis;

function isSeen(node: CacheNode, state: CacheStats["redis"]): Promise<unknown> {
	return until(async () => (await stateOf(node)) === state, { what: `Redis to be seen as ${state}` });
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
	const begun = performance.now();
	return { value: await work(), ms: performance.now() - begun };
}

/** The median of some tries, which one pause of the machine does not move. */
async function typicalMs(work: (n: number) => Promise<unknown>): Promise<number> {
	const times: number[] = [];
	for (let n = 0; n < 9; n++) times.push((await timed(() => work(n))).ms);
	return times.sort((a, b) => a - b)[4] as number;
}

let asked = 0;

/** All that an actor does with the cache, as often as once. */
async function useOnce(node: CacheNode): Promise<void> {
	const key = `question ${++asked}`;
	await node.keep(key, await node.lease(key), answerOf(asked));
	expect(await node.read(key)).toMatchObject({ state: "hit", json: String(asked) });
	const { allowed } = await node.call("cache.incrementWithRateLimit", { key, limit: 1, windowMs: 1_000 });
	expect(allowed).toBe(true);
}

describe.each(["SIGKILL", "SIGSTOP"] as const)("with Redis after %s", (signal) => {
	test("every question is answered in time from memory, degraded, and Redis is used again when it is back", async () => {
		const redis = await realServer("redis");
		const node = await startCacheNode({ REDIS_URL: redis.url });
		await node.keep("kept before", await node.lease("kept before"), closedAnswer("before"));
		await redis.kill(signal);
		// Before it is known: each waits for its time-out at most, and what is in memory for nothing.
		const { value, ms } = await timed(() => node.read("not there"));
		expect(value).toMatchObject({ state: "miss", degraded: true });
		expect(ms).toBeLessThan(BUDGET_MS);
		expect((await timed(() => node.read("kept before"))).value).toMatchObject({ state: "hit", tier: "l1" });
		await until(async () => (await node.call("cache.stats", {})).degraded, { what: "the trouble to be known" });
		expect(await node.read("kept before")).toMatchObject({ state: "hit", tier: "l1", degraded: true });
		expect(await typicalMs(() => useOnce(node))).toBeLessThan(KNOWN_MS);
		expect(["away", "slow"]).toContain(await stateOf(node));
		if (signal === "SIGKILL") await redis.restart();
		else await redis.kill("SIGCONT");
		await isSeen(node, "ok");
		expect(await node.read("kept before")).not.toHaveProperty("degraded");
		const other = await startCacheNode({ REDIS_URL: redis.url });
		await node.keep("kept after", await node.lease("kept after"), answerOf("after"));
		expect(await other.read("kept after")).toMatchObject({ state: "hit", json: '"after"', tier: "l2" });
	});
});

test("a node that starts while Redis is away serves from memory, and uses Redis once it is there", async () => {
	const redis = await realServer("redis");
	await redis.kill();
	const alone = await runActor((platform) => cache(platform) as unknown as ServiceSchema, {
		env: { REDIS_URL: redis.url },
	});
	const read = (key: string) => alone.call("cache.getCachedAnalytics", { key, purpose: "read" });
	const keep = async (key: string) => {
		const reading = await read(key);
		if (reading.state !== "miss") throw new Error(`${key} is ${reading.state}`);
		return alone.call("cache.cacheAnalyticsData", { key, lease: reading.lease, answer: answerOf(key) });
	};
	await keep("before");
	expect(await read("before")).toMatchObject({ state: "hit", tier: "l1", degraded: true });
	await redis.restart();
	await until(async () => (await alone.call("cache.stats", {})).redis === "ok", { what: "Redis to be used" });
	const other = await startCacheNode({ REDIS_URL: redis.url });
	await keep("after");
	expect(await other.read("after")).toMatchObject({ state: "hit", tier: "l2" });
});

async function smallRedis(policy: string): Promise<{ redis: RunningServer; direct: Redis }> {
	const redis = await startRedis({
		dir: await temporaryFolder(),
		args: ["--maxmemory", "3mb", "--maxmemory-policy", policy],
	});
	atEndOfFile(() => redis.kill());
	const direct = new Redis(redis.url);
	atEndOfFile(async () => direct.disconnect());
	return { redis, direct };
}

describe("with Redis that is full", () => {
	test("and refuses writes: memory keeps what it cannot, reads go on, and it is used again when there is room", async () => {
		const { redis, direct } = await smallRedis("noeviction");
		const node = await startCacheNode({ REDIS_URL: redis.url });
		const other = await startCacheNode({ REDIS_URL: redis.url });
		await node.keep("kept before", await node.lease("kept before"), answerOf("before"));
		// Less than it holds already.
		await direct.config("SET", "maxmemory", "100kb");
		await expect(direct.set("others'", "x")).rejects.toThrow("OOM");
		expect((await other.read("kept before")).state).toBe("hit");
		await isSeen(node, "full");
		expect(await typicalMs(() => useOnce(node))).toBeLessThan(KNOWN_MS);
		expect((await node.call("cache.stats", {})).degraded).toBe(true);
		await direct.config("SET", "maxmemory", "100mb");
		await isSeen(node, "ok");
		await node.keep("kept after", await node.lease("kept after"), answerOf("after"));
		expect(await other.read("kept after")).toMatchObject({ tier: "l2" });
	});

	test("and evicts: whatever is thrown out is loaded anew, and nothing fails", async () => {
		const { redis, direct } = await smallRedis("allkeys-lru");
		const node = await startCacheNode({ REDIS_URL: redis.url });
		for (let n = 0; n < 300; n++) {
			const key = `large ${n}`;
			await node.keep(key, await node.lease(key), answerOf(Buffer.alloc(20_000, `${n} `).toString("base64")));
			await direct.set(`others' ${n}`, "x".repeat(20_000));
		}
		expect(Number(/evicted_keys:(\d+)/.exec(await direct.info("stats"))?.[1])).toBeGreaterThan(0);
		await useOnce(node);
		expect(await stateOf(node)).toBe("ok");
	});
});
