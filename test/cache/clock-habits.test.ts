import { describe, expect, test } from "vitest";
import { ClockHabits } from "../../mixins/clock-habits.ts";

const MINUTE_MS = 60_000;
const NOON = Date.UTC(2026, 10, 23, 12);

/** Reads of many screens at a second of each of some minutes, besides one opened at any time. */
function habitsOf(second: number, minutes: number): ClockHabits {
	const habits = new ClockHabits();
	for (let minute = 0; minute < minutes; minute++) {
		for (let screen = 0; screen < 5; screen++) {
			habits.read("summary", NOON + minute * MINUTE_MS + second * 1_000 + screen * 150);
		}
		habits.read("summary", NOON + minute * MINUTE_MS + ((17 * minute + 31) % 60) * 1_000);
	}
	return habits;
}

describe("reads that come by the clock", () => {
	test("are expected at the second of the minute at which their like come", () => {
		const habits = habitsOf(3, 2);
		const now = NOON + 5 * MINUTE_MS + 20_000;
		const around = (first: number) => ({ first, last: first + 750 });
		expect(habits.next("summary", now, 2_000)).toEqual(around(NOON + 6 * MINUTE_MS + 3_000));
		expect(habits.next("summary", now - 19_000, 1_500)).toEqual(around(NOON + 5 * MINUTE_MS + 3_000));
		expect(habits.next("summary", now - 19_000, 3_000)).toEqual(around(NOON + 6 * MINUTE_MS + 3_000));
	});

	test("are expected for as long as they are spread, also over the minute's end", () => {
		const habits = new ClockHabits();
		for (let n = 0; n < 10; n++) habits.read("live", NOON + 59_500 + 100 * n);
		const first = NOON + 2 * MINUTE_MS + 59_500;
		expect(habits.next("live", NOON + 2 * MINUTE_MS, 0)).toEqual({ first, last: first + 1_000 });
	});

	test("are not expected where there is no habit, and no more when it ended", () => {
		const habits = habitsOf(3, 2);
		expect(habits.next("another", NOON, 0)).toBeUndefined();
		for (let n = 0; n < 60; n++) habits.read("any time", NOON + n * 1_000);
		expect(habits.next("any time", NOON + MINUTE_MS, 0)).toBeUndefined();
		for (let n = 0; n < 20; n++) habits.read("summary", NOON + 4 * MINUTE_MS + 3_000 * n);
		expect(habits.next("summary", NOON + 5 * MINUTE_MS, 0)).toBeUndefined();
	});
});
