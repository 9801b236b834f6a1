/**
 * What filters read of closed days in MongoDB: columns, which are the day's as long as it is unchanged, and raw scans where
 * there are none. Raw scans are taken away behind the store's back to see which of both an answer was read from.
 */

import type { Binary, Db } from "mongodb";
import { expect, test } from "vitest";
import { openMongoStore } from "../../platform/store/mongo-store.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import { eachInOwnDatabase } from "./own-database.ts";
import { NOON, scan } from "./scans.ts";
import { Closing } from "./suite/closing.ts";
import type { Feeder } from "./suite/feeder.ts";
import { selection } from "./suite/with-store.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const DATE = "2026-03-14";
const FILTERS = [{ dimension: "country" as const, values: ["DE"] }];
const LEASE = { name: "cron", fence: 1 };

interface Stored {
	readonly _id: string;
	readonly part: number;
	readonly last: boolean;
	readonly revision: number;
	readonly columns: Readonly<Record<string, Binary>>;
}

let url: string;
let db: Db;
let store: ScanStore;
let feeder: Feeder;
let closing: Closing;

eachInOwnDatabase("columns", (own) => {
	({ url, db, store, feeder, closing } = own);
});

const german = (differences: Parameters<typeof scan>[0] = {}) => scan({ country: "DE", ...differences });
const counted = async (differences: Parameters<typeof selection>[0] = {}) =>
	(await store.counts(selection({ filters: FILTERS, ...differences }))).value.scans;
const loseRaw = (after = 0) => db.collection("scans_202603").deleteMany({ at: { $gte: new Date(after) } });
const columns = () => db.collection<Stored>("columns");

test("a closed day's columns answer, its open neighbours' raw scans", async () => {
	await feeder.feed([german(), german({ at: NOON - DAY }), german({ at: NOON + DAY }), scan({ country: "FR" })]);
	await closing.day(DATE);
	expect(await counted()).toBe(3);
	await loseRaw(NOON - 12 * HOUR);
	expect(await counted()).toBe(2);
	expect(await counted({ from: NOON, to: NOON + HOUR })).toBe(1);
	// Within a quarter hour there are raw scans alone.
	expect(await counted({ from: NOON - 1, to: NOON + 1 })).toBe(0);
	expect(await counted({ from: NOON - HOUR, to: NOON + 1 })).toBe(0);
	expect(await counted({ codes: ["poster"] })).toBe(2);
	expect(await counted({ codes: ["flyer"] })).toBe(0);
});

test("within a closed day a range begins and ends at any instant", async () => {
	const minutes = Array.from({ length: 180 }, (_, n) => NOON + n * 60_000);
	await feeder.feed(minutes.map((at) => german({ at })));
	await closing.day(DATE);
	for (const from of [0, 1, 14, 15, 16, 29])
		for (const to of [90, 91, 104, 105, 119])
			expect(await counted({ from: minutes[from], to: minutes[to] }), `${from}–${to}`).toBe(to - from);
	expect(await counted({ from: NOON + 1, to: NOON + 90 * 60_000 + 1 })).toBe(90);
	// Of an hour and more, whole quarter hours are read from columns.
	await loseRaw();
	expect(await counted({ from: minutes[1], to: minutes[91] })).toBe(75);
});

test("a late scan has its day read from raw scans until it is closed again", async () => {
	await feeder.feed([german(), german({ at: NOON + DAY })]);
	for (const date of [DATE, "2026-03-15"]) await closing.day(date);
	await feeder.feed([german({ at: NOON - 3 * HOUR })]);
	expect(await counted()).toBe(3);
	await loseRaw(NOON);
	expect(await counted()).toBe(2);
	await closing.day(DATE);
	await loseRaw();
	expect(await counted()).toBe(2);
});

test("columns of another revision than their day are not read", async () => {
	await feeder.feed([german()]);
	await closing.day(DATE);
	// As an earlier release leaves them, which closes the day anew after a late scan and knows none.
	await columns().updateMany({}, { $inc: { revision: -1 } });
	await db.collection<{ _id: string }>("days").updateMany({}, { $unset: { columns: 1 } });
	await loseRaw();
	expect(await counted()).toBe(0);
	expect(await closing.isClosed(DATE)).toBe(false);
});

test("a day that an earlier release closed is read from raw scans, and gets its columns by the next aggregation", async () => {
	await feeder.feed([german(), german({ at: NOON + DAY })]);
	await closing.wholeMonth("2026-03");
	await columns().deleteMany({});
	for (const closed of ["days", "months"]) await db.collection(closed).updateMany({}, { $unset: { columns: 1 } });
	expect(await counted()).toBe(2);
	expect(await closing.isClosed("2026-03")).toBe(false);
	expect(await closing.isClosed(DATE)).toBe(false);
	await closing.wholeMonth("2026-03");
	expect(await closing.isClosed("2026-03")).toBe(true);
	await loseRaw();
	expect(await counted()).toBe(2);
});

test("a large day has several parts, and is read from raw scans as long as one of them is missing", async () => {
	const long = "x".repeat(40_000);
	const made = Array.from({ length: 60 }, (_, n) => german({ city: `${n} ${long}`, at: NOON + n * 60_000 }));
	await feeder.feed(made);
	for (let again = 0; again < 2; again++) await closing.day(DATE);
	const parts = await columns().find().sort({ part: 1 }).toArray();
	expect(parts.length).toBeGreaterThan(1);
	expect(parts.map(({ part, last }) => [part, last])).toEqual(parts.map((_, n) => [n, n === parts.length - 1]));
	const cities = async () => (await store.breakdown(selection({ filters: FILTERS }), "city")).value.length;
	await loseRaw();
	expect(await cities()).toBe(made.length);
	for (const { _id, ...rest } of parts) {
		await columns().deleteOne({ _id });
		expect(await cities()).toBe(0);
		await columns().insertOne({ _id, ...rest });
	}
	expect(await cities()).toBe(made.length);
});

test("columns go with the raw scans, whoever dropped them", async () => {
	await feeder.feed([german(), german({ at: Date.UTC(2026, 3, 2) })]);
	for (const date of [DATE, "2026-04-02"]) await closing.day(date);
	await store.markMonth("202603", "closing", LEASE);
	const kept = await columns().find().toArray();
	await store.dropMonth("202603", LEASE);
	expect(await columns().distinct("date")).toEqual(["2026-04-02"]);
	expect(await counted()).toBe(1);
	// An earlier release drops a month without them.
	await columns().deleteMany({});
	await columns().insertMany(kept);
	expect(await counted()).toBe(1);
	await store.dropMonth("202603", LEASE);
	expect(await columns().distinct("date")).toEqual(["2026-04-02"]);
	await closing.day(DATE);
	expect(await columns().distinct("date")).toEqual(["2026-04-02"]);
});

test("an audit finds columns that do not say what was counted", async () => {
	await feeder.feed([german(), german({ code: "flyer", bot: true }), scan({ at: NOON + HOUR })]);
	await closing.day(DATE);
	const organisation = "acme";
	expect(await store.audit({ organisation })).toMatchObject({ clean: true, days: 1 });
	const [own] = await columns().find().toArray();
	// Two scans change their places among countries, two their flags, and one its quarter hour.
	const tampered = {
		country: { dimension: "country", value: "(none)" },
		flags: { dimension: "quarter", value: "2026-03-14T13:00:00.000Z" },
		quarters: { dimension: "quarter", value: "2026-03-14T12:00:00.000Z" },
	};
	for (const [name, difference] of Object.entries(tampered)) {
		const bytes = Buffer.from(own?.columns[name]?.buffer ?? []);
		const last = bytes.length - 1;
		if (name === "quarters") bytes[2] = (bytes[2] as number) - 1;
		else [bytes[last - 1], bytes[last]] = [bytes[last] as number, bytes[last - 1] as number];
		await columns().updateOne({}, { $set: { [`columns.${name}`]: bytes } });
		const { clean, differences } = await store.audit({ organisation });
		expect(clean).toBe(false);
		expect(differences, name).toContainEqual(expect.objectContaining({ what: "days", where: DATE, ...difference }));
		await columns().updateOne({}, { $set: { columns: own?.columns as never } });
	}
	expect(await store.audit({ organisation })).toMatchObject({ clean: true });
});

test("scans that come while their day closes are in its columns, or it is read from raw scans", async () => {
	const other = await openMongoStore({ url, database: db.databaseName });
	let stored = 0;
	for (let round = 0; round < 30; round++) {
		const late = Array.from({ length: 1 + (round % 3) }, () => german({ at: NOON + round * 60_000 }));
		await Promise.all([new Closing(other).day(DATE), feeder.feed(late)]);
		stored += late.length;
		expect(await counted()).toBe(stored);
	}
	await other.close();
});
