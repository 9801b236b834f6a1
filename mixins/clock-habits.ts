/**
 * When in the minute reads usually come: screens that refresh by the clock all do so within the same seconds of it. Learned
 * from reads that are alike, whoever made them, and forgotten within minutes.
 */

import { LRUCache } from "lru-cache";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const SECONDS = 60;
const MOST_LIKES = 1_000;
/** So many reads, and this share of all, must come within two seconds of the minute to be a habit. */
const FEWEST_READS = 3;
const LEAST_SHARE = 0.4;

interface Habit {
	/** Reads by the second of the minute that they came in, halved with every minute that passed. */
	readonly seconds: Float64Array;
	minute: number;
}

export class ClockHabits {
	readonly #habits = new LRUCache<string, Habit>({ max: MOST_LIKES });

	/** @param like names what is alike */
	read(like: string, now: number): void {
		const minute = Math.floor(now / MINUTE_MS);
		const habit = this.#habits.get(like) ?? { seconds: new Float64Array(SECONDS), minute };
		this.#habits.set(like, habit);
		const weight = 0.5 ** (minute - habit.minute);
		if (weight < 1) for (let second = 0; second < SECONDS; second++) habit.seconds[second]! *= weight;
		habit.minute = minute;
		habit.seconds[Math.floor((now % MINUTE_MS) / SECOND_MS)]! += 1;
	}

	/** First instant of the second in which the next reads usually come, at least `notBeforeMs` from now; epoch ms. */
	next(like: string, now: number, notBeforeMs: number): number | undefined {
		const { seconds } = this.#habits.get(like) ?? {};
		if (!seconds) return undefined;
		const all = seconds.reduce((sum, reads) => sum + reads, 0);
		const within = (second: number) => seconds[second]! + seconds[(second + 1) % SECONDS]!;
		const usual = seconds.reduce((best, _, second) => (within(second) > within(best) ? second : best), 0);
		if (within(usual) < Math.max(FEWEST_READS, LEAST_SHARE * all)) return undefined;
		const begin = seconds[usual]! > 0 ? usual : (usual + 1) % SECONDS;
		const next = now - (now % MINUTE_MS) + begin * SECOND_MS;
		return next >= now + notBeforeMs ? next : next + MINUTE_MS;
	}
}
