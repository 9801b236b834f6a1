/** A stored scan as feeds and exports show it. */

import type { ExportedScan, FeedScan, StoredScan } from "../../contracts/scan.ts";

export function toFeedScan(scan: StoredScan): FeedScan {
	const { id, code, slug, at, country, city, lat, lon, device, os, browser, placement, source, bot, first } = scan;
	return {
		id,
		code,
		slug,
		at: new Date(at).toISOString(),
		country,
		city,
		lat,
		lon,
		device,
		os,
		browser,
		placement,
		source,
		bot,
		first,
	};
}

export function toExportedScan(scan: StoredScan): ExportedScan {
	const { region, language, referrer, utm_source, utm_medium, utm_campaign, visitor } = scan;
	return { ...toFeedScan(scan), region, language, referrer, utm_source, utm_medium, utm_campaign, visitor };
}
