/** A report as one table: each number with what it is of. */

import type { ReportContent } from "../../../contracts/report.ts";
import { OTHER } from "../../../contracts/scan.ts";
import { csvLine } from "../../../platform/csv.ts";

const COLUMNS = ["period", "section", "value", "name", "scans", "visitors", "bots"];

export function reportTable({ period, summary, timeseries, breakdowns }: ReportContent): string {
	const { id } = period;
	const { previous } = summary;
	return [
		COLUMNS,
		[id, "summary", undefined, undefined, summary.scans, summary.visitors, summary.bots],
		...(previous ? [[id, "previous", undefined, undefined, previous.scans, previous.visitors, previous.bots]] : []),
		...timeseries.points.map(({ at, scans, visitors }) => [id, timeseries.interval, at, undefined, scans, visitors]),
		...breakdowns.flatMap(({ by, rows, other }) => [
			...rows.map(({ value, name, scans, visitors }) => [id, by, value, name, scans, visitors]),
			...(other > 0 ? [[id, by, OTHER, undefined, other]] : []),
		]),
	]
		.map((cells) => csvLine(COLUMNS.map((_, column) => cells[column])))
		.join("");
}
