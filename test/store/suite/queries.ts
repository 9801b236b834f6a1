/** Questions to the numbers: who sees what, by value, filtered, with and without bots. */

import { expect } from "vitest";
import { DIMENSIONS } from "../../../contracts/scan.ts";
import type { ScanStore, Selection } from "../../../platform/store/scan-store.ts";
import { NOON, scan } from "../scans.ts";
import { Feeder } from "./feeder.ts";
import type { ProvideStore } from "./provided.ts";
import { selection, storeTest } from "./with-store.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

const ODD_VALUES = [
	"",
	".",
	"$",
	"a.b",
	"$set",
	"%",
	"%2E",
	"%_x",
	"\0",
	"__proto__",
	"constructor",
	"prototype",
	"toString",
	"hasOwnProperty",
	"0",
	"-1",
	"null",
	"undefined",
	"日本語 🎉",
	"e\u0301",
	"\u00e9",
	"\ud800",
	"' OR 1=1 --",
	"a|b",
	"x".repeat(300),
];

async function rows(store: ScanStore, by: (typeof DIMENSIONS)[number], differences: Partial<Selection> = {}) {
	const { value } = await store.breakdown(selection(differences), by);
	return value.map(({ value, scans, visitors }) => [value, scans, visitors]);
}

export function queryCases(provide: ProvideStore): void {
	storeTest(provide, "an empty store answers zero", async (store) => {
		expect((await store.counts(selection())).value).toEqual({ scans: 0, visitors: 0, bots: 0 });
		expect((await store.series(selection())).value).toEqual([]);
		expect(await rows(store, "country")).toEqual([]);
		expect(await rows(store, "code", { codes: ["nobody"] })).toEqual([]);
		expect((await store.recent({ organisation: "acme", limit: 5 })).value).toEqual([]);
		expect(await store.organisations()).toEqual([]);
		await store.ping();
	});

	storeTest(provide, "an organisation sees its own scans only, also of a code named alike", async (store) => {
		const feeder = await Feeder.claim(store);
		await feeder.feed([scan(), scan({ organisation: "bolt" }), scan({ organisation: "bolt", code: "flyer" })]);
		expect((await store.counts(selection())).value.scans).toBe(1);
		expect((await store.counts(selection({ organisation: "bolt" }))).value.scans).toBe(2);
		expect((await store.counts(selection({ codes: ["flyer"] }))).value.scans).toBe(0);
		expect(await rows(store, "code")).toEqual([["poster", 1, 0]]);
		expect(await store.organisations()).toEqual([
			{ organisation: "acme", first: NOON },
			{ organisation: "bolt", first: NOON },
		]);
	});

	storeTest(provide, "bots are apart, and count as scans only when asked", async (store) => {
		const feeder = await Feeder.claim(store);
		await feeder.feed([scan({ visitor: "v" }), scan({ bot: true, device: "bot" }), scan({ bot: true, device: "bot" })]);
		expect((await store.counts(selection())).value).toEqual({ scans: 1, visitors: 1, bots: 2 });
		expect((await store.counts(selection({ bots: true }))).value).toEqual({ scans: 3, visitors: 1, bots: 2 });
		expect(await rows(store, "device")).toEqual([["mobile", 1, 1]]);
		expect(await rows(store, "device", { bots: true })).toEqual([
			["bot", 2, 0],
			["mobile", 1, 1],
		]);
		expect((await store.series(selection())).value).toEqual([{ at: NOON, scans: 1, visitors: 1 }]);
		expect((await store.series(selection({ bots: true }))).value).toEqual([{ at: NOON, scans: 3, visitors: 1 }]);
	});

	storeTest(
		provide,
		"each dimension is broken down, largest first, ties by value, absence as (none)",
		async (store) => {
			const feeder = await Feeder.claim(store, 0);
			const other = await Feeder.claim(store, 1);
			for (const dimension of DIMENSIONS) {
				if (["code", "device", "source"].includes(dimension)) continue;
				await feeder.feed([scan({ [dimension]: "b", visitor: dimension }), scan({ [dimension]: "a" })]);
				await other.feed([scan({ [dimension]: "c", code: "flyer" }), scan({ [dimension]: "c", code: "flyer" })]);
				const values = await rows(store, dimension);
				expect(values.filter(([value]) => value !== "(none)")).toEqual([
					["c", 2, 0],
					["a", 1, 0],
					["b", 1, 1],
				]);
			}
			const total = (await store.counts(selection())).value.scans;
			for (const dimension of DIMENSIONS) {
				const sum = (await store.breakdown(selection(), dimension)).value.reduce((n, { scans }) => n + scans, 0);
				expect(sum).toBe(total);
			}
			expect((await rows(store, "code")).map(([code]) => code)).toEqual(["flyer", "poster"]);
			expect(await rows(store, "code", { codes: ["poster"] })).toEqual([["poster", total / 2, 11]]);
		},
	);

	storeTest(provide, "any string is a value, and none harms another", async (store) => {
		const feeder = await Feeder.claim(store);
		const twice = [...ODD_VALUES, ...ODD_VALUES].map((utm_source) => scan({ utm_source, utm_medium: "m" }));
		await feeder.feed(twice);
		await feeder.feed([scan({ utm_source: "__proto__" })]);
		const expected = ODD_VALUES.map((value) => [value.toWellFormed(), value === "__proto__" ? 3 : 2, 0] as const);
		const sorted = expected.sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
		expect(await rows(store, "utm_source")).toEqual(sorted);
		expect(await rows(store, "utm_source", { filters: [{ dimension: "utm_medium", values: ["m"] }] })).toHaveLength(
			ODD_VALUES.length,
		);
		for (const value of ODD_VALUES) {
			const filters = [{ dimension: "utm_source" as const, values: [value.toWellFormed()] }];
			expect((await store.counts(selection({ filters }))).value.scans).toBe(value === "__proto__" ? 3 : 2);
		}
	});

	storeTest(
		provide,
		"beyond 300 values a bucket counts (other), says so, and sums still match",
		async (store, provided) => {
			const feeder = await Feeder.claim(store);
			const values = Array.from({ length: 320 }, (_, index) => scan({ city: `city-${index}`, country: "DE" }));
			await feeder.feed(values.slice(0, 200));
			const reborn = await Feeder.claim(await provided.open(), 0, feeder.producer);
			await reborn.feed(
				[...values.slice(200), scan({ city: "city-7" }), scan({ city: "city-319" }), scan()].map(({ id, ...rest }) => ({
					...rest,
					id: `again-${id}`,
				})),
			);
			const cities = await store.breakdown(selection(), "city");
			expect(cities.capped).toBe(true);
			expect(cities.value).toHaveLength(302);
			expect(cities.value.slice(0, 2)).toEqual([
				{ value: "(other)", scans: 21, visitors: 0 },
				{ value: "city-7", scans: 2, visitors: 0 },
			]);
			expect(cities.value.find(({ value }) => value === "(none)")?.scans).toBe(1);
			expect(cities.value.reduce((sum, { scans }) => sum + scans, 0)).toBe(323);
			expect((await store.breakdown(selection(), "country")).capped).toBe(false);
			// Raw scans know each value.
			const filters = [{ dimension: "country" as const, values: ["DE"] }];
			const filtered = await store.breakdown(selection({ filters }), "city");
			expect(filtered.capped).toBe(false);
			expect(filtered.value).toHaveLength(320);
		},
	);

	storeTest(
		provide,
		"filters: alternatives of one dimension, all dimensions hold, (none) is absence",
		async (store) => {
			const feeder = await Feeder.claim(store);
			await feeder.feed([
				scan({ country: "DE", os: "iOS", visitor: "v" }),
				scan({ country: "FR", os: "iOS" }),
				scan({ country: "FR", os: "Android", code: "flyer" }),
				scan({ os: "iOS", bot: true }),
			]);
			const count = async (filters: Selection["filters"], differences: Partial<Selection> = {}) =>
				(await store.counts(selection({ filters, ...differences }))).value;
			expect(await count([{ dimension: "country", values: ["DE", "FR"] }])).toEqual({ scans: 3, visitors: 1, bots: 0 });
			const both = [
				{ dimension: "country", values: ["FR"] },
				{ dimension: "os", values: ["iOS"] },
			] as const;
			expect(await count(both)).toEqual({ scans: 1, visitors: 0, bots: 0 });
			expect(await count([{ dimension: "country", values: ["(none)"] }])).toEqual({ scans: 0, visitors: 0, bots: 1 });
			expect(await count([{ dimension: "code", values: ["flyer", "other"] }])).toEqual({
				scans: 1,
				visitors: 0,
				bots: 0,
			});
			expect((await count([{ dimension: "os", values: ["iOS"] }], { bots: true })).scans).toBe(3);
			expect((await count([{ dimension: "os", values: ["iOS"] }], { codes: ["flyer"] })).scans).toBe(0);
			expect((await count([{ dimension: "os", values: [] }])).scans).toBe(0);
			const filters = [{ dimension: "country" as const, values: ["FR"] }];
			expect(await rows(store, "os", { filters })).toEqual([
				["Android", 1, 0],
				["iOS", 1, 0],
			]);
			expect(await rows(store, "code", { filters })).toEqual([
				["flyer", 1, 0],
				["poster", 1, 0],
			]);
			expect((await store.series(selection({ filters }))).value).toEqual([{ at: NOON, scans: 2, visitors: 0 }]);
		},
	);

	storeTest(provide, "the state has totals for ever, the day asked for, and its minute without bots", async (store) => {
		const feeder = await Feeder.claim(store, 0);
		const other = await Feeder.claim(store, 1);
		await feeder.feed([
			scan({ visitor: "v" }),
			scan({ at: NOON + MINUTE - 1 }),
			scan({ at: NOON + MINUTE }),
			scan({ bot: true }),
			scan({ at: NOON - DAY }),
		]);
		await other.feed([scan({ code: "flyer", visitor: "v" })]);
		const query = { organisation: "acme", dayStart: NOON - DAY / 2, dayEnd: NOON + DAY / 2, minute: NOON };
		expect((await store.state(query)).value).toEqual({
			total: { scans: 5, visitors: 2, bots: 1 },
			today: { scans: 4, visitors: 2, bots: 1 },
			minute: 3,
		});
		expect((await store.state({ ...query, code: "flyer" })).value).toEqual({
			total: { scans: 1, visitors: 1, bots: 0 },
			today: { scans: 1, visitors: 1, bots: 0 },
			minute: 1,
		});
		expect((await store.state({ ...query, organisation: "bolt" })).value).toEqual({
			total: { scans: 0, visitors: 0, bots: 0 },
			today: { scans: 0, visitors: 0, bots: 0 },
			minute: 0,
		});
	});

	storeTest(provide, "recent scans are the newest by commit, newest last, of a code or of all", async (store) => {
		const feeder = await Feeder.claim(store, 0);
		const first = scan({ at: NOON + DAY, country: "DE", city: "Bonn", lat: 50.7, lon: 7.1, visitor: "v", os: "iOS" });
		await feeder.feed([first, scan({ id: "old", at: NOON - 40 * DAY }), scan({ id: "f", code: "flyer", bot: true })]);
		await feeder.feed([scan({ id: "last" })]);
		const all = (await store.recent({ organisation: "acme", limit: 50 })).value;
		expect(all.map(({ id }) => id)).toEqual([first.id, "old", "f", "last"]);
		const { organisation, ownId, language, region, referrer, visitor, ...shown } = first;
		expect(JSON.parse(JSON.stringify(all[0]))).toEqual({ ...shown, at: new Date(first.at).toISOString(), first: true });
		const some = (await store.recent({ organisation: "acme", code: "poster", limit: 2 })).value;
		expect(some.map(({ id }) => id)).toEqual(["old", "last"]);
		expect((await store.recent({ organisation: "bolt", limit: 2 })).value).toEqual([]);
	});
}
