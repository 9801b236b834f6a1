/**
 * How long after something reads usually come: some seconds after a scan that a screen was told of, or a minute after the
 * screen's last read. Learned from reads that are alike, whoever made them, and forgotten as others come. Of which scan, or
 * after which read, one came cannot be told where several screens look at one answer, but only one time explains nearly all.
 */

import { LRUCache } from "lru-cache";

/** Reads remembered of each like. */
const MOST_READS = 24;
const MOST_LIKES = 1_000;
/** Times so close together are the same habit, ms. */
const WINDOW_MS = 300;
/** This share of the reads must be explained to call it a habit. */
const LEAST_SHARE = 0.5;
/** What explains this share of the most that is explained is as good: the shortest is taken, because others follow from it. */
const AS_GOOD = 0.9;

/** When reads usually come. */
export interface Habit {
	/** So long after, ms. */
	readonly lagMs: number;
	/** The share of reads that this explains. */
	readonly share: number;
}

interface Known {
	/** Of each read, how long after each thing of which it may have come, ms. */
	readonly reads: (readonly number[])[];
	habit: Habit | undefined;
}

export class LagHabits {
	readonly #known = new LRUCache<string, Known>({ max: MOST_LIKES });

	/**
	 * A read came so long after each of some things, of one of which it may have come.
	 *
	 * @param like names what is alike
	 */
	read(like: string, lagsMs: readonly number[]): void {
		if (lagsMs.length === 0) return;
		const known = this.#known.get(like) ?? { reads: [], habit: undefined };
		this.#known.set(like, known);
		known.reads.push(lagsMs);
		if (known.reads.length > MOST_READS) known.reads.shift();
		known.habit = explaining(known.reads);
	}

	/** When reads that are alike come; undefined where there is no habit. */
	usual(like: string): Habit | undefined {
		return this.#known.get(like)?.habit;
	}
}

/** The middle of the window that explains most reads. */
function explaining(reads: readonly (readonly number[])[]): Habit | undefined {
	const lags = reads.flatMap((each, read) => each.map((lagMs) => ({ lagMs, read }))).sort((a, b) => a.lagMs - b.lagMs);
	const inside = new Map<number, number>();
	const windows: { readonly explained: number; readonly first: number; readonly end: number }[] = [];
	let first = 0;
	for (const [at, { lagMs, read }] of lags.entries()) {
		inside.set(read, (inside.get(read) ?? 0) + 1);
		for (let left = lags[first]; left && lagMs - left.lagMs > WINDOW_MS; left = lags[++first]) {
			const others = (inside.get(left.read) ?? 1) - 1;
			if (others > 0) inside.set(left.read, others);
			else inside.delete(left.read);
		}
		windows.push({ explained: inside.size, first, end: at });
	}
	const most = windows.reduce((sofar, { explained }) => Math.max(sofar, explained), 0);
	if (most < LEAST_SHARE * reads.length) return undefined;
	const at = windows.findIndex(({ explained }) => explained >= AS_GOOD * most);
	// The windows that follow hold what belongs to it and comes a little later.
	let best = windows[at];
	for (const next of windows.slice(at + 1)) {
		if (!best || next.first > best.end) break;
		if (next.explained > best.explained) best = next;
	}
	const middle = best && lags[Math.floor((best.first + best.end) / 2)];
	return middle && best && { lagMs: middle.lagMs, share: best.explained / reads.length };
}
