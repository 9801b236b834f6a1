/** What others may ask of reports. Each acts within an organisation, which its caller has proven. */

import type { Service } from "moleculer";
import { CodedError } from "../../../contracts/errors.ts";
import { REPORT_FORMATS } from "../../../contracts/report.ts";
import type { ActionsOf } from "../../../platform/actors.ts";
import type { Records } from "../../../platform/records/records.ts";
import type { ReportShelf } from "./report-shelf.ts";

const id = "string|min:1|max:128";
const organisation = "string|min:1|max:128";
const page = "number|integer|min:1";
const pageSize = "number|integer|min:1|max:200";
const sort = "string|optional|max:64";

interface ReportActionsOptions {
	shelf(): ReportShelf;
	records(): Records;
	/** A report was made or changed: something may be due. */
	onWanted(): void;
}

type ReportAction = `${"create" | "get" | "update" | "remove"}Report` | "listReports" | "reportRuns" | "reportFile";

export function reportActions<This = Service>({
	shelf,
	records,
	onWanted,
}: ReportActionsOptions): Pick<ActionsOf<"cron", This>, ReportAction> {
	return {
		createReport: {
			params: { organisation, report: "object" },
			async handler({ params }) {
				const report = await shelf().create(params.organisation, params.report);
				onWanted();
				return report;
			},
		},
		getReport: {
			params: { organisation, id },
			handler: ({ params }) => shelf().get(params.organisation, params.id),
		},
		listReports: {
			params: { organisation, page, pageSize, sort },
			handler: ({ params }) => shelf().list(params.organisation, params.page, params.pageSize, params.sort),
		},
		updateReport: {
			params: { organisation, id, changes: "object" },
			async handler({ params }) {
				const report = await shelf().update(params.organisation, params.id, params.changes);
				onWanted();
				return report;
			},
		},
		removeReport: {
			params: { organisation, id },
			async handler({ params }) {
				const { organisation: of, id: report } = params;
				await shelf().get(of, report);
				// What was made goes first, so that a removal that was cut off can be repeated; then what was made meanwhile.
				await records().dropReports(of, report);
				await shelf().remove(of, report);
				await records().dropReports(of, report);
				return null;
			},
		},
		reportRuns: {
			params: { organisation, id, page, pageSize, sort },
			async handler({ params }) {
				await shelf().get(params.organisation, params.id);
				const of = { organisation: params.organisation, report: params.id, oldestFirst: params.sort === "from" };
				return records().reportRuns(of, params.page, params.pageSize);
			},
		},
		reportFile: {
			params: { organisation, id, run: "string|min:1|max:128", format: { type: "enum", values: [...REPORT_FORMATS] } },
			async handler({ params: { run, format, ...of } }) {
				const { name } = await shelf().get(of.organisation, of.id);
				const file = await records().reportFile({ organisation: of.organisation, report: of.id, id: run, format });
				if (!file) throw new CodedError("not_found", `There is no ${format} of ${JSON.stringify(run)}`);
				return { name, run: file.run, content: Buffer.from(file.content).toString("base64") };
			},
		},
	};
}
