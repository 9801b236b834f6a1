/**
 * The part of `cleanup_old_data` that reports have: of each, the files of periods long over go. What stays of such a period,
 * that it was reported and what was counted, is small, and keeps it from being made again.
 */

import { REPORT_FILES_KEPT } from "../../../platform/records/lifetimes.ts";
import type { Records } from "../../../platform/records/records.ts";
import { booleanParameter } from "../cleanup.ts";
import type { JobContext } from "../runner.ts";
import type { ReportShelf } from "./report-shelf.ts";

export interface PruneOptions {
	readonly records: Pick<Records, "reportFilesBeyond" | "dropReportFiles">;
	readonly shelf: Pick<ReportShelf, "all">;
}

/** Tells of how many periods the files went, or with `dryRun` would go. */
export async function pruneReports(
	{ records, shelf }: PruneOptions,
	{ params, lease, signal }: JobContext,
): Promise<number> {
	const dryRun = booleanParameter("dryRun", params.dryRun) ?? false;
	let pruned = 0;
	for await (const { organisation, id: report } of shelf.all()) {
		if (signal.aborted) break;
		const periods = await records.reportFilesBeyond(organisation, report, REPORT_FILES_KEPT);
		if (!dryRun && periods.length > 0) await records.dropReportFiles({ organisation, report, periods }, lease);
		pruned += periods.length;
	}
	return pruned;
}
