/** Exports: what can be taken out as a file, and the pages in which the gateway asks for it. */

import type { AnswerFrame, BreakdownRow, Interval, SeriesPoint } from "./analytics.ts";
import type { Dimension, ExportedScan } from "./scan.ts";

export const EXPORTS = ["scans", "timeseries", "breakdown"] as const;

export type ExportKind =
	| { readonly what: "scans" }
	| { readonly what: "timeseries"; readonly interval: Interval }
	| { readonly what: "breakdown"; readonly by: Dimension; readonly limit: number };

/** The others of a breakdown are a row, too, of which the visitors are not told apart. */
export type ExportRow =
	| ExportedScan
	| SeriesPoint
	| (Omit<BreakdownRow, "visitors"> & Partial<Pick<BreakdownRow, "visitors">>);

/**
 * Where an export goes on. It holds what the question was resolved to, so that its pages are of one selection whatever is
 * renamed meanwhile and whoever answers. Times are epoch ms.
 */
export interface ExportPlace {
	/** Ids; all of the organisation when absent. */
	readonly codes?: readonly string[];
	readonly from: number;
	readonly to: number;
	readonly tz: string;
	/** Behind which row: the instant, and the scan's id. */
	readonly at: number;
	readonly id: string;
}

export interface ExportPage {
	readonly rows: readonly ExportRow[];
	/** Null when this is the last page. */
	readonly next: ExportPlace | null;
	/** Of the first page: what all of them are of. Later ones hold at least what was counted at its `asOf`. */
	readonly frame?: AnswerFrame;
}
