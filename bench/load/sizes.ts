/* How large an embedded product is: its files, what its heaps hold, and whether its memory stays as large as it was. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

/** Before this share of the scans memory may grow: caches fill, code is compiled. */
const WARM_UP = 0.1;
/** The second half may hold so much more than the first. */
const MOST_GROWTH = 1.1;

export interface Sizes {
	/** What the heaps of all threads held after their last full collection, and what they hold outside, bytes. */
	readonly heap: number;
	readonly database: number;
	/** The database's write-ahead log. */
	readonly wal: number;
	/** The event log. */
	readonly log: number;
}

/** @param dir of a subject */
export function sizesOf(dir: string): Sizes {
	const sizes = { heap: 0, database: 0, wal: 0, log: 0 };
	for (const file of filesOf(path.join(dir, "heap"))) sizes.heap += Number(readFileSync(file, "utf8"));
	const data = path.join(dir, "data");
	for (const file of filesOf(data)) {
		const name = path.relative(data, file);
		if (name === "store.db") sizes.database += sizeOf(file);
		else if (name === "store.db-wal") sizes.wal += sizeOf(file);
		else if (name.startsWith("log")) sizes.log += sizeOf(file);
	}
	return sizes;
}

export interface Flatness {
	/** Highest memory in the first half after the warm-up, and in the second, bytes. */
	readonly before: number;
	readonly after: number;
	readonly flat: boolean;
}

/** @param samples memory by how much of the work was done, from 0 to 1 */
export function flatness(samples: readonly { readonly done: number; readonly bytes: number }[]): Flatness {
	const highest = (from: number, to: number) =>
		Math.max(...samples.filter(({ done }) => done >= from && done <= to).map(({ bytes }) => bytes));
	const [before, after] = [highest(WARM_UP, 0.5), highest(0.5, 1)];
	return { before, after, flat: after <= MOST_GROWTH * before };
}

function filesOf(dir: string): string[] {
	const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
	return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

/** 0 for one that is gone by now. */
function sizeOf(file: string): number {
	return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
