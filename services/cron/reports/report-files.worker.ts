/** A thread that makes the files of reports: drawing takes long enough to hold up a redirect. */

import { gzipSync } from "node:zlib";
import type { ReportContent, ReportFormat } from "../../../contracts/report.ts";
import { serveWorker } from "../../../platform/worker-rpc.ts";
import { reportTable } from "./report-csv.ts";
import { reportPage } from "./report-html.ts";

const RENDERERS: Readonly<Record<ReportFormat, (content: ReportContent) => string>> = {
	html: reportPage,
	csv: reportTable,
	json: (content) => `${JSON.stringify(content, null, "\t")}\n`,
};

const methods = {
	render({ content, formats }: { content: ReportContent; formats: readonly ReportFormat[] }) {
		const files = formats.map((format) => [format, new Uint8Array(gzipSync(RENDERERS[format](content)))]);
		return Object.fromEntries(files) as Partial<Record<ReportFormat, Uint8Array>>;
	},
};

export type ReportFileMethods = typeof methods;

serveWorker(methods);
