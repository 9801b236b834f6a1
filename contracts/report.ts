/** Reports: what is made of each day, week or month of an organisation or of some of its codes, and kept. */

import type { AnswerFrame, Breakdown, SeriesPoint, Summary, TimeSeries } from "./analytics.ts";
import type { Dimension } from "./scan.ts";

export const REPORT_PERIODS = ["daily", "weekly", "monthly"] as const;
export type ReportPeriod = (typeof REPORT_PERIODS)[number];

export const REPORT_FORMATS = ["html", "csv", "json"] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** What is to be made, and of what. */
export interface Report {
	readonly id: string;
	readonly name: string;
	readonly period: ReportPeriod;
	/** Ids; all of the organisation's codes when absent. */
	readonly codes?: readonly string[];
	/** IANA; the organisation's when absent. */
	readonly timeZone?: string;
	readonly formats: readonly ReportFormat[];
	readonly createdAt: string;
	readonly updatedAt: string;
}

export interface ReportInput {
	readonly name: string;
	readonly period: ReportPeriod;
	/** Ids or slugs. */
	readonly codes?: readonly string[];
	readonly timeZone?: string;
	readonly formats?: readonly ReportFormat[];
}

/** Absent fields stay as they are; null clears. */
export interface ReportChanges extends Partial<Omit<ReportInput, "codes" | "timeZone">> {
	readonly codes?: readonly string[] | null;
	readonly timeZone?: string | null;
}

/** A report as it was made of one period. */
export interface ReportRun {
	/** The period: `2026-11-22`, `2026-W47`, `2026-11`. */
	readonly id: string;
	readonly report: string;
	/** ISO instants, `[from, to)`. */
	readonly from: string;
	readonly to: string;
	readonly tz: string;
	/** The instant at which its numbers were true. */
	readonly asOf: string;
	/** False: scans of the period were still on their way when it had waited long enough for them. */
	readonly complete: boolean;
	readonly scans: number;
	readonly visitors: number;
	readonly madeAt: string;
	/** None of a period that is so long over that its files are not kept any more. */
	readonly formats: readonly ReportFormat[];
}

/** One of its files, gzipped and in base64. */
export interface ReportFile {
	readonly name: string;
	readonly run: ReportRun;
	readonly content: string;
}

/** `capped`: some of the values that `other` holds were not told apart when they were counted. */
export type ReportBreakdown = Pick<Breakdown, "rows" | "other" | "total"> & {
	readonly by: Dimension;
	readonly capped?: true;
};

/** What a report says: its JSON file, and what the others are made of. */
export interface ReportContent extends Pick<AnswerFrame, "from" | "to" | "tz" | "asOf" | "complete"> {
	readonly report: Pick<Report, "id" | "name" | "period">;
	readonly organisation: string;
	/** The period's name, and its first and last local date. */
	readonly period: { readonly id: string; readonly first: string; readonly last: string };
	/** The codes it is about; all when absent. */
	readonly codes?: readonly { readonly id: string; readonly name?: string }[];
	readonly madeAt: string;
	readonly summary: Pick<Summary, "scans" | "visitors" | "bots" | "previous" | "change">;
	readonly timeseries: { readonly interval: TimeSeries["interval"]; readonly points: readonly SeriesPoint[] };
	readonly breakdowns: readonly ReportBreakdown[];
}
