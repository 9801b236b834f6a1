import fc from "fast-check";
import { expect, test } from "vitest";
import { planStrikes, type Strike } from "../../scripts/chaos/schedule.ts";

const options = fc.record({
	seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
	durationMs: fc.integer({ min: 0, max: 300_000 }),
	members: fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 15 }),
	everyMs: fc.integer({ min: 100, max: 5_000 }),
	longestPauseMs: fc.integer({ min: 200, max: 10_000 }),
});

test("a seed gives the same schedule every time", () => {
	fc.assert(
		fc.property(options, (given) => {
			expect(planStrikes(given)).toEqual(planStrikes(given));
		}),
	);
});

test("another seed gives another schedule", () => {
	const members = ["gateway-1", "scans-1", "nats", "mongo"];
	const schedules = Array.from({ length: 50 }, (_, seed) =>
		JSON.stringify(planStrikes({ seed, durationMs: 60_000, members })),
	);
	expect(new Set(schedules).size).toBe(50);
});

test("strikes are in order, within the run, at members that had time to come back, and every pause ends in the run", () => {
	fc.assert(
		fc.property(options, (given) => {
			const last = new Map<string, number>();
			let before = 0;
			for (const { atMs, member, kind, pauseMs } of planStrikes(given)) {
				expect(given.members).toContain(member);
				expect(atMs).toBeGreaterThanOrEqual(before);
				expect(atMs + pauseMs).toBeLessThanOrEqual(given.durationMs);
				expect(pauseMs > 0).toBe(kind === "pause");
				expect(pauseMs).toBeLessThanOrEqual(given.longestPauseMs);
				expect(atMs).toBeGreaterThan(last.get(member) ?? 0);
				last.set(member, atMs + pauseMs);
				before = atMs;
			}
		}),
	);
});

test("every member is struck before one is struck the third time", () => {
	fc.assert(
		fc.property(options, (given) => {
			const struck = new Map<string, number>(given.members.map((member) => [member, 0]));
			for (const { member } of planStrikes({ ...given, everyMs: 3_000, longestPauseMs: 400 })) {
				struck.set(member, (struck.get(member) as number) + 1);
				expect(Math.max(...struck.values()) - Math.min(...struck.values())).toBeLessThanOrEqual(1);
			}
		}),
	);
});

test("every kind of strike happens, and some pauses are longer than an owner of counting may be silent", () => {
	const members = Array.from({ length: 12 }, (_, number) => `member-${number}`);
	const strikes = planStrikes({ seed: 7, durationMs: 600_000, members });
	const shareOf = (wanted: Strike["kind"]) => strikes.filter(({ kind }) => kind === wanted).length / strikes.length;
	expect(shareOf("kill")).toBeGreaterThan(0.5);
	expect(shareOf("kill")).toBeLessThan(0.8);
	expect(shareOf("restart")).toBeGreaterThan(0.04);
	expect(shareOf("restart")).toBeLessThan(0.2);
	expect(strikes.some(({ pauseMs }) => pauseMs > 4_500)).toBe(true);
});
