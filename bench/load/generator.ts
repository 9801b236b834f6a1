/* Load on an HTTP server from a thread of its own, and what came of it. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { RequestsOptions } from "./requests.ts";

export interface LoadOptions extends RequestsOptions {
	readonly url: string;
	/** Connections kept open, each with one request at a time. */
	readonly connections: number;
	/** Requests a second, evenly spaced; as many as are answered when absent. */
	readonly rate?: number;
	readonly warmUpMs: number;
	/** How long is measured, ms. */
	readonly forMs: number;
	/** The server's process, whose processor time is measured. */
	readonly pid: number;
}

export interface LoadResult {
	/** Answers a second. */
	readonly perSecond: number;
	readonly answers: number;
	/** Answers that say that their scan is durable. */
	readonly durable: number;
	/** Answers by status. */
	readonly statuses: Readonly<Record<string, number>>;
	/** From when a request was due to its answer, ms; with a `rate` only. */
	readonly latency: { readonly p50: number; readonly p99: number; readonly p999: number };
	/** Processor time of the server a request, all threads and its event loop's alone, µs; where the system tells it. */
	readonly cost: { readonly process: number; readonly main: number } | undefined;
	readonly failure: string | undefined;
}

/** @throws Error when a connection failed. */
export async function load(options: LoadOptions): Promise<LoadResult> {
	const worker = new Worker(new URL("./generator.worker.ts", import.meta.url), { workerData: options });
	const [result] = (await once(worker, "message")) as [LoadResult];
	await worker.terminate();
	if (result.failure !== undefined) throw new Error(`The load failed: ${result.failure}`);
	return result;
}
