/*
 * How long the disk that holds the stack's data takes to keep a little: what is counted has waited for that, so a figure
 * that misses its promise while the disk stood still is told from one that the product missed.
 */
import { open, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { quantile } from "./lean-load.ts";
import type { Measured } from "./thresholds.ts";

const EVERY_MS = 500;
const BLOCK = Buffer.alloc(4_096, 1);

/**
 * Writes and syncs a block of 4 KiB in `dir` twice a second until it is ended.
 *
 * @returns ends it and gives `disk.sync_ms.p50`, `.p99` and `.max`, ms
 * @throws Error when the folder cannot be written to, also from what is returned
 */
export async function watchDisk(dir: string): Promise<() => Promise<Measured>> {
	const name = path.join(dir, "disk-probe");
	const file = await open(name, "w");
	const ended = new AbortController();
	const watching = syncUntil(ended.signal, async () => {
		await file.write(BLOCK, 0, BLOCK.length, 0);
		await file.datasync();
	});
	watching.catch(() => undefined);
	return async () => {
		ended.abort();
		try {
			const took = await watching;
			const [p50, p99, max] = [0.5, 0.99, 1].map((share) => quantile(took, share)) as [number, number, number];
			return { "disk.sync_ms.p50": p50, "disk.sync_ms.p99": p99, "disk.sync_ms.max": max };
		} finally {
			await file.close();
			await rm(name, { force: true });
		}
	};
}

/** Once at least. @returns how long each took, ms */
async function syncUntil(ended: AbortSignal, sync: () => Promise<void>): Promise<number[]> {
	const took: number[] = [];
	do {
		const begun = performance.now();
		await sync();
		took.push(performance.now() - begun);
		await delay(EVERY_MS, undefined, { signal: ended }).catch(() => undefined);
	} while (!ended.aborted);
	return took;
}
