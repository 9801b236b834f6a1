/** Any scans, in any batches: every question gets the answer of a naive recount of those stored. */

import fc from "fast-check";
import { expect } from "vitest";
import type { Filter } from "../../../contracts/analytics.ts";
import {
	type AcceptedScan,
	type Counts,
	type Dimension,
	NONE,
	OTHER,
	type StoredScan,
} from "../../../contracts/scan.ts";
import type { Selection } from "../../../platform/store/scan-store.ts";
import { NOON, scan } from "../scans.ts";
import { Feeder } from "./feeder.ts";
import type { ProvideStore } from "./provided.ts";
import { storeTest } from "./with-store.ts";

const QUARTER = 900_000;
const DAY = 86_400_000;
/** Sets of scans, and how many questions each is asked at least; with those about closed days there are 500 of a store. */
const RUNS = 40;
const QUESTIONS = 12;
/** A bucket keeps 300. */
const MANY_VALUES = 330;

const instant = fc.oneof(
	fc.integer({ min: -3 * QUARTER, max: 3 * QUARTER }),
	fc.constantFrom(-DAY, -2 * QUARTER, -1, 0, QUARTER, 30 * DAY),
);

export const anyScan: fc.Arbitrary<Partial<AcceptedScan>> = fc.record({
	id: fc.nat(60).map((n) => `s${n}`),
	ownId: fc.constant(true as const),
	code: fc.constantFrom("one", "two", "three"),
	at: instant.map((ms) => NOON + ms),
	bot: fc.boolean(),
	visitor: fc.constantFrom(undefined, "v", "w", "x"),
	country: fc.constantFrom(undefined, "DE", "FR", "__proto__"),
	device: fc.constantFrom("mobile" as const, "desktop" as const, "tv" as const),
	utm_source: fc.oneof(fc.constant(undefined), fc.constant("a"), fc.string({ unit: "binary", maxLength: 3 })),
});

const someFilters: Filter[] = [
	{ dimension: "country", values: ["DE", NONE] },
	{ dimension: "code", values: ["three", "two"] },
	{ dimension: "device", values: ["mobile", "tv"] },
	{ dimension: "utm_source", values: [NONE, "a"] },
];

export const anySelection: fc.Arbitrary<Selection> = fc
	.record({
		codes: fc.option(fc.subarray(["one", "two", "nobody"]), { nil: undefined }),
		edges: fc.tuple(instant, instant),
		filters: fc.oneof(
			{ weight: 2, arbitrary: fc.constant([]) },
			fc.subarray(someFilters, { minLength: 1 }).map((filters) => [...filters]),
		),
		bots: fc.boolean(),
	})
	.map(({ edges, ...rest }) => ({
		organisation: "acme",
		from: NOON + Math.min(...edges),
		to: NOON + Math.max(...edges),
		...rest,
	}));

/** Each code has its partition. */
export function partitionOf({ code }: AcceptedScan): number {
	return code === "two" ? 1 : 0;
}

/** The scans that the store must hold, with the visitors' first visits, by the words of the contract. */
export function recount(scans: readonly AcceptedScan[]): StoredScan[] {
	const ids = new Set<string>();
	const visits = new Set<string>();
	return scans
		.filter(({ id }) => !ids.has(id) && ids.add(id))
		.map((scan) => {
			const visit = `${scan.code} ${new Date(scan.at).toISOString().slice(0, 10)} ${scan.visitor}`;
			const first = !scan.bot && scan.visitor !== undefined && !visits.has(visit);
			if (first) visits.add(visit);
			return { ...scan, first };
		});
}

export function selected(scans: readonly StoredScan[], selection: Selection) {
	return scans.filter(
		(scan) =>
			(!selection.codes || selection.codes.includes(scan.code)) &&
			scan.at >= selection.from &&
			scan.at < selection.to &&
			selection.filters.every(({ dimension, values }) => values.includes(scan[dimension] ?? NONE)),
	);
}

export function count(scans: readonly StoredScan[], bots: boolean): Counts {
	const botScans = scans.filter(({ bot }) => bot).length;
	return {
		scans: bots ? scans.length : scans.length - botScans,
		visitors: scans.filter(({ first }) => first).length,
		bots: botScans,
	};
}

export function group(scans: readonly StoredScan[], by: Dimension, bots: boolean) {
	return [...Map.groupBy(scans, (scan) => scan[by]?.toWellFormed() ?? NONE)]
		.map(([value, group]) => ({ value, ...count(group, bots) }))
		.filter(({ scans }) => scans > 0)
		.map(({ value, scans, visitors }) => ({ value, scans, visitors }))
		.sort((a, b) => b.scans - a.scans || (a.value < b.value ? -1 : 1));
}

function points(scans: readonly StoredScan[], bots: boolean) {
	return [...Map.groupBy(scans, ({ at }) => Math.floor(at / QUARTER) * QUARTER)]
		.map(([at, group]) => ({ at, ...count(group, bots) }))
		.filter(({ scans }) => scans > 0)
		.map(({ at, scans, visitors }) => ({ at, scans, visitors }))
		.sort((a, b) => a.at - b.at);
}

export function randomCases(provide: ProvideStore): void {
	storeTest(provide, "counts, series and breakdowns equal a naive recount", async (store) => {
		const feeders = [await Feeder.claim(store, 0), await Feeder.claim(store, 1)];
		let runs = 0;
		await fc.assert(
			fc.asyncProperty(
				fc.array(fc.array(anyScan, { maxLength: 20 }), { maxLength: 5 }),
				fc.array(anySelection, { minLength: QUESTIONS, maxLength: QUESTIONS + 4 }),
				async (batches, selections) => {
					const organisation = `organisation-${++runs}`;
					const made = batches.flatMap((batch) => {
						const scans = batch.map((some) => scan({ ...some, organisation }));
						return [scans.filter((some) => partitionOf(some) === 0), scans.filter((some) => partitionOf(some) === 1)];
					});
					for (const [index, scans] of made.entries()) await feeders[index % 2]?.feed(scans);
					const held = recount(made.flat());
					for (const question of selections) {
						const asked = { ...question, organisation };
						const scans = selected(held, asked);
						const { bots } = asked;
						const breakdowns = ["country", "utm_source", "code", "device"] as const;
						expect((await store.answer(asked, { series: "quarters", breakdowns })).value).toEqual({
							counts: count(scans, bots),
							series: points(scans, bots),
							breakdowns: breakdowns.map((by) => group(scans, by, bots)),
							capped: [],
						});
						expect((await store.counts(asked)).value).toEqual(count(scans, bots));
						const { value } = await store.answer(asked, { breakdowns: ["utm_source"] });
						expect(value).toMatchObject({ counts: count(scans, bots), breakdowns: [group(scans, "utm_source", bots)] });
					}
				},
			),
			{ numRuns: RUNS },
		);
	});

	storeTest(
		provide,
		"where a bucket merged values, every breakdown has the sum of a recount and says so",
		async (store) => {
			const organisation = "many-values";
			const feeders = [await Feeder.claim(store, 0), await Feeder.claim(store, 1)];
			const made = Array.from({ length: 3 * MANY_VALUES }, (_, n) => {
				const quarter = Math.floor(n / MANY_VALUES) - 1;
				const code = n % 97 === 0 ? "two" : "one";
				return scan({
					organisation,
					code,
					at: NOON + quarter * QUARTER,
					utm_source: `s${n % MANY_VALUES}`,
					bot: n % 5 === 0,
				});
			});
			for (const [partition, feeder] of feeders.entries())
				await feeder.feed(made.filter((one) => partitionOf(one) === partition));
			const held = recount(made);
			await fc.assert(
				fc.asyncProperty(anySelection, async (question) => {
					const asked = { ...question, organisation };
					const scans = selected(held, asked);
					const { value, capped } = await store.answer(asked, { breakdowns: ["utm_source", "country"] });
					const [sources = [], countries] = value.breakdowns;
					const counts = count(scans, asked.bots);
					expect(value.counts).toEqual(counts);
					expect(sources.reduce((sum, { scans }) => sum + scans, 0)).toBe(counts.scans);
					expect(countries).toEqual(group(scans, "country", asked.bots));
					if (sources.some(({ value }) => value === OTHER)) expect(value.capped).toEqual(["utm_source"]);
					else expect(sources).toEqual(group(scans, "utm_source", asked.bots));
					expect(capped).toBe(value.capped.length > 0);
				}),
				{ numRuns: 2 * RUNS },
			);
		},
	);
}
