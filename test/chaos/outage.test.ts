/*
 * NATS, Redis and MongoDB are all killed at once and stay away: what a phone notices of it, and what is counted of the
 * time without them when they are back.
 */
import { Agent, get } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Summary } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import { until } from "../../scripts/servers/until.ts";
import { startStack } from "../../scripts/stack/start.ts";
import { api } from "../harness/api.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";

const KEY = "a-key-for-the-tests-0003";
const SERVERS = ["nats", "redis", "mongo"];
/** Redirects a second, and how long each half of the comparison takes, ms. */
const RATE = 100;
const WATCHED_MS = 5_000;
/**
 * An outage may make a redirect as slow as this many of before, and these ms on top: the machine is shared with eleven
 * other processes, and a scan that waits for a file may use up the redirect's patience.
 */
const SLOWER = 2;
const SLOWER_MS = 30;
/** A few seconds where a process has a processor for itself. */
const READY_WITHIN_MS = 15_000;

interface Phones {
	/** Durations of the redirects of the next `durationMs`, ms, sorted. */
	watch(durationMs: number): Promise<number[]>;
	/** Redirects with X-Scan-Id, without it, and requests that were cut off. */
	readonly record: { acknowledged: number; hurried: number; cut: number; wrong: string[] };
	stop(): Promise<void>;
}

/** Phones that scan at a steady rate, each on a connection of its own, until they are stopped. */
function startPhones(url: string, slugs: readonly string[]): Phones {
	const agent = new Agent({ keepAlive: false });
	const record: Phones["record"] = { acknowledged: 0, hurried: 0, cut: 0, wrong: [] };
	const open = new Set<Promise<void>>();
	let durations: number[] = [];
	let begun = 0;
	const start = performance.now();

	const scan = (slug: string) =>
		new Promise<void>((resolve) => {
			const at = performance.now();
			get(`${url}/q/${slug}`, { agent }, (response) => {
				response.resume();
				durations.push(performance.now() - at);
				if (response.statusCode !== 302) record.wrong.push(`${slug}: ${response.statusCode}`);
				else if (response.headers["x-scan-id"]) record.acknowledged++;
				else record.hurried++;
				resolve();
			}).on("error", () => {
				record.cut++;
				resolve();
			});
		});
	const timer = setInterval(() => {
		for (const due = ((performance.now() - start) / 1_000) * RATE; begun < due; begun++) {
			const scanning = scan(slugs[begun % slugs.length] as string).finally(() => open.delete(scanning));
			open.add(scanning);
		}
	}, 10);

	return {
		record,
		async watch(durationMs) {
			durations = [];
			// Time is what is measured here: so long is a sample taken.
			await delay(durationMs);
			return durations.toSorted((a, b) => a - b);
		},
		async stop() {
			clearInterval(timer);
			await Promise.all(open);
			agent.destroy();
		},
	};
}

const p99 = (durations: readonly number[]) => durations[Math.floor(durations.length * 0.99)] ?? Number.NaN;

test("without NATS, Redis and MongoDB redirects go on as fast, also of a gateway started meanwhile, and all is counted later", {
	timeout: 180_000,
}, async () => {
	const stack = await startStack({
		dir: await temporaryFolder(),
		port: 0,
		env: { SCANPULSE_ADMIN_KEY: KEY, RATE_LIMITS: "off" },
		restarts: false,
	});
	atEndOfFile(() => stack.close());
	const client = api(stack.url, KEY);
	const codes = await Promise.all(
		Array.from({ length: 20 }, (_, number) =>
			client.post<Code>("/api/v1/codes", { url: `https://example.org/${number}` }),
		),
	);
	let asked = 0;
	/** Each question is another one, so that no answer comes from a cache. */
	const counted = async () => {
		const from = new Date(Date.UTC(2020, 0, 1) + asked++).toISOString();
		return (await client.get<Summary>(`/api/v1/analytics/summary?bots=true&from=${from}`)).scans;
	};
	const phones = startPhones(
		stack.url,
		codes.map(({ slug }) => slug),
	);
	await until(async () => (await counted()) > RATE, { what: "counting to begin", timeoutMs: 20_000 });
	// By then both gateways have written down which codes there are.
	const before = await phones.watch(WATCHED_MS);

	await Promise.all(SERVERS.map((server) => stack.kill(server)));
	const during = await phones.watch(WATCHED_MS);
	expect(during.length).toBeGreaterThan(before.length / 2);
	expect(p99(during), `p99 was ${p99(before)} ms before`).toBeLessThan(SLOWER * p99(before) + SLOWER_MS);
	expect(phones.record.cut).toBe(0);

	let posted = 0;
	const post = async () => {
		await client.post("/api/v1/scans", { code: codes[posted % codes.length]?.id, visitor: `visitor-${posted}` });
		posted++;
	};
	for (let index = 0; index < 20; index++) await post();
	for (const gateway of ["gateway-1", "gateway-2"]) {
		await stack.kill(gateway);
		const begun = performance.now();
		await stack.start(gateway);
		expect(performance.now() - begun, `${gateway} to be ready`).toBeLessThan(READY_WITHIN_MS);
	}
	// Both were started in the outage by now.
	const acknowledged = phones.record.acknowledged;
	await until(() => phones.record.acknowledged > acknowledged + 2 * RATE, {
		what: "scans to be kept",
		timeoutMs: 10_000,
	});
	for (let index = 0; index < 20; index++) await post();
	expect(await client.get("/health/ready")).toMatchObject({ status: "degraded" });

	for (const server of SERVERS.toReversed()) await stack.start(server);
	const back = performance.now();
	await until(counted, { what: "an answer of the numbers", timeoutMs: 20_000 });
	await phones.stop();
	const { record } = phones;
	const least = record.acknowledged + posted;
	await until(async () => (await counted()) >= least, {
		what: `at least ${least} scans to be counted`,
		timeoutMs: 30_000,
	});
	expect(record.wrong).toEqual([]);
	expect(await counted()).toBeLessThanOrEqual(least + record.hurried + record.cut);
	console.info(
		`p99 ${p99(before).toFixed(1)} ms before, ${p99(during).toFixed(1)} ms without servers;`,
		`${least} acknowledged, ${record.hurried} without id, ${record.cut} cut off;`,
		`whole ${((performance.now() - back) / 1_000).toFixed(1)} s after the servers were back`,
	);
	await stack.close();
});
