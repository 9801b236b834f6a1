import { ServiceBroker } from "moleculer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { call } from "../../platform/actors.ts";
import { readConfig } from "../../platform/config.ts";
import { createPlatform } from "../../platform/platform.ts";
import type { RunningServer } from "../../scripts/servers/start.ts";
import { until } from "../../scripts/servers/until.ts";
import cache from "../../services/cache/cache.service.ts";
import { realServer } from "../harness/servers.ts";

const brokers: ServiceBroker[] = [];

async function startCache(redisUrl?: string): Promise<ServiceBroker> {
	const broker = new ServiceBroker({ logger: false });
	broker.createService(cache(createPlatform(readConfig({ REDIS_URL: redisUrl }))));
	await broker.start();
	brokers.push(broker);
	if (redisUrl)
		await until(async () => (await call(broker, "cache.stats", {})).redis === "ok", { what: "Redis to be ready" });
	return broker;
}

afterAll(() => Promise.all(brokers.map((broker) => broker.stop())));

describe("the cache with Redis", () => {
	let redis: RunningServer;
	let one: ServiceBroker;
	let other: ServiceBroker;

	beforeAll(async () => {
		redis = await realServer("redis");
		[one, other] = await Promise.all([startCache(redis.url), startCache(redis.url)]);
	});

	test("serves from memory what this node cached, and from Redis what another did", async () => {
		await call(one, "cache.cacheAnalyticsData", { key: "answer", value: { scans: 3 }, ttlMs: 60_000 });
		expect(await call(one, "cache.getCachedAnalytics", { key: "answer" })).toEqual({ value: { scans: 3 }, tier: "l1" });
		expect(await call(other, "cache.getCachedAnalytics", { key: "answer" })).toEqual({
			value: { scans: 3 },
			tier: "l2",
		});
		expect(await call(other, "cache.getCachedAnalytics", { key: "answer" })).toEqual({
			value: { scans: 3 },
			tier: "l1",
		});
	});

	test("forgets an answer when its time is over, in both tiers", async () => {
		await call(one, "cache.cacheAnalyticsData", { key: "short", value: 1, ttlMs: 30 });
		await until(async () => (await call(one, "cache.getCachedAnalytics", { key: "short" })) === null, {
			what: "the answer to expire",
		});
		expect(await call(other, "cache.getCachedAnalytics", { key: "short" })).toBeNull();
	});

	test("counts a window over all nodes and says when it is over the limit", async () => {
		const count = (broker: ServiceBroker) =>
			call(broker, "cache.incrementWithRateLimit", { key: "k", limit: 2, windowMs: 60_000 });
		expect(await count(one)).toMatchObject({ count: 1, allowed: true, remaining: 1 });
		expect(await count(other)).toMatchObject({ count: 2, allowed: true, remaining: 0 });
		expect(await count(one)).toMatchObject({ count: 3, allowed: false, remaining: 0 });
	});

	test("goes on from memory when Redis is killed, without a failure and without a wait", async () => {
		await redis.kill();
		const begin = performance.now();
		await call(one, "cache.cacheAnalyticsData", { key: "alone", value: 2, ttlMs: 60_000 });
		expect(await call(one, "cache.getCachedAnalytics", { key: "alone" })).toEqual({ value: 2, tier: "l1" });
		expect(await call(one, "cache.incrementWithRateLimit", { key: "alone", limit: 1, windowMs: 60_000 })).toMatchObject(
			{ allowed: true },
		);
		expect(performance.now() - begin).toBeLessThan(1_000);
	});

	test("uses Redis again when it is back", async () => {
		await redis.restart();
		await until(async () => (await call(one, "cache.stats", {})).redis === "ok", { what: "Redis to be used again" });
	});
});

describe("the cache without Redis", () => {
	test("counts windows in memory and begins anew when one is over", async () => {
		const broker = await startCache();
		const count = () => call(broker, "cache.incrementWithRateLimit", { key: "k", limit: 1, windowMs: 40 });
		expect((await count()).allowed).toBe(true);
		expect((await count()).allowed).toBe(false);
		await until(async () => (await count()).allowed, { what: "the window to end" });
		expect((await call(broker, "cache.stats", {})).redis).toBe("none");
	});
});
