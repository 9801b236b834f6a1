/** Questions to the numbers over HTTP. */
import type { Breakdown, Interval, LastMinutes, Summary, TimeSeries } from "../../../contracts/analytics.ts";
import type { Dimension } from "../../../contracts/scan.ts";
import { request } from "./client.ts";

export interface Scope {
	/** One code; all when absent. */
	readonly code?: string;
	/** A date in the organisation's time zone; start of today when absent. */
	readonly from?: string;
	/** A date, not included; now when absent. */
	readonly to?: string;
}

export function fetchSummary(scope: Scope, signal?: AbortSignal): Promise<Summary> {
	return request("GET", "/analytics/summary", { query: { ...scope, compare: "previous" }, signal });
}

export function fetchTimeSeries(scope: Scope, interval: Interval, signal?: AbortSignal): Promise<TimeSeries> {
	return request("GET", "/analytics/timeseries", { query: { ...scope, interval }, signal });
}

export function fetchBreakdown(scope: Scope, by: Dimension, limit: number, signal?: AbortSignal): Promise<Breakdown> {
	return request("GET", "/analytics/breakdown", { query: { ...scope, by, limit }, signal });
}

export function fetchMinutes(scope: Pick<Scope, "code">, signal?: AbortSignal): Promise<LastMinutes> {
	return request("GET", "/analytics/minutes", { query: { ...scope }, signal });
}
