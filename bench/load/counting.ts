/*
 * Scans through the whole product: posted by /batch over a few connections, as fast as they are answered, until enough are
 * accepted; then waited for until the ledger says that all are stored. Says now and then how fast it goes, how large the
 * processes and their files are, and in the end whether memory has stayed as large as it was.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "./batch-posts.ts";
import { mib, percent, rate } from "./figures.ts";
import { memory, processorTime } from "./processor-time.ts";
import { flatness, sizesOf } from "./sizes.ts";
import { ask } from "./subjects.ts";

export interface CountingOptions {
	readonly url: string;
	/** Processes whose memory is watched. */
	readonly pids: readonly number[];
	/** The subject's files, when they are to be watched. */
	readonly dir?: string;
	readonly slugs: readonly string[];
	/** Scans to count. */
	readonly total: number;
	/** Scans of one request. */
	readonly batch: number;
}

export interface Counting {
	/** Scans counted a second, from the first one sent to the last one counted. */
	readonly perSecond: number;
	/** Undefined when too few were counted to tell. */
	readonly flat: boolean | undefined;
}

interface Ledger {
	readonly accepted: number;
	readonly stored: number;
	readonly balanced: boolean;
}

/** How far it was at some moment. */
interface Mark {
	readonly stored: number;
	/** ms */
	readonly at: number;
	/** Processor time used, ms. */
	readonly cpu: number;
}

const LOOK_MS = 200;
const MILLION = 1_000_000;
/** Of fewer scans the state is printed so often in all, and it cannot be told whether memory stays flat. */
const PRINTS = 10;

/** @throws Error when some are not counted. */
export async function countThrough(options: CountingOptions): Promise<Counting> {
	const { url, pids, slugs, total, batch } = options;
	const step = Math.min(MILLION, total / PRINTS);
	const mark = (stored: number): Mark => ({ stored, at: performance.now(), cpu: processorTimeOf(pids) });
	const begin = mark(0);
	const posts = new Pool({ url, slugs, batch, total });
	const samples: { done: number; bytes: number }[] = [];
	console.log(`  before: ${sizesText(options)}`);
	let printed = begin;
	for (;;) {
		const { stored } = await ask<Ledger>(url, "GET", "/api/v1/ledger");
		samples.push({ done: stored / total, bytes: memoryOf(pids) });
		if (stored >= (Math.floor(printed.stored / step) + 1) * step) {
			const now = mark(stored);
			console.log(`  ${progress(printed, now)}; ${sizesText(options)}`);
			printed = now;
		}
		if (posts.done && stored >= posts.accepted) break;
		await delay(LOOK_MS);
	}
	const end = mark(posts.accepted);
	await posts.finished;
	const { stored } = await ask<Ledger>(url, "GET", "/api/v1/ledger");
	console.log(`  accepted at ${rate(posts.accepted / posts.seconds)}; ${posts.refused} batches asked to wait`);
	console.log(`  in all: ${progress(begin, end)}`);
	if (stored !== posts.accepted) throw new Error(`${posts.accepted} accepted, ${stored} stored`);
	if (stored < total) throw new Error(`Only ${percent(stored / total)} were accepted`);
	return { perSecond: (1_000 * stored) / (end.at - begin.at), flat: total < MILLION ? undefined : isFlat(samples) };
}

function isFlat(samples: readonly { done: number; bytes: number }[]): boolean {
	const { before, after, flat } = flatness(samples);
	const verdict = flat ? "flat" : "NOT FLAT";
	console.log(
		`  memory is ${verdict}: at most ${mib(after)} in the second half, ${mib(before)} in the first after its warm-up`,
	);
	return flat;
}

/** What was counted between two moments, and what it cost these processes. */
function progress(from: Mark, to: Mark): string {
	const scans = to.stored - from.stored;
	const cost = `${((1_000 * (to.cpu - from.cpu)) / scans).toFixed(1)} µs of processor time a scan`;
	return `${to.stored.toLocaleString("en")} counted at ${rate((1_000 * scans) / (to.at - from.at))}, ${cost}`;
}

function sizesText({ pids, dir }: CountingOptions): string {
	const resident = `memory ${pids.map((pid) => mib(memory(pid))).join(", ")}`;
	if (!dir) return resident;
	const { heap, database, wal, log } = sizesOf(dir);
	return `${resident} (heaps collected ${mib(heap)}); database ${mib(database)} + ${mib(wal)}, log ${mib(log)}`;
}

function memoryOf(pids: readonly number[]): number {
	return pids.reduce((sum, pid) => sum + memory(pid), 0);
}

function processorTimeOf(pids: readonly number[]): number {
	return pids.reduce((sum, pid) => sum + (processorTime(pid)?.process ?? Number.NaN), 0);
}
