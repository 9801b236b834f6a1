/** What a day or month keeps is bounded, whatever is scanned. */

import { expect, test } from "vitest";
import type { Tally } from "../../platform/store/bucket.ts";
import { CODES_PER_ROLLUP, RollupFold } from "../../platform/store/rollup.ts";

const one: Tally = { scans: 1, visitors: 0, bots: 0 };

function dayOf(codes: number): RollupFold {
	const day = RollupFold.day("organisation");
	for (let code = 0; code < codes; code++) day.addCode(`code-${code}`, one);
	return day;
}

test("an organisation's day counts its codes by id unless they are too many", () => {
	expect(dayOf(CODES_PER_ROLLUP).rollup().codes?.size).toBe(CODES_PER_ROLLUP);
	expect(dayOf(CODES_PER_ROLLUP + 1).rollup().codes).toBeUndefined();
	expect(dayOf(CODES_PER_ROLLUP + 2).rollup().codes).toBeUndefined();
});

test("a month keeps the most scanned values of its days, and says where it kept not all", () => {
	const month = RollupFold.month("organisation");
	for (const date of ["2026-03-01", "2026-03-02"]) {
		const day = RollupFold.day("organisation");
		const cities = Array.from({ length: 200 }, (_, n) => [`${date} ${n}`, one] as const);
		const values = Array.from({ length: 13 }, (_, dimension) => new Map(dimension === 2 ? cities : []));
		day.addQuarter(
			{ tally: { scans: 200, visitors: 0, bots: 0 }, values, capped: [] },
			Date.parse(date) + 5 * 3_600_000,
			5,
		);
		expect(day.rollup().capped).toEqual([]);
		month.addDay(day.rollup(), date, Date.parse(date));
	}
	const { values, capped, hours, days } = month.rollup();
	expect(capped).toEqual(["city"]);
	expect([values[2]?.size, values[2]?.get("(other)")?.scans]).toEqual([301, 100]);
	// The first was a Sunday, the second a Monday.
	expect([hours[6 * 24 + 5]?.scans, hours[5]?.scans, days?.length]).toEqual([200, 200, 2]);
});
