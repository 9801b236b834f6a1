/*
 * Scans through the whole product: posted by /batch over a few connections, as fast as they are answered, until enough are
 * accepted; then waited for until the ledger says that all are stored. Says now and then how large the processes are.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "./batch-posts.ts";
import { ms, percent, rate } from "./figures.ts";
import { memory, processorTime } from "./processor-time.ts";
import { ask } from "./subjects.ts";

export interface CountingOptions {
	readonly url: string;
	/** Processes whose memory is watched. */
	readonly pids: readonly number[];
	readonly slugs: readonly string[];
	/** Scans to count. */
	readonly total: number;
	/** Scans of one request. */
	readonly batch: number;
}

interface Ledger {
	readonly accepted: number;
	readonly stored: number;
	readonly balanced: boolean;
}

const LOOK_MS = 200;
/** How often the state is printed, in shares of the whole. */
const PRINTS = 10;

/** Scans counted a second, from the first one sent to the last one counted. @throws Error when some are not. */
export async function countThrough({ url, pids, slugs, total, batch }: CountingOptions): Promise<number> {
	const begin = performance.now();
	const cpuFrom = pids.map((pid) => processorTime(pid)?.process ?? Number.NaN);
	const posts = new Pool({ url, slugs, batch, total });
	let printed = 0;
	let ledger: Ledger;
	for (;;) {
		ledger = await ask<Ledger>(url, "GET", "/api/v1/ledger");
		if (ledger.stored >= (printed * total) / PRINTS) {
			const sizes = pids.map((pid) => `${Math.round(memory(pid) / 2 ** 20)} MiB`).join(", ");
			console.log(
				`  ${ledger.stored} counted after ${((performance.now() - begin) / 1_000).toFixed(1)} s; memory ${sizes}`,
			);
			printed++;
		}
		if (posts.done && ledger.stored >= posts.accepted) break;
		await delay(LOOK_MS);
	}
	const seconds = (performance.now() - begin) / 1_000;
	await posts.finished;
	const cpu = pids.reduce(
		(sum, pid, index) => sum + (processorTime(pid)?.process ?? Number.NaN) - (cpuFrom[index] ?? 0),
		0,
	);
	const spent = `${ms((1_000 * cpu) / ledger.stored).replace(" ms", " µs")} of processor time a scan, these processes`;
	console.log(
		`  accepted at ${rate(posts.accepted / posts.seconds)}; ${spent}; ${posts.refused} batches asked to wait`,
	);
	if (ledger.stored !== posts.accepted) throw new Error(`${posts.accepted} accepted, ${ledger.stored} stored`);
	if (ledger.stored < total) throw new Error(`Only ${percent(ledger.stored / total)} were accepted`);
	return ledger.stored / seconds;
}
