/** Reports: what is wanted, what was made of it, and the files. */

import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { z } from "zod";
import { REPORT_FORMATS, REPORT_PERIODS, type ReportFormat } from "../../../contracts/report.ts";
import { created, noContent, ok, type Route, route } from "../route.ts";
import { paging, text } from "../schemas.ts";

const MOST_CODES = 100;

const fields = {
	name: text(200),
	period: z.enum(REPORT_PERIODS),
	codes: z.array(text(128)).min(1).max(MOST_CODES),
	timeZone: text(64),
	formats: z.array(z.enum(REPORT_FORMATS)).min(1).max(REPORT_FORMATS.length),
};

const TYPES: Readonly<Record<ReportFormat, string>> = {
	html: "text/html; charset=utf-8",
	csv: "text/csv; charset=utf-8; header=present",
	json: "application/json; charset=utf-8",
};
/** A page of ours that holds what strangers wrote: it may look nice, and nothing else, wherever it is opened. */
const POLICY =
	"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

const unzipped = promisify(gunzip);

/** A name for any file system, with the report's own for those that take it. */
function disposition(name: string, run: string, format: ReportFormat): string {
	const plain = name.replace(/[^A-Za-z0-9-]+/g, "-").replace(/^-+|-+$/g, "") || "report";
	const own = encodeURIComponent(`${name.toWellFormed().replace(/[/\\:*?"<>|]/g, "-")} ${run}.${format}`).replace(
		/['()*]/g,
		(character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
	);
	return `attachment; filename="${plain}-${run}.${format}"; filename*=UTF-8''${own}`;
}

const file = (format: ReportFormat) =>
	route({
		method: "GET",
		path: `/api/v1/reports/:id/runs/:run/report.${format}`,
		access: "analytics:read",
		summary: `A report of a period as ${format.toUpperCase()}`,
		success: { status: 200, description: "The file, as it was made" },
		async respond({ call, organisation, params: { id = "", run = "" } }) {
			const made = await call("cron.reportFile", { organisation, id, run, format });
			return ok(await unzipped(Buffer.from(made.content, "base64")), {
				"Content-Type": TYPES[format],
				"Content-Disposition": disposition(made.name, made.run.id, format),
				"Content-Security-Policy": POLICY,
				"Last-Modified": new Date(made.run.madeAt).toUTCString(),
			});
		},
	});

export const reportRoutes: readonly Route[] = [
	route({
		method: "GET",
		path: "/api/v1/reports",
		access: "analytics:read",
		summary: "List reports",
		success: { status: 200, description: "A page of reports" },
		query: z.strictObject(paging(["createdAt", "name"], "-createdAt")),
		respond: async ({ call, organisation, query }) => ok(await call("cron.listReports", { organisation, ...query })),
	}),
	route({
		method: "POST",
		path: "/api/v1/reports",
		access: "admin",
		summary: "Have a report made of each day, week or month",
		description:
			"Of all codes, or of `codes` (ids or slugs), in `timeZone` (the organisation's when absent), as HTML, CSV and JSON unless `formats` says which. Weeks begin Monday. The first one is of the last period that is over, and is made at once. Each period is reported once, as soon as all scans of it are counted; when some are still on their way 6 hours after its end, the report is made and says so (`complete: false`). Of the newest 60 periods the files are kept; of earlier ones stays what was counted, with no `formats`.",
		success: { status: 201, description: "The report" },
		limit: "writes",
		body: z.strictObject({
			name: fields.name,
			period: fields.period,
			codes: fields.codes.optional(),
			timeZone: fields.timeZone.optional(),
			formats: fields.formats.optional(),
		}),
		async respond({ call, organisation, body }) {
			const made = await call("cron.createReport", { organisation, report: body });
			return created(`/api/v1/reports/${made.id}`, made);
		},
	}),
	route({
		method: "GET",
		path: "/api/v1/reports/:id",
		access: "analytics:read",
		summary: "Read a report",
		success: { status: 200, description: "What is made, not what was" },
		respond: async ({ call, organisation, params: { id = "" } }) =>
			ok(await call("cron.getReport", { organisation, id })),
	}),
	route({
		method: "PATCH",
		path: "/api/v1/reports/:id",
		access: "admin",
		summary: "Change a report",
		description:
			"Absent fields stay as they are; `null` clears `codes` (all) and `timeZone` (the organisation's). What was made stays as it is.",
		success: { status: 200, description: "The report" },
		limit: "writes",
		body: z.strictObject({
			name: fields.name.optional(),
			period: fields.period.optional(),
			codes: fields.codes.nullish(),
			timeZone: fields.timeZone.nullish(),
			formats: fields.formats.optional(),
		}),
		respond: async ({ call, organisation, params: { id = "" }, body }) =>
			ok(await call("cron.updateReport", { organisation, id, changes: body })),
	}),
	route({
		method: "DELETE",
		path: "/api/v1/reports/:id",
		access: "admin",
		summary: "Delete a report",
		description: "With all that was made of it.",
		success: { status: 204, description: "Deleted" },
		limit: "writes",
		async respond({ call, organisation, params: { id = "" } }) {
			await call("cron.removeReport", { organisation, id });
			return noContent;
		},
	}),
	route({
		method: "GET",
		path: "/api/v1/reports/:id/runs",
		access: "analytics:read",
		summary: "The periods of which a report was made",
		description: "A run's `id` is its period: `2026-11-22`, `2026-W47`, `2026-11`.",
		success: { status: 200, description: "A page of runs, newest period first" },
		query: z.strictObject(paging(["from"], "-from")),
		respond: async ({ call, organisation, params: { id = "" }, query }) =>
			ok(await call("cron.reportRuns", { organisation, id, ...query })),
	}),
	...REPORT_FORMATS.map(file),
];
