/** The audit: silent while everything kept says what the raw scans say, and naming whatever does not. */

import { expect } from "vitest";
import { NOON, scan } from "../scans.ts";
import { Closing } from "./closing.ts";
import { Feeder } from "./feeder.ts";
import { type ProvideStore, TAMPERINGS, type Tampering } from "./provided.ts";
import { storeTest } from "./with-store.ts";

const HOUR = 3_600_000;

/** What the audit must say, at the least. */
const NAMED: Readonly<Record<Tampering, object>> = {
	"a raw scan": { what: "quarters", code: "poster", where: "2026-03-14T13:00:00.000Z" },
	"a code's quarter": { what: "quarters", code: "poster", where: "2026-03-14T12:00:00.000Z" },
	"a value of a code's quarter": { what: "quarters", code: "poster", dimension: "device", value: "mobile" },
	"an organisation's quarter": { what: "quarters", where: "2026-03-14T12:00:00.000Z" },
	"a code's total": { what: "totals", code: "poster" },
	"an organisation's total": { what: "totals" },
	"a code's day": { what: "days", code: "poster", where: "2026-03-14" },
	"an organisation's day": { what: "days", where: "2026-03-14" },
	"a value of an organisation's day": { what: "days", where: "2026-03-14", dimension: "country", value: "DE" },
	"an hour of an organisation's day": { what: "days", where: "2026-03-14", dimension: "hour" },
	"a code's month": { what: "months", code: "poster", where: "2026-03" },
	"an organisation's month": { what: "months", where: "2026-03" },
	"a value of a code's month": { what: "months", code: "poster", dimension: "device", value: "mobile" },
	// Saturday, 12:00.
	"an hour of an organisation's month": { what: "months", where: "2026-03", dimension: "hour", value: "132" },
	"a day of an organisation's month": { what: "months", where: "2026-03", dimension: "day", value: "2026-03-14" },
	"a code of an organisation's month": { what: "months", code: "poster", where: "2026-03" },
	"a code of an organisation's day": { what: "days", code: "poster", where: "2026-03-14" },
	"a packed value of an organisation's day": { what: "days", where: "2026-03-14", dimension: "country", value: "DE" },
	"a packed code of an organisation's month": { what: "months", where: "2026-03", dimension: "code", value: "poster" },
	"a packed quarter hour of an organisation's month": {
		...{ what: "months", where: "2026-03" },
		...{ dimension: "quarter", value: "2026-03-14T12:00:00.000Z" },
	},
	"the ledger's stored scans": { what: "ledger", where: "stored" },
	"the ledger's accepted scans": { what: "ledger", where: "accepted" },
};

export function auditCases(provide: ProvideStore): void {
	storeTest(provide, "an audit names whatever was tampered with, and nothing otherwise", async (store, provided) => {
		const [feeder, other] = [await Feeder.claim(store, 0), await Feeder.claim(store, 1)];
		await feeder.feed([scan({ visitor: "v", country: "DE" }), scan(), scan({ bot: true }), scan({ at: NOON + HOUR })]);
		await other.feed([scan({ code: "flyer", country: "DE" }), scan({ organisation: "other" })]);
		await new Closing(store).wholeMonth("2026-03");
		const clean = {
			organisation: "acme",
			scans: 5,
			codes: 2,
			days: 31,
			months: 1,
			clean: true,
			differing: 0,
			differences: [],
		};
		expect(await store.audit({ organisation: "acme" })).toEqual(clean);
		for (const kind of TAMPERINGS) {
			await provided.tamper(kind, 1);
			const report = await store.audit({ organisation: "acme" });
			expect(report, kind).toMatchObject({ clean: false });
			expect(report.differences, kind).toContainEqual(expect.objectContaining(NAMED[kind]));
			expect(report.differing, kind).toBe(report.differences.length);
			await provided.tamper(kind, -1);
		}
		expect(await store.audit({ organisation: "acme" })).toEqual(clean);
		expect(await store.audit({ organisation: "other" })).toMatchObject({ clean: true, scans: 1, codes: 1, days: 0 });
		expect(await store.audit({ organisation: "nobody" })).toMatchObject({ clean: true, scans: 0 });
	});

	storeTest(provide, "values beyond a bucket's cap, late scans and duplicates leave an audit clean", async (store) => {
		const feeder = await Feeder.claim(store);
		const many = (n: number) => Array.from({ length: n }, (_, i) => scan({ city: `city ${i}`, ownId: true }));
		const scans = many(320);
		await feeder.feed(scans);
		await feeder.feed([...scans, ...many(330)]);
		await feeder.feed([scan({ at: NOON + HOUR, city: "city 319" }), scan({ city: "$.__proto__" })]);
		await new Closing(store).day("2026-03-14");
		expect(await store.audit({ organisation: "acme" })).toMatchObject({ clean: true, scans: 652, days: 1 });
		// A day that is open again is counted by the next aggregation, and not compared until then.
		await feeder.feed([scan()]);
		expect(await store.audit({ organisation: "acme" })).toMatchObject({ clean: true, scans: 653, days: 0 });
	});

	storeTest(provide, "an audit is clean while scans are counted", async (store) => {
		const feeder = await Feeder.claim(store);
		let counting = true;
		const writer = (async () => {
			for (let batch = 0; batch < 60; batch++) await feeder.feed([scan({ visitor: `v${batch}` }), scan({ code: "b" })]);
			counting = false;
		})();
		while (counting) expect(await store.audit({ organisation: "acme" })).toMatchObject({ clean: true });
		await writer;
		expect(await store.audit({ organisation: "acme", month: "202603" })).toMatchObject({ clean: true, scans: 120 });
	});
}
