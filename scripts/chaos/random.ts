/*
 * Chance that can be had again: a small generator whose whole sequence follows from its seed.
 */

export interface Chance {
	/** A number in `[0, 1)`. */
	next(): number;
	/** A whole number in `[0, below)`. */
	below(below: number): number;
	/** One of the items; there must be one. */
	pick<T>(items: readonly T[]): T;
}

/** @see mulberry32, a 32-bit generator by Tommy Ettinger, good enough to choose whom to kill */
export function chance(seed: number): Chance {
	let state = seed >>> 0;
	const next = () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
	const below = (limit: number) => Math.floor(next() * limit);
	return { next, below, pick: (items) => items[below(items.length)] as (typeof items)[number] };
}
