/**
 * How fast a scan store counts: batches of scans over many codes with all dimensions, through the interface alone.
 * `node scripts/launch.cjs bench/store.ts [--scans N] [--batch N] [--codes N] [--mongo URL]`; prints scans per second and
 * what a commit, and the questions of a screen beside it, take.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { AcceptedScan } from "../contracts/scan.ts";
import type { ScanMessage } from "../platform/log/message.ts";
import { openMongoStore } from "../platform/store/mongo-store.ts";
import type { ScanStore } from "../platform/store/scan-store.ts";
import { openSqliteStore } from "../platform/store/sqlite-store.ts";

const DAY_MS = 86_400_000;
/** Scans of one message, as a busy gateway gathers in a turn. */
const SCANS_PER_MESSAGE = 50;

const { values: options } = parseArgs({
	options: {
		scans: { type: "string", default: "100000" },
		batch: { type: "string", default: "2000" },
		codes: { type: "string", default: "200" },
		mongo: { type: "string" },
	},
});

/** Picks small numbers often and large ones seldom, as cities and referrers do. */
function skewed(values: number): number {
	return Math.floor(values * Math.random() ** 3);
}

function randomScan(number: number, codes: number): AcceptedScan {
	const code = `code-${Math.floor(Math.random() * codes)}`;
	return {
		id: `${Date.now().toString(16)}-${number.toString(16).padStart(12, "0")}`,
		organisation: "bench",
		code,
		slug: code,
		at: Date.now(),
		source: "qr",
		device: (["mobile", "mobile", "tablet", "desktop"] as const)[skewed(4)] ?? "mobile",
		bot: Math.random() < 0.02,
		os: `os-${skewed(5)}`,
		browser: `browser-${skewed(8)}`,
		country: `country-${skewed(40)}`,
		region: `region-${skewed(100)}`,
		city: `city-${skewed(300)}`,
		language: `language-${skewed(15)}`,
		referrer: Math.random() < 0.8 ? undefined : `referrer-${skewed(50)}`,
		placement: `placement-${skewed(6)}`,
		utm_source: Math.random() < 0.7 ? undefined : `source-${skewed(10)}`,
		utm_medium: Math.random() < 0.7 ? undefined : `medium-${skewed(5)}`,
		utm_campaign: Math.random() < 0.7 ? undefined : `campaign-${skewed(20)}`,
		visitor: `visitor-${Math.floor(Math.random() * 50_000)}`,
	};
}

function quantile(sorted: readonly number[], q: number): string {
	return `${(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0).toFixed(1)} ms`;
}

function report(name: string, times: readonly number[]): void {
	const sorted = times.toSorted((a, b) => a - b);
	console.log(`${name.padEnd(28)} p50 ${quantile(sorted, 0.5)}  p99 ${quantile(sorted, 0.99)}  (${sorted.length})`);
}

async function timed<T>(times: number[], work: () => Promise<T>): Promise<T> {
	const start = performance.now();
	const result = await work();
	times.push(performance.now() - start);
	return result;
}

async function ingestAll(store: ScanStore, total: number, batch: number, codes: number): Promise<void> {
	let { claim, position } = await store.claim(0, "bench");
	let accepted = 0;
	let number = 0;
	const commits: number[] = [];
	let cpuMs = 0;
	const next = () => {
		const messages: ScanMessage[] = [];
		for (let scans = 0; scans < batch; scans += SCANS_PER_MESSAGE) {
			const own = Array.from({ length: Math.min(SCANS_PER_MESSAGE, batch - scans) }, () =>
				randomScan(accepted++, codes),
			);
			messages.push({
				producer: "bench",
				number: ++number,
				acceptedAt: Date.now(),
				totals: { bench: accepted },
				scans: own,
			});
		}
		return messages;
	};
	for (let done = 0; done < total; done += batch) {
		const messages = next().map((message, index) => ({
			kind: "scans" as const,
			position: position + index + 1,
			message,
		}));
		const before = process.cpuUsage();
		const [part] = await timed(commits, () =>
			store.ingest([{ partition: 0, claim, log: "bench", from: position, messages }]),
		);
		const { user, system } = process.cpuUsage(before);
		cpuMs += (user + system) / 1000;
		position = part?.to ?? position;
	}
	const seconds = commits.reduce((sum, ms) => sum + ms, 0) / 1000;
	console.log(`${Math.round(total / seconds)} scans/s in batches of ${batch} over ${codes} codes`);
	// On a machine that is busy otherwise, the processor's time says more than the clock's.
	console.log(`${((1000 * cpuMs) / total).toFixed(1)} µs of this process's processor time a scan, all threads`);
	report("commit", commits);
}

async function askAll(store: ScanStore): Promise<void> {
	const now = Date.now();
	const selection = { organisation: "bench", from: now - DAY_MS, to: now, filters: [], bots: false };
	const day = { dayStart: now - (now % DAY_MS), dayEnd: now - (now % DAY_MS) + DAY_MS };
	const filters = [{ dimension: "country" as const, values: ["country-1"] }];
	const questions: Record<string, () => Promise<unknown>> = {
		state: () => store.state({ organisation: "bench", ...day, minute: now - (now % 60_000) }),
		counts: () => store.counts(selection),
		series: () => store.series(selection),
		"breakdown by city": () => store.breakdown(selection, "city"),
		"breakdown by code": () => store.breakdown(selection, "code"),
		"breakdown of 50 codes": () =>
			store.breakdown({ ...selection, codes: Array.from({ length: 50 }, (_, n) => `code-${n}`) }, "city"),
		"counts under a filter": () => store.counts({ ...selection, filters }),
		recent: () => store.recent({ organisation: "bench", limit: 50 }),
	};
	for (const [name, ask] of Object.entries(questions)) {
		const times: number[] = [];
		for (let n = 0; n < 10; n++) await timed(times, ask);
		report(name, times);
	}
}

const folder = await mkdtemp(join(tmpdir(), "scanpulse-bench-"));
const store = options.mongo
	? await openMongoStore({ url: options.mongo })
	: await openSqliteStore({ file: join(folder, "store.db") });
try {
	await ingestAll(store, Number(options.scans), Number(options.batch), Number(options.codes));
	await askAll(store);
} finally {
	await store.close();
	await rm(folder, { recursive: true });
}
