import fc from "fast-check";
import { expect, test } from "vitest";
import { rankValues, sections, subtractValues } from "../../platform/store/sections.ts";
import { NOON } from "./scans.ts";

const QUARTER = 900_000;
const MINUTE = 60_000;
const later = NOON + 86_400_000;

test("whole quarter hours are read from roll-ups alone", () => {
	expect(sections(NOON, NOON + 4 * QUARTER, later)).toEqual({
		buckets: { from: NOON, to: NOON + 4 * QUARTER },
		add: [],
		subtract: [],
	});
	expect(sections(NOON, NOON, later)).toEqual({ add: [], subtract: [] });
});

test("an edge reads the shorter side: added inside, subtracted outside", () => {
	expect(sections(NOON + 14 * MINUTE, NOON + 2 * QUARTER + MINUTE, later)).toEqual({
		buckets: { from: NOON + QUARTER, to: NOON + 2 * QUARTER },
		add: [
			{ from: NOON + 14 * MINUTE, to: NOON + QUARTER },
			{ from: NOON + 2 * QUARTER, to: NOON + 2 * QUARTER + MINUTE },
		],
		subtract: [],
	});
	expect(sections(NOON + MINUTE, NOON + 2 * QUARTER - MINUTE, later)).toEqual({
		buckets: { from: NOON, to: NOON + 2 * QUARTER },
		add: [],
		subtract: [
			{ from: NOON, to: NOON + MINUTE },
			{ from: NOON + 2 * QUARTER - MINUTE, to: NOON + 2 * QUARTER },
		],
	});
});

test("a range that ends now takes the current quarter whole and subtracts what came after", () => {
	const now = NOON + QUARTER + MINUTE;
	expect(sections(NOON, now, now)).toEqual({
		buckets: { from: NOON, to: NOON + 2 * QUARTER },
		add: [],
		subtract: [{ from: now, to: NOON + 2 * QUARTER }],
	});
});

test("the sections of any range hold each of its instants once, and no other", () => {
	const instant = fc.integer({ min: 0, max: 5 * QUARTER });
	fc.assert(
		fc.property(instant, instant, instant, fc.array(instant), (a, b, now, scans) => {
			const from = Math.min(a, b);
			const to = Math.max(a, b);
			const { buckets, add, subtract } = sections(from, to, now);
			for (const at of [...scans, from, to - 1, to]) {
				const within = (range?: { from: number; to: number }) => (range && at >= range.from && at < range.to ? 1 : 0);
				const times =
					within(buckets) +
					add.reduce((n, range) => n + within(range), 0) -
					subtract.reduce((n, range) => n + within(range), 0);
				expect(times).toBe(at >= from && at < to ? 1 : 0);
			}
			expect((buckets?.from ?? 0) % QUARTER).toBe(0);
			expect((buckets?.to ?? 0) % QUARTER).toBe(0);
		}),
		{ numRuns: 1000 },
	);
});

test("what a bucket's cap merged is subtracted from (other)", () => {
	const tally = (scans: number) => ({ scans, visitors: 0, bots: 0 });
	const bucket = new Map([
		["A", tally(5)],
		["(other)", tally(4)],
	]);
	subtractValues(
		bucket,
		new Map([
			["A", tally(2)],
			["Z", tally(3)],
		]),
	);
	expect(rankValues(bucket, false).map(({ value, scans }) => [value, scans])).toEqual([
		["A", 3],
		["(other)", 1],
	]);
});

test("values are ranked by scans, ties by value, and values without scans are left out", () => {
	const sums = new Map([
		["b", { scans: 1, visitors: 0, bots: 0 }],
		["bot", { scans: 0, visitors: 0, bots: 9 }],
		["a", { scans: 1, visitors: 1, bots: 0 }],
	]);
	expect(rankValues(sums, false).map(({ value }) => value)).toEqual(["a", "b"]);
	expect(rankValues(sums, true)[0]).toEqual({ value: "bot", scans: 9, visitors: 0 });
});
