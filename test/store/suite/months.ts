/** Months of raw scans: open, closing, closed and gone, without a scan that is lost unsaid. */

import { expect } from "vitest";
import type { ScanStore } from "../../../platform/store/scan-store.ts";
import { scan } from "../scans.ts";
import { Feeder } from "./feeder.ts";
import type { ProvideStore } from "./provided.ts";
import { selection, storeTest } from "./with-store.ts";

const DAY = 86_400_000;
const APRIL = Date.UTC(2026, 3, 1);
const lease = { name: "cron", fence: 7 };

const stateOf = async (store: ScanStore, month: string) =>
	(await store.months()).find((one) => one.month === month)?.state;
const rawScans = async (store: ScanStore) =>
	(await store.counts(selection({ filters: [{ dimension: "device", values: ["mobile"] }] }))).value.scans;
const dropped = async (store: ScanStore) => (await store.ledger({ organisation: "acme" })).dropped;

export function monthCases(provide: ProvideStore): void {
	storeTest(provide, "a month that is closing takes no scans and says so, until it is opened again", async (store) => {
		const feeder = await Feeder.claim(store);
		await feeder.feed([scan(), scan({ at: APRIL })]);
		expect(await stateOf(store, "202603")).toBe("open");
		await expect(store.dropMonth("202603", lease)).rejects.toMatchObject({ type: "conflict" });
		await store.markMonth("202603", "closing", lease);
		expect(await stateOf(store, "202603")).toBe("closing");
		expect(await feeder.feed([scan(), scan({ at: APRIL })])).toMatchObject({ stored: 1, dropped: 1 });
		expect(await dropped(store)).toEqual({ too_old: 1 });
		const unseen = await Feeder.claim(store, 5);
		expect(await unseen.feed([scan()])).toMatchObject({ stored: 0, dropped: 1 });
		await store.markMonth("202603", "open", lease);
		for (const open of [feeder, unseen]) expect(await open.feed([scan()])).toMatchObject({ stored: 1, dropped: 0 });
		expect(await store.audit({ organisation: "acme" })).toMatchObject({ clean: true, scans: 5 });
	});

	storeTest(
		provide,
		"a closed month's scans are gone, their counts stay and an audit is clean",
		async (store, provided) => {
			const feeder = await Feeder.claim(store);
			const own = scan({ ownId: true, visitor: "v" });
			await feeder.feed([own, scan(), scan({ code: "flyer", bot: true }), scan({ at: APRIL + DAY })]);
			await store.markMonth("202603", "closing", lease);
			await expect(store.dropMonth("202603", { ...lease, fence: 6 })).rejects.toMatchObject({ type: "lease_lost" });
			await expect(store.markMonth("202603", "open", { ...lease, fence: 6 })).rejects.toMatchObject({
				type: "lease_lost",
			});
			expect(await rawScans(store)).toBe(3);
			expect(await store.dropMonth("202603", lease)).toEqual({ scans: 3 });
			expect(await store.dropMonth("202603", lease)).toEqual({ scans: 0 });
			expect(await rawScans(store)).toBe(1);
			expect((await store.counts(selection())).value).toEqual({ scans: 3, visitors: 1, bots: 1 });
			const other = await provided.open();
			await other.markMonth("202603", "open", lease);
			expect(await stateOf(other, "202603")).toBe("closed");
			for (const each of [await Feeder.claim(other, 0, feeder.producer), await Feeder.claim(other, 1)])
				expect(await each.feed([own])).toMatchObject({ stored: 0, dropped: 1 });
			expect(await dropped(other)).toEqual({ too_old: 2 });
			expect(await rawScans(other)).toBe(1);
			expect(await other.audit({ organisation: "acme" })).toMatchObject({ clean: true, scans: 1, codes: 2 });
		},
	);

	storeTest(
		provide,
		"a month closes while its scans come in: each is counted for ever or dropped",
		async (store, provided) => {
			const feeders = [await Feeder.claim(store, 0), await Feeder.claim(await provided.open(), 1)];
			await feeders[0]?.feed([scan()]);
			const feeding = feeders.map(async (feeder) => {
				for (let batch = 0; batch < 40; batch++) await feeder.feed([scan({ code: `c${batch % 3}` }), scan()]);
			});
			await store.markMonth("202603", "closing", lease);
			await store.dropMonth("202603", lease);
			await Promise.all(feeding);
			const { accepted, stored, dropped } = await store.ledger({ organisation: "acme" });
			expect([accepted, stored + (dropped.too_old ?? 0)]).toEqual([161, 161]);
			expect(await rawScans(store)).toBe(0);
			expect((await store.counts(selection())).value.scans).toBe(stored);
			expect(await store.audit({ organisation: "acme" })).toMatchObject({ clean: true, scans: 0 });
		},
	);

	storeTest(provide, "quarters that are old enough go, and nothing asks for them any more", async (store) => {
		const feeder = await Feeder.claim(store);
		await feeder.feed([scan(), scan({ code: "flyer" }), scan({ at: APRIL })]);
		await expect(store.dropQuarters(APRIL, { ...lease, fence: 8 })).resolves.toEqual({ quarters: 3 });
		await expect(store.dropQuarters(APRIL, lease)).rejects.toMatchObject({ type: "lease_lost" });
		expect((await store.counts(selection())).value.scans).toBe(1);
		expect((await store.state({ organisation: "acme", dayStart: 0, dayEnd: 1, minute: 0 })).value.total.scans).toBe(3);
		expect(await store.audit({ organisation: "acme" })).toMatchObject({ clean: true, scans: 1 });
	});
}
