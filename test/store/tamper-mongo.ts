/** Changes documents of a scan store in MongoDB as no part of the product does. */

import type { Db, Document, Filter } from "mongodb";
import type { Packed } from "../../platform/store/packed.ts";
import { NOON } from "./scans.ts";
import type { Tampering } from "./suite/provided.ts";
import { isPackedTampering, type PackedTampering, placeOf, tamperWithPacked } from "./tamper-packed.ts";

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
	if (isPackedTampering(kind)) {
		const { kind: unit, name } = placeOf(kind);
		const closed = db.collection(`${unit}s`);
		const filter = { ...own, [unit === "day" ? "date" : "month"]: name };
		const found = await closed.findOne<{ packed: Packed; start: Date }>(filter, { promoteBuffers: true });
		if (!found) throw new Error(`There is nothing to tamper with: ${kind}`);
		const packed = tamperWithPacked(found.packed, found.start.getTime(), kind, by);
		await closed.updateOne(filter, { $set: { packed } });
		return;
	}
	const places: Record<
		Exclude<Tampering, "a raw scan" | PackedTampering>,
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
