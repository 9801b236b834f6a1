/**
 * Any scans, hours, days and months closed at any moment between them, late and repeated arrivals, around changes of clocks:
 * every answer that the reading plan gives is a naive recount of the scans stored.
 */

import fc from "fast-check";
import { expect } from "vitest";
import { INTERVALS, type Interval } from "../../../contracts/analytics.ts";
import { type AcceptedScan, NONE, type StoredScan } from "../../../contracts/scan.ts";
import { bucketStarts } from "../../../platform/calendar.ts";
import type { Answers, Questions, Selection } from "../../../platform/store/scan-store.ts";
import { heatCells } from "../../../services/analytics/answers.ts";
import { scan } from "../scans.ts";
import { Closing } from "./closing.ts";
import { Feeder } from "./feeder.ts";
import type { ProvideStore } from "./provided.ts";
import { count, group, partitionOf, recount, selected } from "./random.ts";
import { storeTest } from "./with-store.ts";

const HOUR = 3_600_000;
const RUNS = 10;
/** Of each set of scans, at least. */
const QUESTIONS = 6;

/** Months with a change of clocks where there is one; the days before and after them are closed too, but no month of theirs. */
const MONTHS: readonly (readonly [timeZone: string, month: string])[] = [
	["Asia/Kathmandu", "2026-03"],
	["Australia/Lord_Howe", "2026-04"],
	["Australia/Lord_Howe", "2025-10"],
	["America/New_York", "2026-03"],
	["America/New_York", "2025-11"],
];
const DAYS_AROUND = 2;

/** First instants of the month's local days and of some around it, epoch ms. */
function midnights(timeZone: string, month: string): number[] {
	const first = Temporal.PlainYearMonth.from(month).toPlainDate({ day: 1 });
	return Array.from(
		{ length: first.daysInMonth + 2 * DAYS_AROUND + 1 },
		(_, day) => first.add({ days: day - DAYS_AROUND }).toZonedDateTime({ timeZone }).epochMilliseconds,
	);
}

const dateAt = (at: number, timeZone: string) =>
	Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate().toString();

type Step =
	| { readonly feed: readonly Partial<AcceptedScan>[] }
	| { readonly close: "everything" | "month" | readonly number[] }
	| { readonly hours: readonly [from: number, to: number] };

function anyCase([timeZone, month]: readonly [string, string]) {
	const days = midnights(timeZone, month);
	const [from, to] = [days[0] as number, days.at(-1) as number];
	// Near midnights, where clocks change, and anywhere.
	const instant = fc.oneof(
		fc.tuple(fc.constantFrom(...days), fc.integer({ min: -2, max: 3 * HOUR })).map(([day, ms]) => day + ms),
		fc.integer({ min: from, max: to }),
	);
	const edge = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...days) }, instant);
	const frame = { timeZone: fc.constant(timeZone), month: fc.constant(month), days: fc.constant(days) };
	// Hours are written, and read, around one instant of each case.
	return edge.chain((open) => {
		const near = fc.integer({ min: -30 * HOUR, max: 20 * HOUR }).map((ms) => open + ms);
		const someScan = fc.record({
			id: fc.nat(80).map((n) => `s${n}`),
			ownId: fc.constant(true as const),
			code: fc.constantFrom("one", "two", "three"),
			at: fc.oneof(instant, near),
			bot: fc.boolean(),
			visitor: fc.constantFrom(undefined, "v", "w"),
			country: fc.constantFrom(undefined, "DE", "FR", "__proto__"),
		});
		const step: fc.Arbitrary<Step> = fc.oneof(
			{ weight: 3, arbitrary: fc.record({ feed: fc.array(someScan, { minLength: 1, maxLength: 25 }) }) },
			{ weight: 2, arbitrary: fc.record({ hours: fc.tuple(near, near) }) },
			fc.record({ close: fc.constantFrom("everything" as const, "month" as const) }),
			fc.record({ close: fc.array(fc.nat(days.length - 2), { minLength: 1, maxLength: 4 }) }),
		);
		const question = fc.record({
			codes: fc.option(fc.subarray(["one", "two", "nobody"]), { nil: undefined, freq: 2 }),
			edges: fc.oneof(
				fc.tuple(edge, edge),
				fc.constant([from, to] as [number, number]),
				fc.tuple(fc.oneof(edge, near), near),
			),
			filters: fc.oneof(
				{ weight: 5, arbitrary: fc.constant([]) },
				fc.constant([{ dimension: "country" as const, values: ["DE", NONE] }]),
			),
			bots: fc.boolean(),
			interval: fc.constantFrom<Interval>(...INTERVALS.slice(1)),
			zone: fc.oneof({ weight: 3, arbitrary: fc.constant(timeZone) }, fc.constantFrom("UTC", "America/New_York")),
		});
		return fc.record({
			...frame,
			steps: fc.array(step, { minLength: 2, maxLength: 7 }),
			questions: fc.array(question, { minLength: QUESTIONS, maxLength: QUESTIONS + 3 }),
		});
	});
}

/** What the store must answer, by looking at every scan. */
function recounted(
	held: readonly StoredScan[],
	asked: Selection,
	starts: readonly number[],
	zone: string,
): Omit<Answers, "hoursOfWeek" | "capped"> & { cells: number[] } {
	const scans = selected(held, asked);
	const shown = scans.filter(({ bot }) => asked.bots || !bot);
	const cells = new Array<number>(168).fill(0);
	for (const { at } of shown) {
		const { dayOfWeek, hour } = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
		cells[(dayOfWeek - 1) * 24 + hour] = (cells[(dayOfWeek - 1) * 24 + hour] ?? 0) + 1;
	}
	const points = Map.groupBy(scans, ({ at }) => starts.findLast((start) => start <= at) as number);
	return {
		counts: count(scans, asked.bots),
		series: [...points]
			.map(([at, group]) => ({ at, ...count(group, asked.bots) }))
			.filter(({ scans }) => scans > 0)
			.map(({ at, scans, visitors }) => ({ at, scans, visitors }))
			.sort((a, b) => a.at - b.at),
		breakdowns: [group(scans, "country", asked.bots), group(scans, "code", asked.bots)],
		cells,
	};
}

export function randomClosingCases(provide: ProvideStore): void {
	storeTest(provide, "whenever hours and days are closed, every answer equals a naive recount", async (store) => {
		const feeders = [await Feeder.claim(store, 0), await Feeder.claim(store, 1)] as const;
		let runs = 0;
		await fc.assert(
			fc.asyncProperty(fc.oneof(...MONTHS.map(anyCase)), async ({ timeZone, month, days, steps, questions }) => {
				const organisation = `organisation-${++runs}`;
				const closing = new Closing(store, organisation, timeZone);
				const made: AcceptedScan[] = [];
				for (const step of steps) {
					if ("feed" in step) {
						for (const [partition, feeder] of feeders.entries()) {
							const scans = step.feed.map((some) => scan({ ...some, organisation }));
							const own = scans.filter((one) => partitionOf(one) === partition);
							made.push(...own);
							await feeder.feed(own);
						}
					} else if ("hours" in step) await closing.hours(Math.min(...step.hours), Math.max(...step.hours));
					else if (step.close === "month") await closing.wholeMonth(month);
					else
						for (const day of step.close === "everything" ? days.keys() : step.close)
							if (day < days.length - 1) await closing.day(dateAt(days[day] as number, timeZone));
				}
				const held = recount(made);
				for (const { edges, zone, interval, ...rest } of questions) {
					const asked = { ...rest, organisation, from: Math.min(...edges), to: Math.max(...edges) };
					const series = bucketStarts(asked.from, asked.to, interval, zone);
					const screen: Questions = { series, breakdowns: ["country", "code"], hoursOfWeek: zone };
					const { value } = await store.answer(asked, screen);
					const { hoursOfWeek, capped, ...answers } = value;
					const cells = hoursOfWeek ? heatCells(hoursOfWeek, zone).map(({ scans }) => scans) : [];
					const expected = recounted(held, asked, series, zone);
					expect({ ...answers, cells }).toEqual(expected);
					expect(capped).toEqual([]);
					expect((await store.counts(asked)).value).toEqual(expected.counts);
					expect((await store.series(asked, series)).value).toEqual(expected.series);
				}
			}),
			{ numRuns: RUNS },
		);
	});
}
