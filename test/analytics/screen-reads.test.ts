/** A screen's questions are answered by one reading of the store, each as if it had been asked alone. */

import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { ScanStore, Selection } from "../../platform/store/scan-store.ts";
import { openSqliteStore } from "../../platform/store/sqlite-store.ts";
import { ScreenReads } from "../../services/analytics/screen-reads.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { NOON, Producer, part, scan } from "../store/scans.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const selection: Selection = { organisation: "acme", from: NOON - DAY, to: NOON + DAY, filters: [], bots: false };

let store: ScanStore;
let readings: number;
let reads: ScreenReads;

beforeAll(async () => {
	store = await openSqliteStore({ file: join(await temporaryFolder(), "store.db") });
	atEndOfFile(() => store.close());
	const { claim } = await store.claim(0, "test");
	const cities = Array.from({ length: 310 }, (_, n) => scan({ city: `City ${n}`, country: "DE", at: NOON - HOUR }));
	const others = [scan({ country: "FR", visitor: "v" }), scan({ code: "door" }), scan({ bot: true })];
	await store.ingest([part([new Producer("one").message([...cities, ...others])], { claim })]);
});

function counting(answer: ScanStore["answer"] = (...asked) => store.answer(...asked)): void {
	readings = 0;
	reads = new ScreenReads((...asked) => {
		readings++;
		return answer(...asked);
	});
}

test("questions of one moment about one selection are one reading, and each gets what it would have got alone", async () => {
	counting();
	const points = [NOON - DAY, NOON];
	const screen = [
		{},
		{ series: points },
		{ breakdowns: ["country"] },
		{ breakdowns: ["city"] },
		{ breakdowns: ["code", "country"] },
		{ hoursOfWeek: "UTC" },
		{ series: [...points] },
	] as const;
	const together = await Promise.all(screen.map((questions) => reads.ask({ ...selection }, questions, "days")));
	expect(readings).toBe(1);
	const alone = await Promise.all(screen.map((questions) => store.answer(selection, questions)));
	expect(together).toEqual(alone);
	expect(together.map(({ capped }) => capped)).toEqual([false, false, false, true, false, false, false]);
});

test("what is asked after a reading has begun is read anew, with what was counted meanwhile", async () => {
	const begun = Promise.withResolvers<void>();
	counting((...asked) => {
		begun.resolve();
		return store.answer(...asked);
	});
	const first = reads.ask(selection, {}, "days");
	await begun.promise;
	const [before, after] = await Promise.all([first, reads.ask(selection, {}, "days")]);
	expect(readings).toBe(2);
	expect(after).toEqual(before);
});

test("other selections, other points and other grains are read apart", async () => {
	counting();
	await Promise.all([
		reads.ask(selection, { series: [NOON - DAY] }, "days"),
		reads.ask(selection, { series: [NOON - DAY, NOON] }, "days"),
		reads.ask(selection, { series: [NOON - DAY] }, "quarters"),
		reads.ask({ ...selection, codes: ["door"] }, {}, "days"),
		reads.ask({ ...selection, bots: true }, {}, "days"),
	]);
	expect(readings).toBe(5);
});

test("of a range that is not held whole, each question gets all that it alone would find", async () => {
	counting();
	const long = { ...selection, from: Date.now() - 1_000 * DAY };
	const [counts, hours] = await Promise.all([
		reads.ask(long, {}, "days"),
		reads.ask(long, { hoursOfWeek: "Asia/Tokyo" }, "days"),
	]);
	expect(readings).toBe(3);
	expect(counts.value).toEqual((await store.answer(long, {})).value);
	expect(hours.value).toEqual((await store.answer(long, { hoursOfWeek: "Asia/Tokyo" })).value);
});

test("a reading that fails fails everybody who asked, and the next moment is read again", async () => {
	let broken = true;
	counting((...asked) => (broken ? Promise.reject(new Error("away")) : store.answer(...asked)));
	const asked = [reads.ask(selection, {}, "days"), reads.ask(selection, { breakdowns: ["code"] }, "days")];
	const outcomes = await Promise.allSettled(asked);
	expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
	broken = false;
	expect((await reads.ask(selection, {}, "days")).value.counts.scans).toBe(312);
});

test("ranges up to now that are asked for in one moment end at one instant", () => {
	reads = new ScreenReads((...asked) => store.answer(...asked), { momentMs: 60_000 });
	const now = reads.now();
	expect(Math.abs(now - Date.now())).toBeLessThan(1_000);
	expect(reads.now()).toBe(now);
});
