/** What the ingest bench calls flat memory. */

import { expect, test } from "vitest";
import { flatness } from "../../bench/load/sizes.ts";

const SAMPLES = 1_000;

/** @param bytes of the memory at a share of the work done */
function judge(bytes: (done: number) => number): boolean {
	const samples = Array.from({ length: SAMPLES }, (_, n) => ({
		done: n / (SAMPLES - 1),
		bytes: bytes(n / (SAMPLES - 1)),
	}));
	return flatness(samples).flat;
}

test("memory that fills at first and then goes up and down is flat", () => {
	expect(judge((done) => 700 * Math.min(1, done / 0.08) + 100 * Math.sin(100 * done))).toBe(true);
});

test("memory that grows with what was counted is not flat, also when it began large", () => {
	expect(judge((done) => 700 + 300 * done)).toBe(false);
});

test("one moment of much more memory late in the run is not flat", () => {
	expect(judge((done) => (Math.round(done * 1_000) === 800 ? 900 : 700))).toBe(false);
});
