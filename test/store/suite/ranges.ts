/** Ranges are exact to the millisecond, wherever they begin and end. */

import { expect } from "vitest";
import type { AcceptedScan } from "../../../contracts/scan.ts";
import { NOON, scan } from "../scans.ts";
import { Feeder } from "./feeder.ts";
import type { ProvideStore } from "./provided.ts";
import { selection, storeTest } from "./with-store.ts";

const MINUTE = 60_000;
const QUARTER = 15 * MINUTE;
const LAST = QUARTER - 1;

export function rangeCases(provide: ProvideStore): void {
	storeTest(provide, "edges of a range are exact to the millisecond", async (store) => {
		const feeder = await Feeder.claim(store);
		const instants = [0, 1, MINUTE, QUARTER / 2, LAST, QUARTER, QUARTER + 1, 2 * QUARTER + LAST, 3 * QUARTER];
		await feeder.feed(instants.map((ms) => scan({ at: NOON + ms, visitor: `v${ms}`, country: `C${ms}` })));
		const edges = [...new Set(instants.flatMap((ms) => [ms - 1, ms, ms + 1]))];
		for (const from of edges) {
			for (const to of edges) {
				if (from > to) continue;
				const inside = instants.filter((ms) => ms >= from && ms < to);
				const range = { from: NOON + from, to: NOON + to };
				for (const codes of [undefined, ["poster"]]) {
					const n = inside.length;
					expect((await store.counts(selection({ ...range, codes }))).value).toEqual({
						scans: n,
						visitors: n,
						bots: 0,
					});
				}
				const countries = (await store.breakdown(selection(range), "country")).value.map(({ value }) => value);
				expect(countries).toEqual(inside.map((ms) => `C${ms}`).sort());
				const series = (await store.series(selection(range))).value;
				const quarters = Map.groupBy(inside, (ms) => NOON + Math.floor(ms / QUARTER) * QUARTER);
				expect(series).toEqual([...quarters].map(([at, { length }]) => ({ at, scans: length, visitors: length })));
			}
		}
	});

	storeTest(provide, "a range that ends now leaves out what came after, also beyond a bucket's cap", async (store) => {
		const feeder = await Feeder.claim(store);
		const start = Math.floor(Date.now() / QUARTER) * QUARTER;
		const to = start + QUARTER - MINUTE;
		const early = Array.from({ length: 310 }, (_, index) => scan({ at: start, city: `city-${index}` }));
		const late: AcceptedScan[] = ["city-1", "city-305", "city-900"].map((city) => scan({ at: to, city }));
		await feeder.feed([...early, ...late]);
		const range = { from: start - QUARTER, to };
		expect((await store.counts(selection(range))).value.scans).toBe(310);
		const cities = (await store.breakdown(selection(range), "city")).value;
		expect(cities.reduce((sum, { scans }) => sum + scans, 0)).toBe(310);
		expect(cities.find(({ value }) => value === "city-1")?.scans).toBe(1);
		expect(cities.every(({ scans }) => scans > 0)).toBe(true);
	});

	storeTest(provide, "an empty range and one before all scans answer zero", async (store) => {
		const feeder = await Feeder.claim(store);
		await feeder.feed([scan()]);
		for (const range of [
			{ from: NOON, to: NOON },
			{ from: NOON - QUARTER, to: NOON },
			{ from: NOON + 1, to: NOON + QUARTER },
		]) {
			expect((await store.counts(selection(range))).value).toEqual({ scans: 0, visitors: 0, bots: 0 });
			expect((await store.series(selection(range))).value).toEqual([]);
			expect((await store.breakdown(selection(range), "os")).value).toEqual([]);
			expect((await store.breakdown(selection(range), "code")).value).toEqual([]);
		}
	});
}
