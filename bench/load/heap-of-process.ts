/*
 * Loaded before the product (`node --import`) in each of its threads: leaves in the folder HEAP_DIR, a file a thread, what
 * the thread's heap held after its last full garbage collection, which RSS cannot tell of a heap that is collected late.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { threadId } from "node:worker_threads";

const dir = process.env.HEAP_DIR;

function isFull(entry: PerformanceEntry & { readonly detail?: { readonly kind?: number } }): boolean {
	return entry.detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}

if (dir) {
	const observer = new PerformanceObserver((list) => {
		if (!list.getEntries().some(isFull)) return;
		const { used_heap_size, external_memory } = getHeapStatistics();
		writeFileSync(path.join(dir, String(threadId)), String(used_heap_size + external_memory));
	});
	observer.observe({ entryTypes: ["gc"] });
}
