/** Changes documents of a scan store in MongoDB as no part of the product does. */

import type { Db, Document, Filter } from "mongodb";
import { NOON } from "./scans.ts";
import type { Tampering } from "./suite/provided.ts";

const acme = { organisation: "acme" };
const poster = { ...acme, code: "poster" };
const own = { ...acme, code: "" };
const HOUR_AFTER_NOON = new Date(NOON + 3_600_000);
const day = { date: "2026-03-14" };
const month = { month: "2026-03" };

export async function tamperWithMongo(db: Db, kind: Tampering, by: 1 | -1): Promise<void> {
	if (kind === "a raw scan") {
		await db
			.collection("scans_202603")
			.updateOne({ ...poster, at: HOUR_AFTER_NOON }, [{ $set: { bot: { $not: "$bot" } } }]);
		return;
	}
	const places: Record<
		Exclude<Tampering, "a raw scan">,
		[collection: string, filter: Filter<Document>, field: string]
	> = {
		"a code's quarter": ["quarters", poster, "s"],
		"a value of a code's quarter": ["quarters", poster, "d.device.mobile.s"],
		"an organisation's quarter": ["quarters", own, "v"],
		"a code's total": ["totals", poster, "b"],
		"an organisation's total": ["totals", own, "s"],
		"a code's day": ["days", { ...poster, ...day }, "s"],
		"an organisation's day": ["days", { ...own, ...day }, "v"],
		"a value of an organisation's day": ["days", { ...own, ...day }, "d.country.DE.s"],
		"an hour of an organisation's day": ["days", { ...own, ...day }, "hours.12.s"],
		"a code's month": ["months", { ...poster, ...month }, "b"],
		"an organisation's month": ["months", { ...own, ...month }, "s"],
		"a value of a code's month": ["months", { ...poster, ...month }, "d.device.mobile.s"],
		"an hour of an organisation's month": ["months", { ...own, ...month }, "hours.132.s"],
		"a day of an organisation's month": ["months", { ...own, ...month }, "days.13.s"],
		"a code of an organisation's month": ["months", { ...own, ...month }, "codes.poster.s"],
		"a code of an organisation's day": ["days", { ...own, ...day }, "codes.poster.s"],
		"the ledger's stored scans": ["ledger", acme, "stored"],
		"the ledger's accepted scans": ["ledger", acme, "accepted"],
	};
	const [collection, filter, field] = places[kind];
	const { modifiedCount } = await db.collection(collection).updateOne(filter, { $inc: { [field]: by } });
	if (modifiedCount !== 1) throw new Error(`There is nothing to tamper with: ${kind}`);
}
