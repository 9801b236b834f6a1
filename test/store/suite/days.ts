/** Closing days: in any time zone, again after late scans, and under the newest lease only. */

import { expect } from "vitest";
import type { DayToClose, ScanStore } from "../../../platform/store/scan-store.ts";
import { NOON, scan } from "../scans.ts";
import { Feeder } from "./feeder.ts";
import type { ProvideStore } from "./provided.ts";
import { storeTest } from "./with-store.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MIDNIGHT = NOON - 12 * HOUR;

/** A day of 24 hours that begins so much after the UTC date's midnight. */
function day(differences: { offset?: number; fence?: number; date?: string; timeZone?: string } = {}): DayToClose {
	const start = MIDNIGHT + (differences.offset ?? 0);
	return {
		organisation: "acme",
		date: differences.date ?? "2026-03-14",
		hours: Array.from({ length: 24 }, (_, hour) => ({ at: start + hour * HOUR, hour })),
		end: start + DAY,
		timeZone: differences.timeZone ?? "UTC",
		lease: { name: "cron", fence: differences.fence ?? 1 },
	};
}

function isClosed(store: ScanStore, { organisation, date, hours, end, timeZone }: DayToClose): Promise<boolean> {
	const start = hours[0]?.at as number;
	return store.isClosed({ organisation, kind: "day", name: date, start, end, timeZone });
}

export function dayCases(provide: ProvideStore): void {
	storeTest(provide, "a day is closed until a scan is added to it, and closes again", async (store, provided) => {
		const feeder = await Feeder.claim(store, 0);
		const other = await Feeder.claim(store, 1);
		await feeder.feed([scan({ visitor: "v" }), scan({ code: "flyer", bot: true }), scan({ at: MIDNIGHT - 1 })]);
		expect(await isClosed(store, day())).toBe(false);
		expect(await store.closeDay(day())).toEqual({ codes: 2, scans: 1 });
		expect(await isClosed(store, day())).toBe(true);
		expect(await isClosed(await provided.open(), day())).toBe(true);
		await feeder.feed([scan({ at: MIDNIGHT - 1 }), scan({ at: MIDNIGHT + DAY })]);
		expect(await isClosed(store, day())).toBe(true);
		await other.feed([scan({ code: "flyer", bot: true, at: MIDNIGHT })]);
		expect(await isClosed(store, day())).toBe(false);
		expect(await store.closeDay(day())).toEqual({ codes: 2, scans: 1 });
		expect(await store.closeDay(day())).toEqual({ codes: 2, scans: 1 });
		expect(await isClosed(store, day())).toBe(true);
	});

	storeTest(
		provide,
		"a scan that comes while its day closes is in the day, or the day is not closed",
		async (store, provided) => {
			const feeder = await Feeder.claim(store);
			const closing = await provided.open();
			let stored = 0;
			for (let round = 0; round < 40; round++) {
				const late = Array.from({ length: 1 + (round % 3) }, () => scan());
				const [{ scans }] = await Promise.all([closing.closeDay(day()), feeder.feed(late)]);
				stored += late.length;
				if (await isClosed(store, day())) expect(scans).toBe(stored);
			}
			expect(await closing.closeDay(day())).toEqual({ codes: 1, scans: stored });
			expect(await isClosed(store, day())).toBe(true);
		},
	);

	storeTest(provide, "a duplicate does not open a closed day", async (store) => {
		const feeder = await Feeder.claim(store);
		const once = scan({ ownId: true });
		await feeder.feed([once]);
		await store.closeDay(day());
		await feeder.feed([once]);
		expect(await isClosed(store, day())).toBe(true);
	});

	storeTest(provide, "a day without scans is closed, and open with its first", async (store) => {
		const feeder = await Feeder.claim(store);
		await feeder.feed([scan({ at: NOON - 9 * DAY })]);
		expect(await store.closeDay(day())).toEqual({ codes: 0, scans: 0 });
		expect(await isClosed(store, day())).toBe(true);
		await feeder.feed([scan()]);
		expect(await isClosed(store, day())).toBe(false);
	});

	storeTest(provide, "a local day is dirty exactly when a scan of its own quarters comes", async (store) => {
		const feeder = await Feeder.claim(store);
		// Nepal: the day begins at 18:15 UTC of the date before.
		const nepal = day({ offset: -5.75 * HOUR });
		const start = nepal.hours[0]?.at as number;
		await feeder.feed([scan({ at: start }), scan({ at: nepal.end - 1 }), scan({ at: nepal.end })]);
		expect(await store.closeDay(nepal)).toEqual({ codes: 1, scans: 2 });
		await feeder.feed([scan({ at: nepal.end }), scan({ at: start - 1 })]);
		expect(await isClosed(store, nepal)).toBe(true);
		await feeder.feed([scan({ at: nepal.end - 1 })]);
		expect(await isClosed(store, nepal)).toBe(false);
	});

	storeTest(provide, "a day closed in another time zone is not closed in this one", async (store) => {
		const feeder = await Feeder.claim(store);
		await feeder.feed([scan()]);
		await store.closeDay(day());
		expect(await isClosed(store, day({ offset: HOUR }))).toBe(false);
		expect(await store.closeDay(day({ offset: HOUR }))).toEqual({ codes: 1, scans: 1 });
		expect(await isClosed(store, day({ offset: HOUR }))).toBe(true);
		expect(await isClosed(store, day())).toBe(false);
		// The same instants, with other hours.
		expect(await isClosed(store, day({ offset: HOUR, timeZone: "Africa/Lagos" }))).toBe(false);
	});

	storeTest(provide, "an older lease may not close a day; each lease has its own fence", async (store) => {
		const feeder = await Feeder.claim(store);
		await feeder.feed([scan()]);
		await store.closeDay(day({ fence: 5 }));
		await store.closeDay(day({ fence: 5 }));
		await feeder.feed([scan()]);
		await expect(store.closeDay(day({ fence: 4 }))).rejects.toMatchObject({ type: "lease_lost" });
		expect(await isClosed(store, day())).toBe(false);
		await store.closeDay({ ...day({ fence: 1 }), lease: { name: "another", fence: 1 } });
		await store.closeDay(day({ fence: 6 }));
		await expect(store.closeDay(day({ fence: 5 }))).rejects.toMatchObject({ type: "lease_lost" });
	});

	storeTest(provide, "days of 23 and 25 hours close, each hour once", async (store) => {
		const feeder = await Feeder.claim(store);
		await feeder.feed(Array.from({ length: 25 }, (_, hour) => scan({ at: MIDNIGHT + hour * HOUR })));
		const long = day();
		const hours = Array.from({ length: 25 }, (_, n) => ({ at: MIDNIGHT + n * HOUR, hour: n < 3 ? n : n - 1 }));
		expect(await store.closeDay({ ...long, hours, end: MIDNIGHT + 25 * HOUR })).toEqual({ codes: 1, scans: 25 });
		expect(await isClosed(store, { ...long, hours, end: MIDNIGHT + 25 * HOUR })).toBe(true);
		const short = hours.slice(0, 23).map(({ at }, n) => ({ at, hour: n < 2 ? n : n + 1 }));
		expect(await store.closeDay({ ...long, hours: short, end: MIDNIGHT + 23 * HOUR })).toEqual({ codes: 1, scans: 23 });
	});
}
