/**
 * Closing the day and month of an organisation with more codes than one transaction writes: it is closed or it is not,
 * whatever happens between the turns, and nothing of an earlier closing stays.
 */

import { type Db, MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openMongoStore } from "../../platform/store/mongo-store.ts";
import { DAY_MS } from "../../platform/store/quarters.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import { realServer } from "../harness/servers.ts";
import { scan } from "./scans.ts";
import { Feeder } from "./suite/feeder.ts";

/** Two turns of days and months. */
const CODES = 520;
const MIDNIGHT = Date.UTC(2026, 2, 14);
const DAY = { organisation: "acme", timeZone: "UTC", lease: { name: "cron", fence: 1 } };
const DATE = "2026-03-14";
const END = MIDNIGHT + DAY_MS;
const HOURS = Array.from({ length: 24 }, (_, hour) => ({ at: MIDNIGHT + hour * 3_600_000, hour }));

let client: MongoClient;
let db: Db;
let store: ScanStore;

beforeAll(async () => {
	client = new MongoClient((await realServer("mongo")).url);
	db = client.db();
	store = await openMongoStore({ client });
	const feeder = await Feeder.claim(store);
	await feeder.feed(Array.from({ length: CODES }, (_, n) => scan({ code: codeName(n), at: MIDNIGHT + 1 })));
});
afterAll(async () => {
	await store.close();
	await client.close();
});

// Some of them stand in another order for JavaScript than for MongoDB.
const codeName = (n: number) => `${["a", "\u{1F600}", "\uFF5E"][n % 3]}-${n}`;
const closeDay = () => store.closeDay({ ...DAY, date: DATE, hours: HOURS, end: END });
const closeMonth = () =>
	store.closeMonth({ ...DAY, month: "2026-03", days: [{ date: DATE, start: MIDNIGHT, end: END }] });
const isClosed = (kind: "day" | "month") =>
	store.isClosed({ ...DAY, kind, name: kind === "day" ? DATE : "2026-03", start: MIDNIGHT, end: END });
const codesIn = async (collection: string) =>
	(
		await db
			.collection(collection)
			.find({ code: { $ne: "" } })
			.toArray()
	)
		.map(({ code }) => code as string)
		.sort();
const EVERY = Array.from({ length: CODES }, (_, n) => codeName(n)).sort();

/** Has MongoDB refuse its last document of a code, as a process that is killed before writing it would leave it out. */
async function cuttingOff(collection: "days" | "months", work: () => Promise<unknown>): Promise<void> {
	const [info] = await db.listCollections({ name: collection }, { nameOnly: false }).toArray();
	const validator = info?.options?.validator ?? {};
	const last = await db.collection(collection).findOne({}, { sort: { code: -1 } });
	await db.command({ collMod: collection, validator: { $and: [validator, { code: { $ne: last?.code } }] } });
	await expect(work()).rejects.toThrow();
	await db.command({ collMod: collection, validator });
}

test("a day that was cut off between two turns is not closed, and closes whole the next time", async () => {
	expect(await closeDay()).toEqual({ codes: CODES, scans: CODES });
	expect(await isClosed("day")).toBe(true);

	await cuttingOff("days", closeDay);
	expect((await codesIn("days")).length).toBeGreaterThan(0);
	expect(await isClosed("day")).toBe(false);

	const stale = await db.collection<{ _id: string; code: string }>("days").findOne({ code: codeName(5) });
	for (const code of ["a-0.", "\u{1F600}-zzz", "\u{10FFFF}"])
		await db.collection<{ _id: string }>("days").insertOne({ ...stale, _id: `acme|${DATE}|${code}`, code } as never);
	expect(await closeDay()).toEqual({ codes: CODES, scans: CODES });
	expect(await codesIn("days")).toEqual(EVERY);
	expect(await isClosed("day")).toBe(true);
});

test("a month that was cut off between two turns is not closed, and closes whole the next time", async () => {
	expect(await closeMonth()).toEqual({ codes: CODES, scans: CODES });
	await cuttingOff("months", closeMonth);
	expect((await codesIn("months")).length).toBeGreaterThan(0);
	expect(await isClosed("month")).toBe(false);
	expect(await closeMonth()).toEqual({ codes: CODES, scans: CODES });
	expect(await codesIn("months")).toEqual(EVERY);
	expect(await isClosed("month")).toBe(true);
});
