/*
 * NATS, Redis and MongoDB are all killed at once and stay away: what a phone notices of it, and what is counted of the
 * time without them when they are back.
 */
import { Agent, get } from "node:http";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Code } from "../../contracts/code.ts";
import { Caller } from "../../scripts/chaos/ask.ts";
import { groupOf, nameOf } from "../../scripts/chaos/crowd.ts";
import { judge } from "../../scripts/chaos/judgement.ts";
import { Numbers } from "../../scripts/chaos/numbers.ts";
import { type Outcome, readRecord, ScanRecord, type SentScan } from "../../scripts/chaos/record.ts";
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
 * An outage may make the slowest hundredth of redirects as slow as this many of before, and these ms on top: the machine is
 * shared with eleven other processes, and a scan that waits for a file may use up the redirect's patience.
 */
const SLOWER = 2;
const SLOWER_MS = 30;
/** A few seconds where a process has a processor for itself. */
const READY_WITHIN_MS = 15_000;

interface Phones {
	/** Durations of the redirects of the next `durationMs`, ms, sorted. */
	watch(durationMs: number): Promise<number[]>;
	/** Redirects with X-Scan-Id, without it, and requests that were cut off. */
	readonly tally: { acknowledged: number; hurried: number; cut: number; wrong: string[] };
	stop(): Promise<void>;
}

/** Phones that scan at a steady rate, each on a connection of its own, until they are stopped. Each scan has a name. */
function startPhones(url: string, slugs: readonly string[], record: ScanRecord): Phones {
	const agent = new Agent({ keepAlive: false });
	const tally: Phones["tally"] = { acknowledged: 0, hurried: 0, cut: 0, wrong: [] };
	const open = new Set<Promise<void>>();
	let durations: number[] = [];
	let begun = 0;
	const start = performance.now();

	const scan = (code: number) =>
		new Promise<void>((resolve) => {
			const at = performance.now();
			const [sent] = record.sent([{ code, source: "qr", at: Date.now(), bot: false }]) as [SentScan];
			const tags = `utm_medium=${groupOf(sent.key)}&utm_campaign=${nameOf(sent.key)}`;
			const became = (outcome: Outcome) => {
				record.became([sent], outcome);
				resolve();
			};
			get(`${url}/q/${slugs[code]}?${tags}`, { agent }, (response) => {
				response.resume();
				durations.push(performance.now() - at);
				const { statusCode, headers } = response;
				if (statusCode !== 302) tally.wrong.push(`${slugs[code]}: ${statusCode}`);
				else if (headers["x-scan-id"]) tally.acknowledged++;
				else tally.hurried++;
				became(statusCode !== 302 ? "refused" : headers["x-scan-id"] ? "acknowledged" : "hurried");
			}).on("error", () => {
				tally.cut++;
				became("unanswered");
			});
		});
	const timer = setInterval(() => {
		for (const due = ((performance.now() - start) / 1_000) * RATE; begun < due; begun++) {
			const scanning = scan(begun % slugs.length).finally(() => open.delete(scanning));
			open.add(scanning);
		}
	}, 10);

	return {
		tally,
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

test("without NATS, Redis and MongoDB redirects go on as fast, also of a gateway started meanwhile, and each scan is counted once later", {
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
	const caller = new Caller(stack.url, KEY);
	atEndOfFile(async () => caller.close());
	const numbers = new Numbers(caller);
	const counted = async () => (await numbers.summary()).scans;
	const recordFile = path.join(await temporaryFolder(), "scans.ndjson");
	const record = new ScanRecord(recordFile);
	const phones = startPhones(
		stack.url,
		codes.map(({ slug }) => slug),
		record,
	);
	await until(async () => (await counted()) > RATE, { what: "counting to begin", timeoutMs: 20_000 });
	// By then both gateways have written down which codes there are.
	const before = await phones.watch(WATCHED_MS);

	await Promise.all(SERVERS.map((server) => stack.kill(server)));
	const during = await phones.watch(WATCHED_MS);
	expect(phones.tally.cut).toBe(0);

	const post = async () => {
		const [sent] = record.sent([{ code: 0, source: "api", at: Date.now(), bot: false }]) as [SentScan];
		const utm = { medium: groupOf(sent.key), campaign: nameOf(sent.key) };
		await client.post("/api/v1/scans", { code: codes[0]?.slug, utm });
		record.became([sent], "acknowledged");
	};
	for (let index = 0; index < 20; index++) await post();
	for (const gateway of ["gateway-1", "gateway-2"]) {
		await stack.kill(gateway);
		const begun = performance.now();
		await stack.start(gateway);
		expect(performance.now() - begun, `${gateway} to be ready`).toBeLessThan(READY_WITHIN_MS);
	}
	// Both were started in the outage by now: nobody but them answers.
	const startedMeanwhile = await phones.watch(WATCHED_MS);
	for (let index = 0; index < 20; index++) await post();
	expect(await client.get("/health/ready")).toMatchObject({ status: "degraded" });
	for (const [which, durations] of Object.entries({ during, startedMeanwhile })) {
		expect(durations.length, which).toBeGreaterThan(before.length / 2);
		expect(p99(durations), `${which}; p99 was ${p99(before)} ms before`).toBeLessThan(SLOWER * p99(before) + SLOWER_MS);
	}

	for (const server of SERVERS.toReversed()) await stack.start(server);
	const back = performance.now();
	await until(counted, { what: "an answer of the numbers", timeoutMs: 20_000 });
	await phones.stop();
	record.close();
	const scans = readRecord(recordFile);
	const least = scans.filter(({ outcome }) => outcome === "acknowledged").length;
	const ledger = await until(
		async () => {
			const books = await numbers.ledger();
			const whole =
				books.balanced && books.inFlight === 0 && books.stored >= least && (await counted()) === books.stored;
			return whole && books;
		},
		{ what: `at least ${least} scans to be counted, and the books to balance`, timeoutMs: 30_000 },
	);
	const wholeAfter = performance.now() - back;
	expect(ledger).toMatchObject({ missing: 0, dropped: {} });
	expect(phones.tally.wrong).toEqual([]);
	// Each by its name: what was acknowledged once, what was hurried or cut off at most once, and nothing else.
	const judgement = judge(scans, await numbers.byName(scans.length));
	expect(judgement).toMatchObject({ violations: [], lost: 0, doubled: 0, acknowledged: least, counted: ledger.stored });
	console.info(
		`p99 ${[before, during, startedMeanwhile].map((durations) => p99(durations).toFixed(1)).join(", ")} ms`,
		`before, without servers, of gateways started without; ${least} acknowledged, ${phones.tally.hurried} without id,`,
		`${phones.tally.cut} cut off, ${judgement.counted} counted; whole ${(wholeAfter / 1_000).toFixed(1)} s after the servers were back`,
	);
	await stack.close();
});
