/** What closed days and months are for: they answer exactly, and go on answering when their quarters are gone. */

import { expect } from "vitest";
import { bucketStarts } from "../../../platform/calendar.ts";
import type { Questions, ScanStore, Selection } from "../../../platform/store/scan-store.ts";
import { heatCells } from "../../../services/analytics/answers.ts";
import { NOON, scan } from "../scans.ts";
import { Closing } from "./closing.ts";
import { Feeder } from "./feeder.ts";
import type { ProvideStore } from "./provided.ts";
import { selection, storeTest } from "./with-store.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NEPAL = "Asia/Kathmandu";
const NO_HOURS = { hours: [], quarters: [] };
const lease = { name: "cron", fence: 1 };

const startOf = (date: string, timeZone: string) =>
	Temporal.PlainDate.from(date).toZonedDateTime({ timeZone }).epochMilliseconds;

/** From a local date to another one. */
function between(from: string, to: string, timeZone = NEPAL): Selection {
	return selection({ from: startOf(from, timeZone), to: startOf(to, timeZone) });
}

function screen({ from, to }: Selection, timeZone = NEPAL): Questions {
	const series = bucketStarts(from, to, "day", timeZone);
	return { series, breakdowns: ["country", "code", "device"], hoursOfWeek: timeZone };
}

/** Two scans a day from February to mid-April, of two codes, closed until the tenth. */
async function fill(store: ScanStore) {
	const feeders = [await Feeder.claim(store, 0), await Feeder.claim(store, 1)] as const;
	const days = Array.from({ length: 75 }, (_, day) => Date.UTC(2026, 1, 1) + day * DAY);
	await feeders[0].feed(
		days.map((at, n) => scan({ at: at + (n % 24) * HOUR, country: `C${n % 3}`, visitor: `v${n % 5}` })),
	);
	await feeders[1].feed(days.map((at, n) => scan({ at: at + 18.2 * HOUR, code: "flyer", bot: n % 4 === 0 })));
	const closing = new Closing(store, "acme", NEPAL);
	for (const month of ["2026-02", "2026-03"]) await closing.wholeMonth(month);
	for (let day = 1; day < 10; day++) await closing.day(`2026-04-0${day}`);
	return { feeders, closing };
}

export function readingPlanCases(provide: ProvideStore): void {
	storeTest(provide, "closed days and months answer when their quarters were dropped", async (store) => {
		await fill(store);
		const [whole, april] = [between("2026-02-01", "2026-04-04"), between("2026-02-11", "2026-04-10")];
		const before = [await store.answer(whole, screen(whole)), await store.answer(april, screen(april))];
		expect(before[0]?.value.counts.scans).toBeGreaterThan(80);
		const [march, weeks] = [
			await store.counts(between("2026-03-01", "2026-04-01")),
			bucketStarts(whole.from, whole.to, "week", NEPAL),
		];
		const byWeek = await store.series(whole, weeks);

		await store.dropQuarters(startOf("2026-04-01", "UTC"), lease);
		const after = [await store.answer(whole, screen(whole)), await store.answer(april, screen(april))];
		expect(after.map(({ value }) => value)).toEqual(before.map(({ value }) => value));
		for (const { coveredFrom } of after.slice(0, 1)) expect(coveredFrom).toBe(whole.from);
		expect((await store.counts(between("2026-03-01", "2026-04-01"))).value).toEqual(march.value);
		expect((await store.series(whole, weeks)).value).toEqual(byWeek.value);
		expect((await store.breakdown({ ...whole, codes: ["flyer"] }, "device")).value).toEqual([
			{ value: "mobile", scans: 46, visitors: 0 },
		]);
	});

	storeTest(
		provide,
		"closed days and months answer in any time zone, also when their quarters were dropped",
		async (store) => {
			await fill(store);
			const range = between("2026-02-01", "2026-04-10");
			const asked = ["UTC", "America/New_York", "Australia/Lord_Howe"].flatMap((zone) =>
				(["hour", "day", "week"] as const).map((interval): Questions => {
					const series = bucketStarts(range.from, range.to, interval, zone);
					return { series, breakdowns: ["country", "code"], hoursOfWeek: zone };
				}),
			);
			const answers = async () => {
				const found = [await store.series(range)].map(({ value, coveredFrom }) => ({ value, coveredFrom }));
				const screens = [];
				for (const questions of asked) {
					const { value, coveredFrom } = await store.answer(range, questions);
					screens.push({ ...value, coveredFrom });
				}
				return { found, screens };
			};
			const before = await answers();
			expect(before.screens[0]?.hoursOfWeek?.quarters).toEqual([]);
			await store.dropQuarters(startOf("2026-04-10", NEPAL), lease);
			expect(await answers()).toEqual(before);
		},
	);

	storeTest(provide, "what neither days nor quarters hold is said, and not counted", async (store) => {
		await fill(store);
		const mark = startOf("2026-04-01", "UTC");
		await store.dropQuarters(mark, lease);
		// The first whole day of Nepal begins within the range.
		const utc = { ...between("2026-02-10", "2026-04-10", "UTC"), to: startOf("2026-04-10", NEPAL) };
		const counted = await store.counts(utc);
		expect(counted.coveredFrom).toBe(startOf("2026-02-11", NEPAL));
		const held = await store.counts({ ...utc, from: counted.coveredFrom });
		expect(held).toMatchObject({ value: counted.value, coveredFrom: counted.coveredFrom });
		// Any zone's hours are told by the quarter hours that days keep; a code's days keep none.
		expect((await store.hoursOfWeek(utc, "UTC")).coveredFrom).toBe(counted.coveredFrom);
		const codes = ["flyer"];
		expect((await store.hoursOfWeek({ ...utc, codes }, "UTC")).coveredFrom).toBeGreaterThanOrEqual(mark);
		// Parts of days are nowhere but in quarters.
		const part = await store.counts({
			...utc,
			from: startOf("2026-03-01", NEPAL),
			to: startOf("2026-03-02", NEPAL) - HOUR,
		});
		expect(part.value.scans).toBe(0);
		expect(part.coveredFrom).toBe(startOf("2026-03-02", NEPAL) - HOUR);
	});

	storeTest(provide, "a late scan is in every answer at once, also in one that closed days give", async (store) => {
		const { feeders, closing } = await fill(store);
		const range = between("2026-02-01", "2026-04-04");
		const scans = async () => {
			const { value } = await store.answer(range, screen(range));
			const sum = (points: readonly { readonly scans: number }[]) => points.reduce((all, { scans }) => all + scans, 0);
			const hours = value.hoursOfWeek?.hours.reduce((all, scans) => all + scans, 0) ?? 0;
			expect(sum(value.series)).toBe(value.counts.scans);
			for (const rows of value.breakdowns) expect(sum(rows)).toBe(value.counts.scans);
			expect(hours + sum(value.hoursOfWeek?.quarters ?? [])).toBe(value.counts.scans);
			return value.counts.scans;
		};
		const before = await scans();
		await feeders[0].feed([
			scan({ at: NOON }),
			scan({ at: NOON, bot: true }),
			scan({ code: "new", at: NOON + 20 * DAY }),
		]);
		expect(await scans()).toBe(before + 2);
		await closing.day("2026-03-14");
		expect(await scans()).toBe(before + 2);
		await closing.month("2026-03");
		await feeders[1].feed([scan({ at: range.from }), scan({ at: range.to - 1 }), scan({ at: range.to })]);
		expect(await scans()).toBe(before + 4);
	});

	storeTest(
		provide,
		"days of the zone before answer until they are made anew, and none counts twice",
		async (store) => {
			const { closing } = await fill(store);
			const range = between("2026-02-01", "2026-04-10");
			const before = (await store.counts(range)).value;
			const newYork = new Closing(store, "acme", "America/New_York");
			for (const date of ["2026-02-10", "2026-02-11", "2026-03-08", "2026-04-03", "2026-04-04"]) {
				await newYork.day(date);
				expect((await store.counts(range)).value).toEqual(before);
			}
			await newYork.wholeMonth("2026-03");
			expect((await store.counts(range)).value).toEqual(before);
			expect(await closing.isClosed("2026-03")).toBe(false);
			const own = between("2026-03-01", "2026-04-01", "America/New_York");
			const answer = await store.answer(own, screen(own, "America/New_York"));
			expect(answer.value.hoursOfWeek?.quarters).toEqual([]);
		},
	);

	storeTest(provide, "what a cap merged in a day is said of an answer that the day gives", async (store) => {
		const feeder = await Feeder.claim(store);
		// Never more than the cap in a quarter hour, but in the day.
		for (let quarter = 0; quarter < 4; quarter++)
			await feeder.feed(
				Array.from({ length: 100 }, (_, n) =>
					scan({ at: NOON + quarter * 900_000, city: `city ${quarter * 100 + n}` }),
				),
			);
		await feeder.feed([scan({ city: "city 399" })]);
		const range = between("2026-03-14", "2026-03-15", "UTC");
		expect(await store.breakdown(range, "city")).toMatchObject({ capped: false });
		await new Closing(store).day("2026-03-14");
		const { value, capped } = await store.breakdown(range, "city");
		expect(capped).toBe(true);
		expect(value.reduce((sum, { scans }) => sum + scans, 0)).toBe(401);
		expect(value.slice(0, 2)).toEqual([
			{ value: "(other)", scans: 100, visitors: 0 },
			{ value: "city 399", scans: 2, visitors: 0 },
		]);
		expect((await store.breakdown(range, "country")).capped).toBe(false);
		expect(await store.audit({ organisation: "acme" })).toMatchObject({ clean: true, days: 1 });
	});

	storeTest(provide, "days that an earlier release closed answer, and are made anew", async (store, provided) => {
		const { closing } = await fill(store);
		// Too few for a month.
		const range = between("2026-03-02", "2026-03-09");
		const { hoursOfWeek: timeZone = NEPAL, ...others } = screen(range);
		const cells = async () => heatCells((await store.hoursOfWeek(range, timeZone)).value, timeZone);
		const before = [(await store.answer(range, others)).value, await cells()];
		await provided.age();
		expect(await closing.isClosed("2026-03-02")).toBe(false);
		expect(await closing.isClosed("2026-03")).toBe(false);
		// Their hours are of a zone that nobody wrote down: quarter hours tell.
		expect([(await store.answer(range, others)).value, await cells()]).toEqual(before);
		await store.dropQuarters(startOf("2026-04-01", "UTC"), lease);
		expect((await store.answer(range, others)).value).toEqual(before[0]);
	});

	storeTest(provide, "months that an earlier release closed answer beside those made anew", async (store, provided) => {
		const { closing } = await fill(store);
		await provided.age();
		for (const month of ["2026-02", "2026-03"]) expect(await closing.isClosed(month)).toBe(false);
		const [long, anew] = [between("2026-02-01", "2026-04-04"), between("2026-03-01", "2026-04-01")];
		const { value } = await store.answer(long, screen(long));
		expect((await store.answer(anew, screen(anew))).value.hoursOfWeek?.quarters).not.toEqual([]);
		await closing.wholeMonth("2026-03");
		expect(await closing.isClosed("2026-03")).toBe(true);
		// Some are of this release, and some of the one before.
		const mixed = (await store.answer(long, screen(long))).value;
		expect({ ...mixed, hoursOfWeek: heatCells(mixed.hoursOfWeek ?? NO_HOURS, NEPAL) }).toEqual({
			...value,
			hoursOfWeek: heatCells(value.hoursOfWeek ?? NO_HOURS, NEPAL),
		});
		expect((await store.answer(anew, screen(anew))).value.hoursOfWeek?.quarters).toEqual([]);
		expect(await store.audit({ organisation: "acme" })).toMatchObject({ clean: true });
	});
}
