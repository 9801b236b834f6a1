/** A scan as clients send it: what is accepted of each field, and what becomes of it. */

import { z } from "zod";
import { SOURCES } from "../../contracts/scan.ts";
import { isCountry } from "../../platform/countries.ts";
import { canonicalAddress } from "./client-address.ts";
import type { RawScan } from "./enrich/enricher.ts";
import { primaryLanguage, referrerHost } from "./enrich/text.ts";
import { instant, latitude, longitude, text } from "./schemas.ts";

/** How far a client's clock may be ahead, ms. */
const AHEAD_MS = 5 * 60_000;
const DAY_MS = 86_400_000;

const ID = "1–128 of A-Z a-z 0-9 . _ : -";
const COUNTRY = "an ISO 3166-1 alpha-2 code such as DE";
const ADDRESS = "an IPv4 or IPv6 address";
const LANGUAGE = "a language tag such as en or en-GB";
const REFERRER = "the address or host of a page";

/** Longer than what is kept of a dimension: it is cut, as it is for redirects. */
const long = text(1_024, 0);

export const scanInput = z.strictObject({
	code: text(128).describe("slug or id of the code"),
	id: z
		.string(ID)
		.regex(/^[A-Za-z0-9._:-]{1,128}$/, ID)
		.optional()
		.describe("makes sending it again safe"),
	at: instant.optional().describe("now when absent; up to 5 minutes ahead and as old as raw scans are kept"),
	placement: long.optional(),
	source: z.enum(SOURCES).optional().describe("api when absent"),
	visitor: text(256).optional().describe("what the caller knows its visitor by; only a keyed hash is kept"),
	ip: z
		.string(ADDRESS)
		.refine((value) => canonicalAddress(value) !== undefined, ADDRESS)
		.optional()
		.describe("never stored"),
	userAgent: text(4_096, 0).optional(),
	referrer: z
		.string(REFERRER)
		.max(4_096, REFERRER)
		.refine((value) => value === "" || referrerHost(value) !== undefined, REFERRER)
		.optional(),
	language: z
		.string(LANGUAGE)
		.max(256, LANGUAGE)
		.refine((value) => primaryLanguage(value) !== undefined, LANGUAGE)
		.optional(),
	country: z.string(COUNTRY).refine(isCountry, COUNTRY).optional(),
	region: long.optional(),
	city: long.optional(),
	lat: latitude.optional(),
	lon: longitude.optional(),
	utm: z.strictObject({ source: long.optional(), medium: long.optional(), campaign: long.optional() }).optional(),
});

export type ScanInput = z.infer<typeof scanInput>;

/** What is wrong with a scan's time, or undefined. */
export function wrongTime(at: string | undefined, now: number, retentionDays: number): string | undefined {
	if (at === undefined) return undefined;
	const instantMs = Date.parse(at);
	if (instantMs > now + AHEAD_MS) return `expected an instant at most 5 minutes ahead, got ${JSON.stringify(at)}`;
	if (instantMs < now - retentionDays * DAY_MS) {
		return `expected an instant of the last ${retentionDays} days, got ${JSON.stringify(at)}`;
	}
	return undefined;
}

/** The scan for enrichment. Nothing is taken from the request that carried it. */
export function rawScan(input: ScanInput, now: number): RawScan {
	return {
		id: input.id,
		at: input.at === undefined ? now : Date.parse(input.at),
		source: input.source ?? "api",
		placement: input.placement,
		visitor: input.visitor,
		address: input.ip === undefined ? undefined : canonicalAddress(input.ip),
		userAgent: input.userAgent,
		referrer: input.referrer,
		language: input.language,
		country: input.country?.toUpperCase(),
		region: input.region,
		city: input.city,
		lat: input.lat,
		lon: input.lon,
		utm: input.utm,
	};
}
