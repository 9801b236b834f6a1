/** Reports in MongoDB: one document a report and period, its files in it. */

import { Binary, type ClientSession, type Collection } from "mongodb";
import type { Page } from "../../contracts/code.ts";
import { REPORT_FORMATS, type ReportFormat, type ReportRun } from "../../contracts/report.ts";
import { idOf } from "../store/mongo-keys.ts";
import type { MadeReport, Records } from "./records.ts";

export interface ReportDocument {
	/** Organisation, report and period: there is one of each. */
	readonly _id: string;
	readonly organisation: string;
	readonly report: string;
	readonly period: string;
	readonly from: Date;
	readonly to: Date;
	readonly tz: string;
	readonly asOf: Date;
	readonly complete: boolean;
	readonly scans: number;
	readonly visitors: number;
	readonly madeAt: Date;
	readonly files: Readonly<Partial<Record<ReportFormat, Binary>>>;
}

type Reports = Collection<ReportDocument>;

export async function keepReport(reports: Reports, made: MadeReport, session: ClientSession): Promise<boolean> {
	const { organisation, report, id: period, from, to, asOf, files, ...rest } = made;
	const binaries = Object.entries(files).map(([format, content]) => [format, new Binary(content)]);
	const document = {
		...{ organisation, report, period, ...rest, from: new Date(from), to: new Date(to), asOf: new Date(asOf) },
		files: Object.fromEntries(binaries) as ReportDocument["files"],
		madeAt: new Date(),
	};
	const kept = await reports.updateOne(
		{ _id: idOf(organisation, report, period) },
		{ $setOnInsert: document },
		{ session, upsert: true },
	);
	return kept.upsertedCount === 1;
}

export async function reportPeriods(reports: Reports, organisation: string, report: string): Promise<string[]> {
	const found = reports.find({ organisation, report }).sort({ from: 1, period: 1 }).project({ _id: 0, period: 1 });
	return (await found.toArray()).map(({ period }) => period as string);
}

export async function reportRuns(
	reports: Reports,
	{ organisation, report, oldestFirst = false }: Parameters<Records["reportRuns"]>[0],
	page: number,
	pageSize: number,
): Promise<Page<ReportRun>> {
	const direction = oldestFirst ? 1 : -1;
	const rows = await reports
		.aggregate<RunDocument>([
			{ $match: { organisation, report } },
			{ $sort: { from: direction, period: direction } },
			{ $skip: (page - 1) * pageSize },
			{ $limit: pageSize },
			{ $set: FORMATS_ALONE },
		])
		.toArray();
	const total = await reports.countDocuments({ organisation, report });
	return { rows: rows.map(toReportRun), total, page, pageSize };
}

export async function reportFile(
	reports: Reports,
	{ organisation, report, id, format }: Parameters<Records["reportFile"]>[0],
): ReturnType<Records["reportFile"]> {
	const [found] = await reports
		.aggregate<RunDocument & { readonly content?: Binary }>([
			{ $match: { _id: idOf(organisation, report, id) } },
			{ $set: { content: `$files.${format}`, ...FORMATS_ALONE } },
		])
		.toArray();
	return found?.content ? { run: toReportRun(found), content: found.content.value() } : null;
}

export async function reportFilesBeyond(
	reports: Reports,
	...[organisation, report, keep]: Parameters<Records["reportFilesBeyond"]>
): Promise<string[]> {
	const found = await reports
		.aggregate<{ readonly period: string }>([
			{ $match: { organisation, report } },
			{ $sort: { from: -1, period: -1 } },
			{ $skip: keep },
			{ $match: { files: { $ne: {} } } },
			{ $project: { _id: 0, period: 1 } },
		])
		.toArray();
	return found.map(({ period }) => period);
}

export async function dropReportFiles(
	reports: Reports,
	{ organisation, report, periods }: Parameters<Records["dropReportFiles"]>[0],
	session: ClientSession,
): Promise<void> {
	const ids = periods.map((period) => idOf(organisation, report, period));
	await reports.updateMany({ _id: { $in: ids } }, { $set: { files: {} } }, { session });
}

/** Which files there are, without what is in them. */
type RunDocument = Omit<ReportDocument, "files"> & { readonly files: readonly string[] };
const FORMATS_ALONE = {
	files: { $map: { input: { $objectToArray: "$files" }, in: "$$this.k" } },
};

function toReportRun({ report, period, from, to, asOf, madeAt, files, ...rest }: RunDocument): ReportRun {
	const { tz, complete, scans, visitors } = rest;
	return {
		...{ id: period, report, from: from.toISOString(), to: to.toISOString(), tz, asOf: asOf.toISOString() },
		...{ complete, scans, visitors, madeAt: madeAt.toISOString() },
		formats: REPORT_FORMATS.filter((format) => files.includes(format)),
	};
}
