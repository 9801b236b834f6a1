/** The strip of minutes: what the server told of ended ones, what the channel says of newer ones, and nothing in between. */
import { describe, expect, test } from "vitest";
import { countedElsewhere, lastMinutes, type ToldMinutes, toldMinutes } from "../src/analytics/minutes.ts";
import { type AnalyticsView, fromSnapshot, withUpdate } from "../src/live/analytics-reducer.ts";
import { counts } from "./realtime-peer.ts";

const NOON = Date.parse("2026-03-01T12:00:00Z");
const minute = (n: number) => new Date(NOON + n * 60_000).toISOString();
const at = (n: number, second = 0) => NOON + n * 60_000 + second * 1_000;

/** Sums of minutes before `end` that the server told: 100 more than the minute's number, but for those given. */
function told(asOf: number, given: Readonly<Record<number, number>> = {}): ToldMinutes {
	const last = Math.floor((asOf - NOON) / 60_000);
	const minutes = Array.from({ length: 30 }, (_, index): [number, number] => {
		const n = last - 29 + index;
		return [at(n), given[n] ?? 100 + n];
	});
	return { asOf, minutes: new Map(minutes) };
}

/** A channel that first heard of minute 0 and then of what is given: minute, scans in it, scans in all. */
function heard(...updates: readonly [minute: number, scans: number][]): AnalyticsView {
	let view = fromSnapshot(undefined, counts(5, minute(0)));
	for (const [n, scans] of updates) {
		const state = counts(scans, minute(n));
		view = withUpdate(view, { ...state, delta: { scans: 1, visitors: 0, bots: 0, by: {} } });
	}
	return view;
}

const tail = (bars: ReturnType<typeof lastMinutes>, length: number) => bars?.slice(-length).map(({ scans }) => scans);

describe("the strip of minutes", () => {
	test("is the server's word on ended minutes and the channel's on the present one", () => {
		const bars = lastMinutes(heard([0, 6]), told(at(0, 10), { 0: 4 }), at(0, 20));
		expect(bars).toHaveLength(30);
		expect(bars?.[0]).toEqual({ at: at(-29), scans: 71 });
		// Not 6 + 4: the present minute is the channel's alone.
		expect(tail(bars, 2)).toEqual([99, 6]);
	});

	test("is unknown until the server was asked", () => {
		expect(lastMinutes(heard(), undefined, at(0, 20))).toBeUndefined();
	});

	test("goes on by the channel while no newer answer is there", () => {
		const before = told(at(0, 10));
		expect(tail(lastMinutes(heard([0, 6]), before, at(1, 2)), 3)).toEqual([99, 6, 0]);
		expect(tail(lastMinutes(heard([0, 6], [3, 2]), before, at(3, 2)), 5)).toEqual([99, 6, 0, 0, 2]);
		expect(tail(lastMinutes(heard([0, 6], [3, 2]), before, at(28)), 29)?.slice(0, 5)).toEqual([6, 0, 0, 2, 0]);
	});

	test("takes the larger where an answer came right at a minute's end, and the answer from then on", () => {
		const view = heard([0, 6]);
		expect(tail(lastMinutes(view, told(at(1, 0.2), { 0: 4 }), at(1, 2)), 2)).toEqual([6, 0]);
		expect(tail(lastMinutes(view, told(at(1, 0.2), { 0: 8 }), at(1, 2)), 2)).toEqual([8, 0]);
		expect(tail(lastMinutes(view, told(at(1, 3), { 0: 4 }), at(1, 4)), 2)).toEqual([4, 0]);
	});

	test("is unknown when minutes went by that neither saw to their end", () => {
		const later = fromSnapshot(heard([0, 6]), counts(8, minute(5)));
		expect(lastMinutes(later, told(at(0, 10)), at(5, 1))).toBeUndefined();
		expect(lastMinutes(later, told(at(4, 50)), at(5, 1))).toBeUndefined();
		expect(tail(lastMinutes(later, told(at(5, 0)), at(5, 1)), 3)).toEqual([103, 104, 8]);
	});

	test("is unknown when the page slept for longer than the half hour", () => {
		const later = fromSnapshot(heard([0, 6]), counts(8, minute(45)));
		expect(lastMinutes(later, told(at(0, 10)), at(45, 1))).toBeUndefined();
	});

	test("follows the channel into a minute that this machine's clock has not reached", () => {
		const bars = lastMinutes(heard([0, 6], [1, 2]), told(at(0, 10)), at(0, 59.9));
		expect(bars?.at(-1)).toEqual({ at: at(1), scans: 2 });
		expect(bars).toHaveLength(30);
	});

	test("is read from an answer as it stands", () => {
		const { asOf, minutes } = toldMinutes({
			from: minute(-1),
			to: minute(1),
			tz: "UTC",
			asOf: minute(0),
			complete: true,
			coverage: { from: minute(-1), to: minute(1), source: "counters" },
			minutes: [
				{ at: minute(-1), scans: 3 },
				{ at: minute(0), scans: 1 },
			],
		});
		expect(asOf).toBe(at(0));
		expect([...minutes]).toEqual([
			[at(-1), 3],
			[at(0), 1],
		]);
	});

	test("suspects that it is short when scans of other minutes were counted", () => {
		const view = heard([0, 6]);
		const grown = (total: number, scans: number) =>
			withUpdate(view, {
				...counts(total, minute(0)),
				minute: { at: minute(0), scans },
				delta: { scans: 1, visitors: 0, bots: 0, by: {} },
			});
		expect(countedElsewhere(grown(7, 7))).toBe(countedElsewhere(view));
		expect(countedElsewhere(grown(7, 6))).toBe(countedElsewhere(view) + 1);
	});
});
