/** Where a file of what a screen shows is: its scans, its numbers over time, or by the values of a dimension. */
import type { Interval } from "../../../contracts/analytics.ts";
import type { Dimension } from "../../../contracts/scan.ts";
import type { Scope } from "../api/analytics.ts";

/** What a file holds. */
export type ExportChoice =
	| { readonly what: "scans" }
	| { readonly what: "timeseries"; readonly interval: Interval }
	| { readonly what: "breakdown"; readonly by: Dimension };

export const EXPORT_CHOICES: readonly { readonly name: string; readonly choice: ExportChoice }[] = [
	{ name: "Every scan", choice: { what: "scans" } },
	{ name: "Numbers by hour", choice: { what: "timeseries", interval: "hour" } },
	{ name: "Numbers by day", choice: { what: "timeseries", interval: "day" } },
	{ name: "Numbers by month", choice: { what: "timeseries", interval: "month" } },
	{ name: "Numbers by code", choice: { what: "breakdown", by: "code" } },
	{ name: "Numbers by placement", choice: { what: "breakdown", by: "placement" } },
	{ name: "Numbers by country", choice: { what: "breakdown", by: "country" } },
	{ name: "Numbers by city", choice: { what: "breakdown", by: "city" } },
	{ name: "Numbers by device", choice: { what: "breakdown", by: "device" } },
	{ name: "Numbers by referrer", choice: { what: "breakdown", by: "referrer" } },
];

export function exportAddress(
	scope: Scope,
	choice: ExportChoice,
	{ format, bots }: { readonly format: "csv" | "ndjson"; readonly bots: boolean },
): string {
	const query = new URLSearchParams({ ...choice, format });
	for (const [name, value] of Object.entries(scope)) if (value !== undefined) query.set(name, value);
	if (bots) query.set("bots", "true");
	return `/api/v1/analytics/export?${query}`;
}
