/** Changes what is packed of organisation `acme` as no part of the product does. */

import type { Tally } from "../../platform/store/bucket.ts";
import { type Packed, pack, unpack } from "../../platform/store/packed.ts";
import { NOON } from "./scans.ts";
import type { Tampering } from "./suite/provided.ts";

export type PackedTampering = Extract<Tampering, `a packed ${string}`>;

export function isPackedTampering(kind: Tampering): kind is PackedTampering {
	return kind.startsWith("a packed ");
}

/** The day or month that it is about. */
export function placeOf(kind: PackedTampering): { readonly kind: "day" | "month"; readonly name: string } {
	return kind.endsWith("day") ? { kind: "day", name: "2026-03-14" } : { kind: "month", name: "2026-03" };
}

/** @param from as it was packed with */
export function tamperWithPacked(packed: Packed, from: number, kind: PackedTampering, by: 1 | -1): Packed {
	const all = unpack(packed, from);
	const places: Record<PackedTampering, Readonly<Tally> | undefined> = {
		"a packed value of an organisation's day": all.values[0]?.get("DE"),
		"a packed code of an organisation's month": all.codes?.get("poster"),
		"a packed quarter hour of an organisation's month": all.quarters?.get(NOON),
	};
	const tally = places[kind];
	if (!tally) throw new Error(`There is nothing to tamper with: ${kind}`);
	(tally as Tally).scans += by;
	return pack(all, from) as Packed;
}
