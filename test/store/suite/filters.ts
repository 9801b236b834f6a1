/**
 * Filters over days that are closed, open, opened again by late scans, or closed by an earlier release: every answer is a
 * naive recount of the scans stored.
 */

import fc from "fast-check";
import { expect } from "vitest";
import type { Filter } from "../../../contracts/analytics.ts";
import { type AcceptedScan, DIMENSIONS, NONE, type StoredScan } from "../../../contracts/scan.ts";
import type { Questions, Selection } from "../../../platform/store/scan-store.ts";
import { NOON, scan } from "../scans.ts";
import { Closing } from "./closing.ts";
import { Feeder } from "./feeder.ts";
import type { ProvideStore } from "./provided.ts";
import { count, group, partitionOf, recount } from "./random.ts";
import { selection, storeTest } from "./with-store.ts";

const MINUTE = 60_000;
const QUARTER = 15 * MINUTE;
const HOUR = 4 * QUARTER;
const DAY = 24 * HOUR;
const RUNS = 20;
const QUESTIONS = 8;
/** Around the end of a UTC month, where raw scans are in two collections. */
const DATES = ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"];
const BEGIN = Date.UTC(2026, 1, 26, 12);
const END = Date.UTC(2026, 2, 3, 12);
/** More values than a bucket keeps. */
const MANY_VALUES = 330;

/** Anywhere, on quarter hours, and often within the same few ones, where ranges then begin and end among scans. */
const instant = fc.oneof(
	{
		weight: 3,
		arbitrary: fc
			.tuple(fc.constantFrom(1, 2, 3), fc.integer({ min: -12 * MINUTE, max: 12 * MINUTE }))
			.map(([day, ms]) => BEGIN + day * DAY + ms),
	},
	fc.integer({ min: BEGIN, max: END }),
	fc.integer({ min: 0, max: (END - BEGIN) / QUARTER }).map((quarter) => BEGIN + quarter * QUARTER),
);
const odd = fc.constantFrom(undefined, "a", "", "__proto__", "\ud800", "\ufffd", "日本語 🎉", "\0", NONE);

const someScan: fc.Arbitrary<Partial<AcceptedScan>> = fc.record({
	id: fc.nat(200).map((n) => `s${n}`),
	ownId: fc.constant(true as const),
	code: fc.constantFrom("one", "two", "three"),
	at: instant,
	bot: fc.boolean(),
	visitor: fc.constantFrom(undefined, "v", "w"),
	country: fc.constantFrom(undefined, "DE", "FR"),
	device: fc.constantFrom("mobile" as const, "desktop" as const),
	utm_source: odd,
});

const someFilter: fc.Arbitrary<Filter> = fc.oneof(
	fc.subarray(["DE", NONE, "XX"], { minLength: 1 }).map((values) => ({ dimension: "country" as const, values })),
	fc.subarray(["mobile", "tv"], { minLength: 1 }).map((values) => ({ dimension: "device" as const, values })),
	fc.subarray(["one", "nobody"], { minLength: 1 }).map((values) => ({ dimension: "code" as const, values })),
	fc
		.subarray(["a", "", "\ud800", "__proto__", "日本語 🎉", NONE], { minLength: 1 })
		.map((values) => ({ dimension: "utm_source" as const, values })),
);

const someQuestions: fc.Arbitrary<Questions> = fc
	.record({
		series: fc.constantFrom(undefined, "quarters" as const, [BEGIN, BEGIN + DAY, BEGIN + 3 * DAY + 5 * HOUR]),
		breakdowns: fc.option(fc.subarray(["country", "code", "utm_source", "device", "browser"] as const), {
			nil: undefined,
		}),
	})
	.map(({ series, breakdowns }) => ({ ...(series && { series }), ...(breakdowns && { breakdowns }) }));

const someSelection: fc.Arbitrary<Selection> = fc
	.record({
		codes: fc.option(fc.subarray(["one", "two", "nobody"]), { nil: undefined }),
		edges: fc.oneof(fc.tuple(instant, instant), fc.constant([BEGIN, END] as [number, number])),
		filters: fc.array(someFilter, { minLength: 1, maxLength: 3 }),
		bots: fc.boolean(),
	})
	.map(({ edges, ...rest }) => ({
		...{ organisation: "acme", from: Math.min(...edges), to: Math.max(...edges) },
		...rest,
	}));

type Step = { readonly feed: readonly Partial<AcceptedScan>[] } | { readonly close: readonly string[] } | "age";

const someStep: fc.Arbitrary<Step> = fc.oneof(
	{ weight: 4, arbitrary: fc.record({ feed: fc.array(someScan, { minLength: 1, maxLength: 40 }) }) },
	{ weight: 3, arbitrary: fc.record({ close: fc.subarray(DATES, { minLength: 2 }) }) },
	fc.constant("age" as const),
);

function selectedBy(scans: readonly StoredScan[], { codes, from, to, filters }: Selection): StoredScan[] {
	return scans.filter(
		(one) =>
			(!codes || codes.includes(one.code)) &&
			one.at >= from &&
			one.at < to &&
			filters.every(({ dimension, values }) =>
				values.map((value) => value.toWellFormed()).includes(one[dimension]?.toWellFormed() ?? NONE),
			),
	);
}

function recounted(held: readonly StoredScan[], asked: Selection, { series, breakdowns = [] }: Questions) {
	const scans = selectedBy(held, asked);
	const pointOf = ({ at }: StoredScan) =>
		typeof series === "object"
			? (series.findLast((start) => start <= at) ?? BEGIN)
			: Math.floor(at / QUARTER) * QUARTER;
	const points = [...Map.groupBy(scans, pointOf)]
		.map(([at, those]) => ({ at, ...count(those, asked.bots) }))
		.filter(({ scans }) => scans > 0)
		.map(({ at, scans, visitors }) => ({ at, scans, visitors }))
		.sort((a, b) => a.at - b.at);
	return {
		counts: count(scans, asked.bots),
		series: series ? points : [],
		breakdowns: breakdowns.map((by) => group(scans, by, asked.bots)),
		capped: [],
	};
}

export function filterCases(provide: ProvideStore): void {
	storeTest(provide, "whatever is closed, filters answer what a naive recount does", async (store, provided) => {
		const feeders = [await Feeder.claim(store, 0), await Feeder.claim(store, 1)] as const;
		let runs = 0;
		const anyCase = fc.record({
			timeZone: fc.constantFrom("UTC", "Asia/Kathmandu", "America/New_York"),
			steps: fc.array(someStep, { minLength: 2, maxLength: 7 }),
			// Most are asked when something is closed, some with a few late scans.
			closed: fc.subarray(DATES, { minLength: 2 }),
			late: fc.array(someScan, { maxLength: 2 }),
			questions: fc.array(fc.tuple(someSelection, someQuestions), { minLength: QUESTIONS, maxLength: QUESTIONS }),
		});
		await fc.assert(
			fc.asyncProperty(anyCase, async ({ timeZone, steps, closed, late, questions }) => {
				const organisation = `organisation-${++runs}`;
				const closing = new Closing(store, organisation, timeZone);
				const made: AcceptedScan[] = [];
				for (const step of [...steps, { close: closed }, { feed: late }]) {
					if (step === "age") await provided.age();
					else if ("close" in step) for (const date of step.close) await closing.day(date);
					else
						for (const [partition, feeder] of feeders.entries()) {
							const scans = step.feed.map((some) => scan({ ...some, organisation }));
							const own = scans.filter((one) => partitionOf(one) === partition);
							made.push(...own);
							await feeder.feed(own);
						}
				}
				const held = recount(made);
				for (const [rest, asked] of questions) {
					const { value } = await store.answer({ ...rest, organisation }, asked);
					expect(value).toEqual(recounted(held, rest, asked));
				}
			}),
			{ numRuns: RUNS },
		);
	});

	storeTest(provide, "of closed days, too, filters know each value that a bucket merged", async (store) => {
		const feeder = await Feeder.claim(store);
		const made = Array.from({ length: MANY_VALUES }, (_, n) =>
			scan({ city: `city-${n}`, country: n % 3 ? "DE" : "FR", bot: n % 7 === 0, at: NOON + n * MINUTE }),
		);
		await feeder.feed(made);
		const closing = new Closing(store);
		await closing.day("2026-03-14");
		const held = recount(made);
		for (const values of [["DE"], ["FR", "DE"]]) {
			const asked = selection({ filters: [{ dimension: "country", values }] });
			const { value, capped } = await store.answer(asked, { breakdowns: [...DIMENSIONS] });
			expect(value.breakdowns).toEqual(DIMENSIONS.map((by) => group(selectedBy(held, asked), by, false)));
			expect([value.capped, capped]).toEqual([[], false]);
		}
		const one = selection({ filters: [{ dimension: "city", values: ["city-323"] }] });
		expect((await store.counts(one)).value).toEqual({ scans: 1, visitors: 0, bots: 0 });
	});

	storeTest(provide, "filters reach as far as raw scans are kept, also over days that are closed", async (store) => {
		const feeder = await Feeder.claim(store);
		const march = Date.UTC(2026, 2, 1);
		// The first of March in New York begins five hours after that of UTC; the last of February goes on until then.
		await feeder.feed([march - 40 * HOUR, march - HOUR, march + HOUR, march + 6 * HOUR].map((at) => scan({ at })));
		const closing = new Closing(store, "acme", "America/New_York");
		const dates = ["2026-02-27", "2026-02-28", "2026-03-01"];
		const filters = [{ dimension: "device" as const, values: ["mobile"] }];
		const counted = async () => (await store.counts(selection({ filters }))).value.scans;
		for (const date of dates) await closing.day(date);
		expect(await counted()).toBe(4);
		const lease = { name: "cron", fence: 1 };
		await store.markMonth("202602", "closing", lease);
		expect(await counted()).toBe(4);
		await store.dropMonth("202602", lease);
		expect(await counted()).toBe(2);
		for (const date of dates) {
			expect(await closing.isClosed(date)).toBe(true);
			await closing.day(date);
			expect(await closing.isClosed(date)).toBe(true);
		}
		expect(await counted()).toBe(2);
		expect((await store.counts(selection())).value.scans).toBe(4);
	});
}
