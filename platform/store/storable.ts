/**
 * What a store can hold as a scan. Gateways check scans before they accept them; this is the last guard, so that a scan
 * that a faulty producer wrote becomes a dead letter by itself and never holds up the partition behind it.
 */

import { type AcceptedScan, BUCKET_DIMENSIONS } from "../../contracts/scan.ts";
import { monthOf } from "./utc-month.ts";

/** Instants from 1970 to 9999, whose dates have four digits of year. Epoch ms, `[first, end)`. */
const FIRST_INSTANT = 0;
const END_OF_INSTANTS = Date.UTC(10_000, 0);

const KEYS = ["id", "organisation", "code"] as const satisfies (keyof AcceptedScan)[];
const TEXTS = ["slug", "source", "device"] as const satisfies (keyof AcceptedScan)[];
const OPTIONAL_TEXTS = [...BUCKET_DIMENSIONS, "visitor"] as const satisfies (keyof AcceptedScan)[];
const OPTIONAL_NUMBERS = ["lat", "lon"] as const satisfies (keyof AcceptedScan)[];

/** Why a scan cannot be stored, or undefined when it can. @param closed months that take no more scans, `YYYYMM` */
export function whyNotStorable(scan: AcceptedScan, closed: ReadonlySet<string>): string | undefined {
	for (const field of KEYS) if (!isKey(scan[field])) return "invalid";
	for (const field of TEXTS) if (typeof scan[field] !== "string") return "invalid";
	for (const field of OPTIONAL_TEXTS) if (!isAbsentOr(scan[field], "string")) return "invalid";
	for (const field of OPTIONAL_NUMBERS) if (!isAbsentOr(scan[field], "number")) return "invalid";
	if (typeof scan.bot !== "boolean") return "invalid";
	if (!Number.isInteger(scan.at) || scan.at < FIRST_INSTANT || scan.at >= END_OF_INSTANTS) return "invalid";
	if (closed.size > 0 && closed.has(monthOf(scan.at))) return "too_old";
	return undefined;
}

/** Two keys that differ only in broken surrogates would be one in a store. */
function isKey(value: unknown): boolean {
	return typeof value === "string" && value !== "" && value.isWellFormed();
}

function isAbsentOr(value: unknown, type: "string" | "number"): boolean {
	return value === undefined || typeof value === type;
}
