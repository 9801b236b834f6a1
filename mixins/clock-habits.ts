/**
 * When in the minute reads usually come: screens that refresh by the clock all do so within the same second or so of it.
 * Learned from reads that are alike, whoever made them, and forgotten within minutes.
 */

import { LRUCache } from "lru-cache";

const MINUTE_MS = 60_000;
const SLOT_MS = 250;
const SLOTS = MINUTE_MS / SLOT_MS;
/** Reads by the clock come within so many slots, because screens do not all look at it at once. */
const WINDOW = 5;
const MOST_LIKES = 1_000;
/** So many reads, and this share of all, must come within the window to be a habit. */
const FEWEST_READS = 3;
const LEAST_SHARE = 0.4;
/** A slot at the window's ends with less than this share of it is not part of the habit. */
const LEAST_AT_ENDS = 0.05;

interface Habit {
	/** Reads by the slot of the minute that they came in, halved with every minute that passed. */
	readonly slots: Float64Array;
	minute: number;
}

/** When reads come next, epoch ms: the first of them, and the last. */
export interface Expected {
	readonly first: number;
	readonly last: number;
}

export class ClockHabits {
	readonly #habits = new LRUCache<string, Habit>({ max: MOST_LIKES });

	/** @param like names what is alike */
	read(like: string, now: number): void {
		const minute = Math.floor(now / MINUTE_MS);
		const habit = this.#habits.get(like) ?? { slots: new Float64Array(SLOTS), minute };
		this.#habits.set(like, habit);
		const weight = 0.5 ** (minute - habit.minute);
		if (weight < 1) for (const [slot, reads] of habit.slots.entries()) habit.slots[slot] = weight * reads;
		habit.minute = minute;
		habit.slots[Math.floor((now % MINUTE_MS) / SLOT_MS)]! += 1;
	}

	/** When reads usually come next, at least `notBeforeMs` from now. */
	next(like: string, now: number, notBeforeMs: number): Expected | undefined {
		const slots = this.#habits.get(like)?.slots;
		const window = slots && busiest(slots);
		if (!window) return undefined;
		const minute = now - (now % MINUTE_MS);
		const first = minute + window.first * SLOT_MS;
		const later = first >= now + notBeforeMs ? first : first + MINUTE_MS;
		return { first: later, last: later + window.length * SLOT_MS };
	}
}

/** The slots in which most reads come, where it is a habit. */
function busiest(slots: Float64Array): { first: number; length: number } | undefined {
	const at = (slot: number) => slots[slot % SLOTS] as number;
	const all = slots.reduce((sum, reads) => sum + reads, 0);
	let best = { first: 0, sum: 0 };
	for (let first = 0; first < SLOTS; first++) {
		let sum = 0;
		for (let n = 0; n < WINDOW; n++) sum += at(first + n);
		if (sum > best.sum) best = { first, sum };
	}
	if (best.sum < Math.max(FEWEST_READS, LEAST_SHARE * all)) return undefined;
	let { first } = best;
	let last = first + WINDOW - 1;
	while (first < last && at(first) < LEAST_AT_ENDS * best.sum) first++;
	while (last > first && at(last) < LEAST_AT_ENDS * best.sum) last--;
	return { first: first % SLOTS, length: last - first + 1 };
}
