/** Closing months: from closed days only, open again with a late scan, in the organisation's zone. */

import { expect } from "vitest";
import { NOON, scan } from "../scans.ts";
import { Closing } from "./closing.ts";
import { Feeder } from "./feeder.ts";
import type { ProvideStore } from "./provided.ts";
import { storeTest } from "./with-store.ts";

const DAY = 86_400_000;

export function closedMonthCases(provide: ProvideStore): void {
	storeTest(
		provide,
		"a month closes when all of its days are closed, and a late scan opens both",
		async (store, at) => {
			const feeder = await Feeder.claim(store, 0);
			const other = await Feeder.claim(store, 1);
			await feeder.feed([scan({ visitor: "v" }), scan({ bot: true }), scan({ at: NOON + 3 * DAY })]);
			await other.feed([scan({ code: "flyer" }), scan({ code: "later", at: NOON + 30 * DAY })]);
			const closing = new Closing(store);
			expect(await closing.month("2026-03")).toBeUndefined();
			expect(await closing.wholeMonth("2026-03")).toEqual({ codes: 2, scans: 3 });
			expect(await new Closing(await at.open()).isClosed("2026-03")).toBe(true);
			await feeder.feed([scan({ at: NOON + 40 * DAY }), scan({ at: NOON - 14 * DAY })]);
			expect(await closing.isClosed("2026-03")).toBe(true);

			await other.feed([scan({ code: "flyer", at: NOON - DAY })]);
			expect(await closing.isClosed("2026-03")).toBe(false);
			expect(await closing.month("2026-03")).toBeUndefined();
			await closing.day("2026-03-13");
			expect(await closing.isClosed("2026-03")).toBe(false);
			for (let again = 0; again < 2; again++) expect(await closing.month("2026-03")).toEqual({ codes: 2, scans: 4 });
			expect(await closing.isClosed("2026-03")).toBe(true);
			expect(await store.audit({ organisation: "acme" })).toMatchObject({ clean: true, days: 31, months: 1 });
		},
	);

	storeTest(provide, "a month is the organisation's own: another zone's days do not make it", async (store) => {
		const feeder = await Feeder.claim(store);
		// The first quarter hour of March in Kathmandu.
		const first = Date.UTC(2026, 1, 28, 18, 15);
		await feeder.feed([scan({ at: first }), scan({ at: first - 1 }), scan()]);
		const [nepal, utc] = [new Closing(store, "acme", "Asia/Kathmandu"), new Closing(store)];
		await utc.wholeMonth("2026-03");
		expect(await nepal.isClosed("2026-03")).toBe(false);
		expect(await nepal.month("2026-03")).toBeUndefined();
		expect(await nepal.wholeMonth("2026-03")).toEqual({ codes: 1, scans: 2 });
		expect(await utc.isClosed("2026-03")).toBe(false);
		expect(await store.audit({ organisation: "acme" })).toMatchObject({ clean: true, months: 1 });
	});

	storeTest(provide, "an older lease may not close a month", async (store) => {
		const feeder = await Feeder.claim(store);
		await feeder.feed([scan()]);
		await new Closing(store).wholeMonth("2026-03");
		await feeder.feed([scan({ at: NOON + DAY })]);
		const start = NOON - DAY / 2;
		const day = { organisation: "acme", date: "2026-03-15", timeZone: "UTC", end: start + 2 * DAY };
		await store.closeDay({ ...day, hours: [{ at: start + DAY, hour: 0 }], lease: { name: "cron", fence: 9 } });
		await expect(new Closing(store).month("2026-03")).rejects.toMatchObject({ type: "lease_lost" });
		expect(await new Closing(store).isClosed("2026-03")).toBe(false);
	});
}
