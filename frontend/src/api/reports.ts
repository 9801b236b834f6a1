/** Reports over HTTP. */
import type { Page } from "../../../contracts/code.ts";
import type { Report, ReportChanges, ReportFormat, ReportInput, ReportRun } from "../../../contracts/report.ts";
import { request } from "./client.ts";

/** As many as an organisation may have. */
const MOST_REPORTS = 200;

export function fetchReports(signal?: AbortSignal): Promise<Page<Report>> {
	return request("GET", "/reports", { query: { pageSize: MOST_REPORTS }, signal });
}

export function createReport(input: ReportInput): Promise<Report> {
	return request("POST", "/reports", { body: input });
}

export function changeReport(id: string, changes: ReportChanges): Promise<Report> {
	return request("PATCH", `/reports/${encodeURIComponent(id)}`, { body: changes });
}

export function deleteReport(id: string): Promise<void> {
	return request("DELETE", `/reports/${encodeURIComponent(id)}`);
}

/** The newest first. */
export function fetchReportRuns(id: string, pageSize: number, signal?: AbortSignal): Promise<Page<ReportRun>> {
	return request("GET", `/reports/${encodeURIComponent(id)}/runs`, { query: { pageSize }, signal });
}

export function reportAddress({ report, id }: ReportRun, format: ReportFormat): string {
	return `/api/v1/reports/${encodeURIComponent(report)}/runs/${encodeURIComponent(id)}/report.${format}`;
}
