/*
 * What the store itself has counted, read past the product: whichever process is struck, and however it reads and caches
 * its numbers, this is when scans were counted.
 */
import { setTimeout as delay } from "node:timers/promises";
import { MongoClient } from "mongodb";
import type { Growth } from "./growth.ts";

const EVERY_MS = 40;
const TIMEOUT_MS = 1_000;

interface PartitionTotal {
	readonly partition?: number;
	readonly code: string;
	/** Scans, and bots; what is 0 may be absent. */
	readonly s?: number;
	readonly b?: number;
}

/** Notes the count of each partition as it grows, until it is told to stop. A store that is away is waited for. */
export function watchStored(mongoUrl: string, growth: Growth): { stop(): Promise<void> } {
	const client = new MongoClient(mongoUrl, {
		serverSelectionTimeoutMS: TIMEOUT_MS,
		connectTimeoutMS: TIMEOUT_MS,
		readConcern: { level: "majority" },
	});
	const totals = client.db().collection<PartitionTotal>("totals");
	const stopping = new AbortController();

	const look = async () => {
		const sums = new Map<number, number>();
		for (const { partition, s = 0, b = 0 } of await totals.find({ code: "" }).toArray()) {
			if (partition !== undefined) sums.set(partition, (sums.get(partition) ?? 0) + s + b);
		}
		for (const [partition, sum] of sums) growth.seen(`partition ${partition}`, sum);
	};
	const watching = (async () => {
		while (!stopping.signal.aborted) {
			await look().catch(() => undefined);
			await delay(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
		}
		await client.close();
	})();

	return {
		async stop() {
			stopping.abort();
			await watching;
		},
	};
}
