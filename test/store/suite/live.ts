/** The live half hour: minute by minute, who is there, and the top of it, equal to a naive recount. */

import fc from "fast-check";
import { expect } from "vitest";
import type { Selection } from "../../../platform/store/scan-store.ts";
import { NOON, scan } from "../scans.ts";
import { Feeder } from "./feeder.ts";
import type { ProvideStore } from "./provided.ts";
import { anyScan, group, recount, selected } from "./random.ts";
import { selection, storeTest } from "./with-store.ts";

const MINUTE = 60_000;
const RUNS = 30;
/** Half an hour that begins and ends in the middle of a quarter hour. */
const HALF_HOUR = { from: NOON - 26 * MINUTE, to: NOON + 4 * MINUTE };

const instant = fc.oneof(
	fc.integer({ min: -35 * MINUTE, max: 8 * MINUTE }),
	fc.constantFrom(-26 * MINUTE, -26 * MINUTE - 1, -MINUTE, -1, 0, 4 * MINUTE - 1, 4 * MINUTE),
);

const anySelection: fc.Arbitrary<Partial<Selection>> = fc.record({
	codes: fc.option(fc.subarray(["one", "two", "nobody"]), { nil: undefined }),
	filters: fc.oneof(
		{ weight: 2, arbitrary: fc.constant([]) },
		fc.constant([{ dimension: "country" as const, values: ["DE", "(none)"] }]),
		fc.constant([{ dimension: "code" as const, values: ["three", "two"] }]),
	),
	bots: fc.boolean(),
});

export function liveCases(provide: ProvideStore): void {
	storeTest(provide, "the minutes of a half hour equal a naive recount", async (store) => {
		const feeders = [await Feeder.claim(store, 0), await Feeder.claim(store, 1)];
		let runs = 0;
		await fc.assert(
			fc.asyncProperty(
				fc.array(fc.record({ base: anyScan, ms: instant }), { maxLength: 60 }),
				fc.array(anySelection, { minLength: 2, maxLength: 5 }),
				instant,
				async (made, selections, active) => {
					const organisation = `organisation-${++runs}`;
					const scans = made.map(({ base, ms }) => scan({ ...base, at: NOON + ms, organisation }));
					await feeders[0]?.feed(scans.filter(({ code }) => code !== "two"));
					await feeders[1]?.feed(scans.filter(({ code }) => code === "two"));
					// Each code has its partition, so the first of an id may have been committed second.
					const held = recount([
						...scans.filter(({ code }) => code !== "two"),
						...scans.filter(({ code }) => code === "two"),
					]);
					const activeFrom = Math.max(HALF_HOUR.from, NOON + active);
					for (const differences of selections) {
						const asked = selection({ ...differences, ...HALF_HOUR, organisation });
						const inside = selected(held, asked);
						const shown = inside.filter(({ bot }) => asked.bots || !bot);
						const minutes = [...Map.groupBy(shown, ({ at }) => Math.floor(at / MINUTE) * MINUTE)]
							.map(([at, { length }]) => ({ at, scans: length }))
							.sort((a, b) => a.at - b.at);
						const people = inside.filter(({ bot, at, visitor }) => !bot && at >= activeFrom && visitor !== undefined);
						expect((await store.minutes(asked)).value).toEqual(minutes);
						expect((await store.live(asked, activeFrom)).value).toEqual({
							minutes,
							active: new Set(people.map(({ visitor }) => visitor)).size,
							codes: group(inside, "code", asked.bots),
							countries: group(inside, "country", asked.bots),
						});
					}
				},
			),
			{ numRuns: RUNS },
		);
	});

	storeTest(provide, "a visitor of both sides of a month's end is one visitor", async (store) => {
		const feeder = await Feeder.claim(store);
		const month = Date.UTC(2026, 3, 1);
		const visits = [-2 * MINUTE, -1, 0, MINUTE].map((ms) => scan({ at: month + ms, visitor: "v" }));
		await feeder.feed([
			...visits,
			scan({ at: month - 1, visitor: "w" }),
			scan({ at: month - 6 * MINUTE, visitor: "x" }),
		]);
		const asked = selection({ from: month - 28 * MINUTE, to: month + 2 * MINUTE });
		const { value, positions } = await store.live(asked, month - 3 * MINUTE);
		expect(value.active).toBe(2);
		expect(value.minutes.map(({ at, scans }) => [(at - month) / MINUTE, scans])).toEqual([
			[-6, 1],
			[-2, 1],
			[-1, 2],
			[0, 1],
			[1, 1],
		]);
		expect(positions).toEqual({ 0: feeder.position });
		expect(await store.minutes(asked)).toMatchObject({ value: value.minutes, positions });
	});

	storeTest(provide, "an organisation that nobody scanned has no live minutes", async (store) => {
		const nobody = { minutes: [], active: 0, codes: [], countries: [] };
		for (const codes of [undefined, ["poster"], []]) {
			expect((await store.live(selection({ ...HALF_HOUR, codes }), NOON)).value).toEqual(nobody);
			expect((await store.minutes(selection({ ...HALF_HOUR, codes }))).value).toEqual([]);
		}
	});
}
