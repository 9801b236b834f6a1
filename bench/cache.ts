/*
 * What the cache is worth: dashboards that people look at (the pages' own questions when the pages ask them), over codes by
 * Zipf, while scans of the same codes arrive. Prints, from the end of the warm-up on, which share of the reads came from
 * the cache and from which tier, `stale` apart; how old answers for ranges that include now were when they were asked
 * for; and how long reads took. With --kill-redis, Redis is killed half-way and stays dead.
 *
 *     node scripts/launch.cjs bench/cache.ts [--dashboards 200] [--codes 1000] [--rate 500] [--warm-up 60]
 *         [--seconds 120] [--stay 90] [--walls 0.4] [--kill-redis] [--stack | --profile FOLDER]
 *
 * Two dashboards of five hang on a wall and stay where they are, the others are looked at by people who go on after 90 s in
 * the mean. Ends with 1 when less than 95 % came from the cache, an answer was older than 2 s, a request failed, or with Redis
 * killed p99 was more than 3 times that of before. The product is one process beside a real Redis, or the whole stack.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { freePort } from "../scripts/servers/ports.ts";
import { startRedis } from "../scripts/servers/start.ts";
import { startStack } from "../scripts/stack/start.ts";
import type { Read } from "./load/dashboard.ts";
import type { Dashboards } from "./load/dashboards.worker.ts";
import { ms, percent, rate } from "./load/figures.ts";
import { scanSteadily } from "./load/steady-scans.ts";
import { ask, KEY, startSubject } from "./load/subjects.ts";

const OLDEST_MS = 2_000;
const LEAST_CACHED = 0.95;
const MOST_SLOWER = 3;
const TIERS = ["l1", "l2", "stale", "miss"] as const;

const { values: given } = parseArgs({
	options: {
		dashboards: { type: "string", default: "200" },
		codes: { type: "string", default: "1000" },
		rate: { type: "string", default: "500" },
		"warm-up": { type: "string", default: "60" },
		seconds: { type: "string", default: "120" },
		stay: { type: "string", default: "90" },
		walls: { type: "string", default: "0.4" },
		"kill-redis": { type: "boolean", default: false },
		stack: { type: "boolean", default: false },
		profile: { type: "string" },
	},
});
const forMs = 1_000 * Number(given.seconds);
const warmUpMs = 1_000 * Number(given["warm-up"]);

interface Place {
	readonly url: string;
	readonly metricsUrl: string | undefined;
	killRedis(): Promise<void>;
	stop(): Promise<void>;
}

/** One process with everything, and Redis beside it. */
async function startOne(): Promise<Place> {
	const dir = await mkdtemp(path.join(tmpdir(), "scanpulse-bench-redis-"));
	const redis = await startRedis({ dir });
	const metricsPort = await freePort();
	const env = { RATE_LIMITS: "off", REDIS_URL: redis.url, METRICS_PORT: String(metricsPort) };
	const subject = await startSubject("whole", { env, profile: given.profile });
	return {
		url: subject.url,
		metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
		killRedis: () => redis.kill(),
		async stop() {
			await subject.stop();
			await redis.kill();
			await rm(dir, { recursive: true, force: true });
		},
	};
}

async function startMany(): Promise<Place> {
	const dir = await mkdtemp(path.join(tmpdir(), "scanpulse-bench-stack-"));
	const env = { RATE_LIMITS: "off", SCANPULSE_ADMIN_KEY: KEY, LOG_LEVEL: "warn" };
	const stack = await startStack({ dir, env });
	return {
		url: stack.url,
		metricsUrl: undefined,
		// Stopped, because what is killed in the stack is started again.
		killRedis: async () => {
			await Promise.all([stack.kill("redis"), stack.stop("redis")]);
		},
		async stop() {
			await stack.close();
			await rm(dir, { recursive: true, force: true });
		},
	};
}

async function makeCodes(url: string, count: number): Promise<{ id: string; slug: string }[]> {
	const codes: { id: string; slug: string }[] = [];
	for (let n = 0; n < count; n++) {
		const body = { slug: `bench-${n}`, url: "https://example.com/landing", name: `Bench ${n}` };
		codes.push(await ask<{ id: string; slug: string }>(url, "POST", "/api/v1/codes", body));
	}
	return codes;
}

function quantile(values: readonly number[], share: number): number {
	const sorted = values.toSorted((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

interface Judged {
	readonly cached: number;
	readonly failed: number;
	readonly oldestMs: number;
	readonly p99: number;
}

function show(name: string, reads: readonly Read[], seconds: number): Judged {
	const answered = reads.filter(({ status }) => status === 200);
	const shares = TIERS.map((tier) => answered.filter(({ cache }) => cache === tier).length / answered.length);
	const miss = shares.at(-1) as number;
	const ages = answered.flatMap(({ ageMs }) => ageMs ?? []);
	const times = answered.map(({ tookMs }) => tookMs);
	const failed = reads.length - answered.length;
	const judged = { cached: 1 - miss, failed, oldestMs: Math.max(...ages), p99: quantile(times, 0.99) };
	console.log(`${name}: ${reads.length} reads at ${rate(reads.length / seconds)}, ${failed} failed`);
	const others = Object.entries(Object.groupBy(reads, ({ status }) => status)).filter(([status]) => status !== "200");
	for (const [status, some = []] of others) console.log(`  ${some.length} were answered with ${status}`);
	console.log(
		`  from the cache ${percent(judged.cached)}: ${TIERS.map((tier, n) => `${tier} ${percent(shares[n] as number)}`).join(", ")}`,
	);
	console.log(
		`  age of answers that include now: p50 ${ms(quantile(ages, 0.5))}, p99 ${ms(quantile(ages, 0.99))}, oldest ${ms(judged.oldestMs)}`,
	);
	console.log(`  took: p50 ${ms(quantile(times, 0.5))}, p99 ${ms(judged.p99)}`);
	for (const [what, own] of Map.groupBy(answered, (read) => read.what)) {
		const missed = own.filter(({ cache }) => cache === "miss").map(({ tookMs }) => tookMs);
		const waited =
			missed.length > 0 ? `; misses took p50 ${ms(quantile(missed, 0.5))}, p99 ${ms(quantile(missed, 0.99))}` : "";
		const share = percent(1 - missed.length / own.length);
		console.log(`    ${what.padEnd(24)} ${String(own.length).padStart(7)} reads, ${share} cached${waited}`);
	}
	return judged;
}

/** Each tier's hit rate as the product's own metrics tell it. */
async function showTiers(url: string): Promise<void> {
	const metrics = await (await fetch(url)).text();
	const read = (tier: string, result: string) =>
		Number(
			new RegExp(`^scanpulse_cache_reads_total\\{tier="${tier}",result="${result}"\\} (\\d+)$`, "m").exec(
				metrics,
			)?.[1] ?? 0,
		);
	for (const tier of ["l1", "l2"]) {
		const [hit, stale, miss] = [read(tier, "hit"), read(tier, "stale"), read(tier, "miss")];
		const all = hit + stale + miss;
		console.log(`  ${tier}: ${all} reads, ${percent(hit / all)} hit, ${percent(stale / all)} stale`);
	}
}

const place = await (given.stack ? startMany() : startOne());
try {
	const codes = await makeCodes(place.url, Number(given.codes));
	const { realtimeUrl } = await ask<{ realtimeUrl: string }>(place.url, "GET", "/api/v1/client");
	const scans = scanSteadily({ url: place.url, slugs: codes.map(({ slug }) => slug), perSecond: Number(given.rate) });
	const options: Dashboards = {
		...{ url: place.url, realtimeUrl: realtimeUrl || place.url, codes: codes.map(({ id }) => id) },
		...{
			count: Number(given.dashboards),
			stayMs: 1_000 * Number(given.stay),
			walls: Number(given.walls),
			openInMs: warmUpMs / 3,
		},
	};
	const worker = new Worker(new URL("./load/dashboards.worker.ts", import.meta.url), { workerData: options });
	worker.once("error", (error) => {
		throw error;
	});
	const take = (what: "reads" | "stop") =>
		new Promise<Read[]>((resolve) => {
			worker.once("message", resolve);
			worker.postMessage(what);
		});

	await delay(warmUpMs);
	await take("reads");
	const phaseMs = given["kill-redis"] ? forMs / 2 : forMs;
	await delay(phaseMs);
	const before = show("with Redis", await take("reads"), phaseMs / 1_000);
	if (place.metricsUrl) await showTiers(place.metricsUrl);
	const all = [before];
	if (given["kill-redis"]) {
		await place.killRedis();
		await delay(phaseMs);
		const after = show("Redis killed", await take("stop"), phaseMs / 1_000);
		all.push(after);
		console.log(`p99 is ${(after.p99 / before.p99).toFixed(2)} times that of before`);
		if (after.p99 > MOST_SLOWER * before.p99) process.exitCode = 1;
	} else await take("stop");
	await scans.stop();
	console.log(`${scans.accepted} scans accepted, ${scans.failed} not`);
	if (all.some(({ cached, failed, oldestMs }) => cached < LEAST_CACHED || failed > 0 || oldestMs > OLDEST_MS))
		process.exitCode = 1;
} finally {
	await place.stop();
}
