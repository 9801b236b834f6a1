/** Reports in the records' SQLite file. Synchronous: runs in the records' worker thread. */

import type { DatabaseSync } from "node:sqlite";
import type { Page } from "../../contracts/code.ts";
import { REPORT_FORMATS, type ReportFormat, type ReportRun } from "../../contracts/report.ts";
import type { MadeReport, Records } from "./records.ts";

/** What came with the second format. `began`: the period's first instant, epoch ms; a file that is not wanted is NULL. */
export const REPORTS_SCHEMA = `
	CREATE TABLE reports (
		organisation TEXT NOT NULL, report TEXT NOT NULL, period TEXT NOT NULL, began INTEGER NOT NULL, run TEXT NOT NULL,
		${REPORT_FORMATS.map((format) => `${format} BLOB`).join(", ")},
		PRIMARY KEY (organisation, report, period)
	) STRICT;
	CREATE INDEX reports_by_beginning ON reports (organisation, report, began, period);
`;

export function keepReport(database: DatabaseSync, { organisation, files, ...made }: MadeReport): boolean {
	const formats = REPORT_FORMATS.filter((format) => files[format]);
	const run: ReportRun = { ...made, madeAt: new Date().toISOString(), formats };
	const { changes } = database
		.prepare(
			`INSERT INTO reports VALUES (?, ?, ?, ?, ?, ${REPORT_FORMATS.map(() => "?").join(", ")}) ON CONFLICT DO NOTHING`,
		)
		.run(
			...[organisation, made.report, made.id, Date.parse(made.from), JSON.stringify(run)],
			...REPORT_FORMATS.map((format) => files[format] ?? null),
		);
	return Number(changes) === 1;
}

export function reportPeriods(database: DatabaseSync, organisation: string, report: string): string[] {
	const rows = database
		.prepare("SELECT period FROM reports WHERE organisation = ? AND report = ? ORDER BY began, period")
		.all(organisation, report) as { period: string }[];
	return rows.map(({ period }) => period);
}

export function reportRuns(
	database: DatabaseSync,
	{ organisation, report, oldestFirst = false }: Parameters<Records["reportRuns"]>[0],
	page: number,
	pageSize: number,
): Page<ReportRun> {
	const of = "FROM reports WHERE organisation = ? AND report = ?";
	const { total } = database.prepare(`SELECT count(*) AS total ${of}`).get(organisation, report) as { total: number };
	const direction = oldestFirst ? "ASC" : "DESC";
	const rows = database
		.prepare(`SELECT run ${of} ORDER BY began ${direction}, period ${direction} LIMIT ? OFFSET ?`)
		.all(organisation, report, pageSize, (page - 1) * pageSize) as { run: string }[];
	return { rows: rows.map(({ run }) => JSON.parse(run) as ReportRun), total, page, pageSize };
}

export function reportFile(
	database: DatabaseSync,
	{ organisation, report, id, format }: Parameters<Records["reportFile"]>[0],
): { run: ReportRun; content: Uint8Array } | null {
	const row = database
		.prepare(
			`SELECT run, ${columnOf(format)} AS content FROM reports WHERE organisation = ? AND report = ? AND period = ?`,
		)
		.get(organisation, report, id) as { run: string; content: Uint8Array | null } | undefined;
	return row?.content ? { run: JSON.parse(row.run) as ReportRun, content: row.content } : null;
}

export function reportFilesBeyond(
	database: DatabaseSync,
	...[organisation, report, keep]: Parameters<Records["reportFilesBeyond"]>
): string[] {
	const rows = database
		.prepare(
			`SELECT period FROM (
				SELECT * FROM reports WHERE organisation = ? AND report = ? ORDER BY began DESC, period DESC LIMIT -1 OFFSET ?
			) WHERE ${REPORT_FORMATS.map((format) => `${format} IS NOT NULL`).join(" OR ")}`,
		)
		.all(organisation, report, keep) as { period: string }[];
	return rows.map(({ period }) => period);
}

export function dropReportFiles(
	database: DatabaseSync,
	{ organisation, report, periods }: Parameters<Records["dropReportFiles"]>[0],
): void {
	const drop = database.prepare(
		`UPDATE reports SET ${REPORT_FORMATS.map((format) => `${format} = NULL`).join(", ")},
			run = json_set(run, '$.formats', json('[]'))
		WHERE organisation = ? AND report = ? AND period = ?`,
	);
	for (const period of periods) drop.run(organisation, report, period);
}

function columnOf(format: ReportFormat): string {
	const column = REPORT_FORMATS.find((known) => known === format);
	if (!column) throw new Error(`No format ${format}`);
	return column;
}
