/**
 * What screens read of an open day in MongoDB: its hours, packed, as long as nothing was added to them, and quarter hours
 * where there are none. Quarter hours are taken away behind the store's back to see which of both an answer was read from.
 */

import type { Db } from "mongodb";
import { expect, test } from "vitest";
import { bucketStarts } from "../../platform/calendar.ts";
import { openMongoStore } from "../../platform/store/mongo-store.ts";
import { CODES_PER_ROLLUP } from "../../platform/store/rollup.ts";
import type { Questions, ScanStore } from "../../platform/store/scan-store.ts";
import { aggregateDays } from "../../services/cron/daily-aggregation.ts";
import { eachInOwnDatabase } from "./own-database.ts";
import { NOON, scan } from "./scans.ts";
import { Closing } from "./suite/closing.ts";
import type { Feeder } from "./suite/feeder.ts";
import { selection } from "./suite/with-store.ts";

const QUARTER = 900_000;
const HOUR = 4 * QUARTER;
const DAY = 24 * HOUR;
const MIDNIGHT = NOON - DAY / 2;
/** It is 17:50 of the open day. */
const NOW = MIDNIGHT + 17 * HOUR + 50 * 60_000;
const ZONES = ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe"];

let url: string;
let db: Db;
let store: ScanStore;
let feeder: Feeder;
let closing: Closing;

eachInOwnDatabase("hours", (own) => {
	({ url, db, store, feeder, closing } = own);
});

/** A scan in each quarter hour from the midnight before until now. */
async function fill(organisation = "acme") {
	const quarters = Array.from(
		{ length: Math.ceil((NOW - MIDNIGHT + DAY) / QUARTER) },
		(_, n) => MIDNIGHT - DAY + n * QUARTER,
	);
	const made = quarters.map((at, n) =>
		scan({ organisation, at, code: `code-${n % 3}`, country: `C${n % 2}`, visitor: `v${n % 7}`, bot: n % 11 === 0 }),
	);
	await feeder.feed(made);
	return made;
}

const today = (differences: Parameters<typeof selection>[0] = {}) =>
	selection({ from: MIDNIGHT, to: NOW, bots: true, ...differences });
const counted = async (differences: Parameters<typeof selection>[0] = {}) =>
	(await store.counts(today(differences))).value.scans;
const screen = (zone: string, from: number): Questions => ({
	series: bucketStarts(from, NOW, "hour", zone),
	breakdowns: ["code", "country", "device"],
	hoursOfWeek: zone,
});
const loseQuarters = (from: number, to: number) =>
	db.collection("quarters").deleteMany({ at: { $gte: new Date(from), $lt: new Date(to) } });
const hours = () => db.collection<{ _id: string; start: Date; end: Date; revision: number }>("hours");

test("hours that have passed answer all that a screen asks of the open day, in any zone", async () => {
	await fill();
	const ask = () =>
		Promise.all(
			ZONES.map(async (zone) => {
				const from = Temporal.Instant.fromEpochMilliseconds(NOW)
					.toZonedDateTimeISO(zone)
					.startOfDay().epochMilliseconds;
				const { value } = await store.answer(today({ from, bots: false }), screen(zone, from));
				const all = new Map<number, number>();
				for (const { at, scans } of value.hoursOfWeek?.quarters ?? []) all.set(at, scans);
				const { hoursOfWeek: _, ...rest } = value;
				const sum = [...(value.hoursOfWeek?.hours ?? []), ...all.values()].reduce((a, b) => a + b, 0);
				return { ...rest, sum };
			}),
		);
	const before = await ask();
	expect(before[0]).toMatchObject({ sum: before[0]?.counts.scans });
	// What has passed of the hour that is running is written too.
	expect(await closing.hours(MIDNIGHT - DAY, NOW)).toEqual({ hours: 42 });
	expect(await ask()).toEqual(before);
	await loseQuarters(MIDNIGHT - DAY, MIDNIGHT);
	await loseQuarters(MIDNIGHT + HOUR, NOW - 20 * 60_000);
	const [utc, , , newYork] = await ask();
	expect([utc, newYork]).toEqual([before[0], before[3]]);
	await loseQuarters(MIDNIGHT, NOW);
	expect(await counted()).toBe(72);
});

test("an hour goes on being written as it passes, and is left alone when nothing was added", async () => {
	await fill();
	expect(await closing.hours(MIDNIGHT, MIDNIGHT + 3 * HOUR + 1)).toEqual({ hours: 3 });
	expect(await closing.hours(MIDNIGHT, MIDNIGHT + 3 * HOUR + QUARTER)).toEqual({ hours: 1 });
	expect(await closing.hours(MIDNIGHT, MIDNIGHT + 3 * HOUR + 2 * QUARTER - 1)).toEqual({ hours: 0 });
	expect(await closing.hours(MIDNIGHT, MIDNIGHT + 4 * HOUR)).toEqual({ hours: 1 });
	// A clock that is a little behind takes nothing back.
	expect(await closing.hours(MIDNIGHT, MIDNIGHT + 3 * HOUR + QUARTER)).toEqual({ hours: 0 });
	expect(await hours().distinct("end")).toEqual([1, 2, 3, 4].map((n) => new Date(MIDNIGHT + n * HOUR)));
});

test("a late scan is counted at once: its hour is read from quarter hours until it is written again", async () => {
	await fill();
	await closing.hours(MIDNIGHT, NOW);
	const before = await counted();
	await feeder.feed([
		scan({ at: MIDNIGHT + 5 * HOUR + 1, code: "late" }),
		scan({ at: MIDNIGHT + 9 * HOUR, bot: true }),
	]);
	expect(await counted()).toBe(before + 2);
	const { value } = await store.breakdown(today(), "code");
	expect(value).toContainEqual({ value: "late", scans: 1, visitors: 0 });
	await loseQuarters(MIDNIGHT, MIDNIGHT + 5 * HOUR);
	expect(await counted()).toBe(before + 2);
	expect(await closing.hours(MIDNIGHT, NOW)).toEqual({ hours: 2 });
	await loseQuarters(MIDNIGHT, NOW - 20 * 60_000);
	expect(await counted()).toBe(before + 2);
});

test("scans that come while hours are written are in them, or those are read from quarter hours", async () => {
	const other = await openMongoStore({ url, database: db.databaseName });
	let stored = 0;
	for (let round = 0; round < 30; round++) {
		const late = Array.from({ length: 1 + (round % 3) }, (_, n) =>
			scan({ at: MIDNIGHT + ((7 * round + n) % 17) * HOUR }),
		);
		await Promise.all([new Closing(other).hours(MIDNIGHT, NOW), feeder.feed(late)]);
		stored += late.length;
		expect(await counted()).toBe(stored);
	}
	await other.close();
});

test("hours answer beside closed days, and a day of another zone that lies over some of them counts once", async () => {
	await fill();
	const range = selection({ from: MIDNIGHT - DAY, to: NOW, bots: true });
	const questions: Questions = { ...screen("UTC", range.from), breakdowns: ["code", "country"] };
	const ask = async () => (await store.answer(range, questions)).value;
	const before = await ask();
	await closing.hours(MIDNIGHT - DAY / 2, NOW);
	await closing.day("2026-03-13");
	for (const zone of ZONES) {
		await new Closing(store, "acme", zone).day("2026-03-13");
		expect(await ask()).toMatchObject({ ...before, hoursOfWeek: expect.anything() });
		const heat = (await store.hoursOfWeek(range, "UTC")).value;
		expect([...heat.hours, ...heat.quarters.map(({ scans }) => scans)].reduce((a, b) => a + b, 0)).toBe(
			before.counts.scans,
		);
	}
	await closing.day("2026-03-13");
	await loseQuarters(MIDNIGHT - DAY, NOW - 20 * 60_000);
	expect((await ask()).counts).toEqual(before.counts);
});

test("hours are an organisation's own, and say nothing of chosen codes", async () => {
	const made = (await fill()).filter(({ at }) => at >= MIDNIGHT);
	await fill("other");
	await closing.hours(MIDNIGHT, NOW);
	const own = made.length;
	const ofOne = made.filter(({ code }) => code === "code-1").length;
	expect(await counted()).toBe(own);
	expect(await counted({ organisation: "other" })).toBe(own);
	expect(await counted({ codes: ["code-1"] })).toBe(ofOne);
	await loseQuarters(MIDNIGHT, NOW - 20 * 60_000);
	expect(await counted()).toBe(own);
	for (const lost of [{ organisation: "other" }, { codes: ["code-1"] }]) expect(await counted(lost)).toBeLessThan(3);
});

test("an hour of more codes than are packed is broken down by code from quarter hours", async () => {
	const codes = CODES_PER_ROLLUP + 1;
	await feeder.feed(Array.from({ length: codes }, (_, n) => scan({ at: NOON, code: `code-${n}` })));
	await closing.hours(NOON, NOON + HOUR);
	const { value } = await store.answer(today(), { breakdowns: ["code", "device"] });
	expect(value.breakdowns.map((rows) => rows.length)).toEqual([codes, 1]);
	expect(value.counts.scans).toBe(codes);
});

test("a closer that was cut off between two hours leaves what is right, and the next one goes on", async () => {
	await fill();
	const before = await counted();
	await closing.hours(MIDNIGHT, NOW);
	await feeder.feed([scan({ at: MIDNIGHT + HOUR }), scan({ at: MIDNIGHT + 8 * HOUR })]);
	const [info] = await db.listCollections({ name: "hours" }, { nameOnly: false }).toArray();
	const validator = info?.options?.validator;
	const refused = { start: { $ne: new Date(MIDNIGHT + 8 * HOUR) } };
	await db.command({ collMod: "hours", validator: { $and: [validator, refused] } });
	await expect(closing.hours(MIDNIGHT, NOW)).rejects.toThrow();
	await db.command({ collMod: "hours", validator });
	expect(await counted()).toBe(before + 2);
	expect(await closing.hours(MIDNIGHT, NOW)).toEqual({ hours: 1 });
	expect(await counted()).toBe(before + 2);
});

test("an older lease writes no hours", async () => {
	await fill();
	const asked = { organisation: "acme", from: MIDNIGHT, to: NOW, fewest: 0 };
	await store.closeHours({ ...asked, lease: { name: "cron", fence: 5 } });
	await feeder.feed([scan({ at: MIDNIGHT })]);
	const older = store.closeHours({ ...asked, lease: { name: "cron", fence: 4 } });
	await expect(older).rejects.toMatchObject({ type: "lease_lost" });
	expect(await store.closeHours({ ...asked, lease: { name: "cron", fence: 6 } })).toEqual({ hours: 1 });
});

test("an audit finds an hour that does not say what was counted, and leaves out one that is to be written again", async () => {
	await fill();
	await feeder.feed([scan({ at: NOON + HOUR, country: "DE", code: "flyer" })]);
	await closing.hours(MIDNIGHT, NOW);
	const audit = () => store.audit({ organisation: "acme" });
	expect(await audit()).toMatchObject({ clean: true });
	const [own, other] = await hours().find().sort({ start: 1 }).skip(12).toArray();
	const { packed } = other as unknown as { readonly packed: Readonly<Record<string, unknown>> };
	const found = { what: "hours", where: "2026-03-14T12:00:00.000Z" };
	const tampered: Readonly<Record<string, [change: object, difference: object]>> = {
		count: [{ $inc: { s: 1 } }, { expected: expect.objectContaining({ scans: expect.any(Number) }) }],
		code: [{ $set: { "packed.code": packed.code } }, { dimension: "code" }],
		country: [{ $set: { "packed.country": packed.country } }, { dimension: "country" }],
		quarters: [{ $set: { "packed.quarters": packed.quarters } }, { dimension: "quarter" }],
	};
	for (const [name, [change, difference]] of Object.entries(tampered)) {
		await hours().updateOne({ _id: own?._id ?? "" }, change);
		const { clean, differences } = await audit();
		expect(clean, name).toBe(false);
		expect(differences, name).toContainEqual(expect.objectContaining({ ...found, ...difference }));
		await hours().replaceOne({ _id: own?._id ?? "" }, own as never);
	}
	await hours().updateOne({ _id: own?._id ?? "" }, { $inc: { s: 1 } });
	await feeder.feed([scan({ at: NOON })]);
	expect(await audit()).toMatchObject({ clean: true });
	await closing.hours(MIDNIGHT, NOW);
	expect(await audit()).toMatchObject({ clean: true });
});

test("quarter hours that were dropped take the hours before with them", async () => {
	await fill();
	await closing.hours(MIDNIGHT, NOW);
	await store.dropQuarters(NOON, { name: "cron", fence: 1 });
	expect(await store.counts(today())).toMatchObject({ coveredFrom: NOON });
	expect(await counted()).toBe((NOW - NOON + 10 * 60_000) / QUARTER);
	expect(await closing.hours(MIDNIGHT, NOW)).toEqual({ hours: 0 });
});

test("the clock writes hours of the open day when it has scans enough", async () => {
	const now = Date.now();
	// Where it is neither early nor late.
	const timeZone = new Date(now).getUTCHours() % 23 < 3 ? "Asia/Tokyo" : "UTC";
	const local = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone);
	const start = local.startOfDay().epochMilliseconds;
	const { signal } = new AbortController();
	const context = { params: {}, lease: { name: "cron", holder: "test", fence: 1 }, signal };
	const run = () => aggregateDays({ store, timeZoneOf: async () => timeZone }, context);
	await feeder.feed(Array.from({ length: 999 }, (_, n) => scan({ at: start + (n % 5) * QUARTER })));
	expect(await run()).toMatchObject({ hours: 0 });
	await feeder.feed([scan({ at: start })]);
	const { hours: written } = await run();
	expect(written).toBeGreaterThanOrEqual(local.hour);
	expect(await hours().countDocuments()).toBe(written);
	await feeder.feed([scan({ at: start + HOUR })]);
	expect((await store.counts(selection({ from: start, to: now }))).value.scans).toBe(1_001);
	expect((await run()).hours).toBeGreaterThanOrEqual(1);
	expect((await store.counts(selection({ from: start, to: now }))).value.scans).toBe(1_001);
});
