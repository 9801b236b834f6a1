/*
 * Requests that are due at a steady rate whatever becomes of the answers, from a thread of its own on bare sockets: what
 * an engine that makes a virtual user of each request cannot send from the cores that the product runs on too. Says of
 * each phase what was served, what was refused as it may be, and how long each took from the moment it was due.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

export interface LeanPhase {
	readonly name: string;
	/** Requests a second. */
	readonly rate: number;
	readonly seconds: number;
}

export interface LeanOptions {
	readonly url: string;
	readonly key: string;
	/** Slugs of codes that exist. */
	readonly slugs: readonly string[];
	readonly phases: readonly LeanPhase[];
	/** Connections kept open, each with one request at a time. */
	readonly connections: number;
	/** Of a hundred requests, how many are redirects; the others post one scan each. */
	readonly redirects: number;
}

export const KINDS = ["scans", "redirects"] as const;
export type Kind = (typeof KINDS)[number];

/** What came of the requests of one kind that were due in one span. */
export interface Outcome {
	/** Sent, or still waiting for a connection at the end. */
	readonly due: number;
	/** 202 or 302. */
	readonly served: number;
	/** Served, and their scan is durable. */
	readonly durable: number;
	/** 429 or 503 with Retry-After. */
	readonly refused: number;
	/** Answered in any other way. */
	readonly forbidden: number;
	/** Not answered at all. */
	readonly unanswered: number;
	/** From when each was due to its answer, ms. */
	readonly servedMs: Float64Array;
	readonly refusedMs: Float64Array;
}

export interface SecondOf {
	/** Seconds since the load began. */
	readonly at: number;
	readonly phase: string;
	readonly due: number;
	readonly served: number;
	readonly refused: number;
	/** Of what was served, ms; NaN when nothing was. */
	readonly p50: number;
	readonly p99: number;
}

export interface LeanResult {
	/** When the first request was due, epoch ms. */
	readonly begunAt: number;
	readonly phases: readonly { readonly name: string; readonly outcomes: Readonly<Record<Kind, Outcome>> }[];
	readonly seconds: readonly SecondOf[];
	/** Statuses of forbidden answers, and how many there were of each. */
	readonly statuses: Readonly<Record<string, number>>;
}

/** Resolves when the last phase is over and its requests are answered, or have not been for ten seconds. */
export async function leanLoad(options: LeanOptions): Promise<LeanResult> {
	const worker = new Worker(new URL("./lean-load.worker.ts", import.meta.url), { workerData: options });
	const [result] = (await once(worker, "message")) as [LeanResult];
	await worker.terminate();
	return result;
}

/** The value below which that share of the values lies; NaN of none. */
export function quantile(values: Float64Array | readonly number[], share: number): number {
	const sorted = Float64Array.from(values).sort();
	return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
