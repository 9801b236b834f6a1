/* The cache as a user of the product meets it: one process beside a real Redis. */
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Summary } from "../../contracts/analytics.ts";
import type { Health } from "../../contracts/health.ts";
import type { RunningServer } from "../../scripts/servers/start.ts";
import { until } from "../../scripts/servers/until.ts";
import { type Running, startRunning } from "../contract/running.ts";
import { api } from "../harness/api.ts";
import { realServer } from "../harness/servers.ts";

const SUMMARY = "/api/v1/analytics/summary";
const DAY_MS = 24 * 60 * 60_000;

let redis: RunningServer;
let direct: Redis;
let running: Running;

beforeAll(async () => {
	redis = await realServer("redis");
	direct = new Redis(redis.url);
	// It is killed on purpose.
	direct.on("error", () => undefined);
	running = await startRunning({ env: { REDIS_URL: redis.url, RATE_LIMITS: "on" } });
});

afterAll(() => direct.disconnect());

interface Asked extends Summary {
	readonly cache: string;
	/** The part of the product that it was answered without. */
	readonly without: string | null;
	readonly askedAt: number;
	readonly tookMs: number;
}

async function ask(query: Readonly<Record<string, string>>): Promise<Asked> {
	const askedAt = Date.now();
	const begun = performance.now();
	const response = await running.admin.request("GET", `${SUMMARY}?${new URLSearchParams(query)}`);
	expect(response.status).toBe(200);
	const tookMs = performance.now() - begun;
	const { headers } = response;
	const how = { cache: headers.get("x-cache") ?? "", without: headers.get("x-degraded") };
	return { ...((await response.json()) as Summary), ...how, askedAt, tookMs };
}

const scan = (code: { id: string }, at = Date.now()) =>
	running.admin.post("/api/v1/scans", { code: code.id, at: new Date(at).toISOString() });

const cacheCheck = async () => (await running.admin.get<Health>("/health/ready")).checks.cache;
const isWell = () =>
	until(async () => (await cacheCheck())?.status === "ok", { what: "the cache to be well again", timeoutMs: 20_000 });

describe("a range that includes now", () => {
	test("is answered from the cache, and never by an answer older than two seconds", async () => {
		const code = await running.code();
		const seen = new Set<string>();
		const caches: string[] = [];
		const end = performance.now() + 5_000;
		while (performance.now() < end) {
			const { askedAt, asOf, cache } = await ask({ code: code.id });
			expect(askedAt - Date.parse(asOf)).toBeLessThanOrEqual(2_000);
			seen.add(asOf);
			caches.push(cache);
		}
		expect(seen.size).toBeGreaterThanOrEqual(3);
		expect(caches.filter((cache) => cache === "miss").length / caches.length).toBeLessThan(0.05);
	});

	test("shows a scan soon after it was counted", async () => {
		const code = await running.code();
		for (let n = 1; n <= 3; n++) {
			expect((await ask({ code: code.slug })).scans).toBe(n - 1);
			await scan(code);
			await until(async () => (await ask({ code: code.slug })).scans === n, { what: "the scan", timeoutMs: 2_500 });
		}
	});
});

test("a range that has ended is answered from the cache for long, until a scan of it comes late", async () => {
	const code = await running.code();
	const midnight = Date.now() - (Date.now() % DAY_MS);
	const query = {
		code: code.id,
		from: new Date(midnight - 2 * DAY_MS).toISOString(),
		to: new Date(midnight - DAY_MS).toISOString(),
	};
	await until(async () => (await ask(query)).complete, { what: "a complete answer" });
	const first = await until(
		async () => {
			const answer = await ask(query);
			return answer.cache !== "miss" && answer;
		},
		{ what: "it to be cached" },
	);
	await until(async () => Date.now() - Date.parse((await ask(query)).asOf) > 3_000, { what: "it to be kept" });
	await scan(code);
	expect(await ask(query)).toMatchObject({ asOf: first.asOf, cache: "l1" });
	await scan(code, midnight - DAY_MS - 1);
	await until(async () => (await ask(query)).scans === 1, { what: "the late scan", timeoutMs: 5_000 });
});

test("a code that there is not is refused from the cache, and known at once when it is made", async () => {
	const path = `${SUMMARY}?code=made-later`;
	for (let n = 0; n < 3; n++) expect((await running.admin.refused("GET", path)).code).toBe("not_found");
	await running.code({ slug: "made-later" });
	await until(async () => (await running.admin.request("GET", path)).status === 200, { what: "it", timeoutMs: 1_000 });
});

test("a code that is deleted is not answered for from the cache", async () => {
	const code = await running.code();
	const path = `${SUMMARY}?code=${code.id}&from=2026-01-01&to=2026-02-01`;
	const status = async () => (await running.admin.request("GET", path)).status;
	for (let n = 0; n < 3; n++) expect(await status()).toBe(200);
	await running.admin.delete(`/api/v1/codes/${code.id}`);
	await until(async () => (await status()) === 404, { what: "404", timeoutMs: 500 });
});

test("no key is ever written without an expiry", async () => {
	const code = await running.code();
	const { secret } = await running.admin.post<{ secret: string }>("/api/v1/keys", {
		name: "writer",
		scopes: ["codes:write", "analytics:read"],
	});
	const writer = api(running.product.url, secret);
	for (let n = 0; n < 3; n++) await writer.post("/api/v1/codes", { url: "https://example.com" });
	for (const query of ["", "&compare=previous", "&from=2026-01-01&to=2026-02-01", "&bots=true"]) {
		for (const what of ["summary?", "timeseries?", "breakdown?by=country", "live?"]) {
			if (what === "live?" && query !== "&bots=true") continue;
			await running.admin.request("GET", `/api/v1/analytics/${what}&code=${code.id}${query}`.replace("?&", "?"));
		}
	}
	await running.admin.request("GET", `${SUMMARY}?code=none`);
	await scan(code);
	const kinds = new Set<string>();
	// A key may expire between being listed and being looked at: it then has none, and is gone (-2).
	for (const key of await direct.keys("*")) {
		const left = await direct.pttl(key);
		expect({ key, left }).not.toEqual({ key, left: -1 });
		if (left > 0) kinds.add(key.split(":")[2] as string);
	}
	expect([...kinds].sort()).toEqual(expect.arrayContaining(["answer", "lock", "probe"]));
	const limits = async () => (await direct.keys("*:limit:*")).length > 0;
	await until(async () => (await writer.post("/api/v1/codes", { url: "https://example.com" })) && (await limits()), {
		what: "a limit's window to be seen",
	});
});

describe("with Redis in trouble", () => {
	test("that stands still, every read is answered in time, and it is said and mended", async () => {
		const code = await running.code();
		await isWell();
		await redis.kill("SIGSTOP");
		const begun = performance.now();
		const times: number[] = [];
		while (performance.now() - begun < 1_500) times.push((await ask({ code: code.id })).tookMs);
		expect(Math.max(...times)).toBeLessThan(1_000);
		await until(async () => (await cacheCheck())?.status === "degraded", { what: "it to be said" });
		expect((await running.admin.get<Health>("/health/ready")).status).toBe("degraded");
		expect((await ask({ code: code.id })).without).toBe("cache");
		await redis.kill("SIGCONT");
		await isWell();
		expect((await ask({ code: code.id })).without).toBeNull();
	});

	test("that is full, scans are taken and counted as ever", async () => {
		const code = await running.code();
		await direct.config("SET", "maxmemory", "100kb");
		await until(async () => (await cacheCheck())?.detail === "Redis takes no writes", { what: "it to be said" });
		for (let n = 0; n < 50; n++) await scan(code);
		expect((await running.counted({ code: code.id })).scans).toBe(50);
		await direct.config("SET", "maxmemory", "0");
		await isWell();
	});

	test("that is killed, no request fails, and it is used again when it is back", async () => {
		const code = await running.code();
		await redis.kill();
		for (let n = 0; n < 100; n++) await ask({ code: code.id });
		await until(async () => (await cacheCheck())?.status === "degraded", { what: "it to be said" });
		expect((await ask({ code: code.id })).without).toBe("cache");
		await redis.restart();
		await isWell();
	});
});
