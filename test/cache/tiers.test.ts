import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Lease } from "../../contracts/cache.ts";
import type { RunningServer } from "../../scripts/servers/start.ts";
import { until } from "../../scripts/servers/until.ts";
import { realServer } from "../harness/servers.ts";
import { answerOf, type CacheNode, closedAnswer, startCacheNode } from "./cache-node.ts";

/** By how much an answer that another node loaded counts as older. */
const CLOCKS_APART_MS = 250;

let redis: RunningServer;
let direct: Redis;
let one: CacheNode;
let other: CacheNode;

beforeAll(async () => {
	redis = await realServer("redis");
	direct = new Redis(redis.url);
	[one, other] = await Promise.all([
		startCacheNode({ REDIS_URL: redis.url, NODE_ID: "one" }),
		startCacheNode({ REDIS_URL: redis.url, NODE_ID: "other" }),
	]);
	// What another node loaded is believed from when one listens, by clocks that may differ.
	const started = Date.now();
	await until(() => Date.now() - started > CLOCKS_APART_MS, { what: "clocks to be past it", everyMs: 20 });
});

afterAll(() => direct.disconnect());

describe("an answer", () => {
	test("is served from memory where it was loaded, and from Redis, then memory, elsewhere", async () => {
		await one.keep("answer", await one.lease("answer"), answerOf({ scans: 3 }));
		const served = { state: "hit", json: '{"scans":3}', kind: "open" };
		expect(await one.read("answer")).toMatchObject({ ...served, tier: "l1" });
		expect(await other.read("answer")).toMatchObject({ ...served, tier: "l2" });
		expect(await other.read("answer")).toMatchObject({ ...served, tier: "l1" });
	});

	test("is loaded by one alone of all who ask, on all nodes", async () => {
		const readings = await Promise.all(
			Array.from({ length: 40 }, (_, n) => (n % 2 ? one : other).read("wanted by many")),
		);
		expect(readings.filter(({ state }) => state === "miss")).toHaveLength(1);
		expect(readings.filter(({ state }) => state === "loading")).toHaveLength(39);
	});

	test("may be loaded by the next at once when the one who should have failed to", async () => {
		const lease = await one.lease("failed");
		expect((await other.read("failed")).state).toBe("loading");
		await one.call("cache.cacheAnalyticsData", { key: "failed", lease });
		expect((await other.read("failed")).state).toBe("miss");
	});

	test("that comes late, after its lock was taken over, does not overwrite the newer one", async () => {
		const late = await one.lease("overtaken");
		const lease = await until(
			async () => {
				const reading = await other.read("overtaken");
				return reading.state === "miss" && (reading.lease as Lease);
			},
			{ what: "the lock to be taken over" },
		);
		expect(await other.keep("overtaken", lease, answerOf("newer"))).toBe(true);
		expect(await one.keep("overtaken", late, answerOf("older", { asOf: Date.now() - 1_000 }))).toBe(false);
		expect(await other.read("overtaken")).toMatchObject({ json: '"newer"' });
		const third = await startCacheNode({ REDIS_URL: redis.url, NODE_ID: "third" });
		expect(await third.read("overtaken")).toMatchObject({ json: '"newer"', tier: "l2" });
	});

	test("is refused also when Redis forgot who had its lock", async () => {
		const lease = await one.lease("forgotten");
		await direct.flushall();
		const next = await other.lease("forgotten");
		expect(BigInt(next.fence ?? 0)).toBeGreaterThan(BigInt(lease.fence ?? 0));
		expect(await one.keep("forgotten", lease, answerOf("older"))).toBe(false);
		expect(await other.keep("forgotten", next, answerOf("newer"))).toBe(true);
	});

	test("that is large is kept compressed, and comes back as it was", async () => {
		const value = Array.from({ length: 3_000 }, (_, n) => ({ at: `2026-01-01T${n}`, scans: n, visitors: 0 }));
		await one.keep("large", await one.lease("large"), answerOf(value));
		const reading = await other.read("large");
		expect(reading.state === "hit" && JSON.parse(reading.json)).toEqual(value);
		const sizes = await Promise.all((await direct.keys("*:answer:*")).map((key) => direct.strlen(key)));
		expect(Math.max(...sizes)).toBeGreaterThan(1_000);
		expect(Math.max(...sizes)).toBeLessThan(JSON.stringify(value).length / 4);
	});

	test("of another release, or damaged, is not there and is loaded anew", async () => {
		const node = await startCacheNode({ REDIS_URL: redis.url });
		for (const [index, damage] of [Buffer.from([99]), Buffer.from("x"), randomBytes(64)].entries()) {
			const name = `damaged ${index}`;
			await direct.flushall();
			await one.keep(name, await one.lease(name), closedAnswer("right"));
			const [key] = await direct.keys("*:answer:*");
			const left = await direct.pttl(key as string);
			const bytes = await direct.getBuffer(key as string);
			await direct.set(key as string, Buffer.concat([damage, bytes as Buffer]), "PX", left);
			expect((await node.read(name)).state).toBe("miss");
		}
	});
});

describe("a window", () => {
	test("is counted over all nodes and says when it is over the limit", async () => {
		const count = (node: CacheNode) =>
			node.call("cache.incrementWithRateLimit", { key: "k", limit: 2, windowMs: 60_000 });
		expect(await count(one)).toMatchObject({ count: 1, allowed: true, remaining: 1 });
		expect(await count(other)).toMatchObject({ count: 2, allowed: true, remaining: 0 });
		expect(await count(one)).toMatchObject({ count: 3, allowed: false, remaining: 0 });
	});

	test("begins anew when it is over, also without Redis", async () => {
		for (const node of [one, await startCacheNode()]) {
			const count = () => node.call("cache.incrementWithRateLimit", { key: "short", limit: 1, windowMs: 40 });
			expect((await count()).allowed).toBe(true);
			expect((await count()).allowed).toBe(false);
			await until(async () => (await count()).allowed, { what: "the window to end" });
		}
	});
});

test("the statistics say how reads were answered, by tier and by kind", async () => {
	const node = await startCacheNode({ REDIS_URL: redis.url });
	await node.keep("counted", await node.lease("counted"), closedAnswer(1));
	await node.read("counted");
	await node.read("counted");
	expect(await node.call("cache.stats", {})).toMatchObject({
		redis: "ok",
		degraded: false,
		reads: { l1: 2, l2: 0, stale: 0, miss: 1 },
		kinds: { closed: { l1: 2, l2: 0, stale: 0, miss: 1 }, open: { l1: 0, miss: 0 } },
		hitRates: { l1: 2 / 3, l2: 0 },
		l1: { entries: 1 },
	});
	const metrics = await node.platform.metrics.metrics();
	expect(metrics).toContain('scanpulse_cache_reads_total{tier="l1",result="hit"} 2');
	expect(metrics).toContain('scanpulse_cache_reads_total{tier="l2",result="miss"} 1');
	expect(metrics).toContain('scanpulse_cache_answers_total{kind="closed",result="l1"} 2');
});

test("each read counts once by tier and by kind: who waits is a miss, what is loaded anew or ahead is no read", async () => {
	const node = await startCacheNode();
	const first = await node.lease("k");
	expect((await node.read("k")).state).toBe("loading");
	await node.keep("k", first, answerOf(1));
	expect((await node.call("cache.getCachedAnalytics", { key: "k", purpose: "again" })).state).toBe("hit");
	await node.count("a", Date.now());
	const stale = await until(
		async () => {
			const reading = await node.read("k");
			return reading.state === "hit" && reading.tier === "stale" && reading;
		},
		{ what: "it to be stale", everyMs: 20 },
	);
	await node.keep("k", stale.lease as Lease, answerOf(2));
	const ahead = await node.call("cache.getCachedAnalytics", { key: "ahead", purpose: "ahead" });
	if (ahead.state !== "miss") throw new Error(`nothing to be loaded ahead: ${ahead.state}`);
	await node.keep("ahead", ahead.lease, answerOf(3));
	const { reads, kinds } = await node.call("cache.stats", {});
	expect(reads).toMatchObject({ miss: 2, l2: 0, stale: 1 });
	expect(kinds.open).toEqual(reads);
});
