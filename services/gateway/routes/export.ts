/** The numbers, and the scans behind them, as files. */

import { z } from "zod";
import { type AnswerFrame, INTERVALS } from "../../../contracts/analytics.ts";
import { EXPORTS, type ExportKind } from "../../../contracts/export.ts";
import { DIMENSIONS, type Dimension } from "../../../contracts/scan.ts";
import { EXPORT_FORMATS, EXPORT_TYPES, type ExportFormat, exportFile } from "../export-file.ts";
import { type Route, route } from "../route.ts";
import { wholeParameter } from "../schemas.ts";
import { notValid } from "../validate.ts";
import { questionOf, questions } from "./analytics.ts";

const query = questions({
	what: z.enum(EXPORTS).default("scans"),
	format: z.enum(EXPORT_FORMATS).default("csv"),
	interval: z.enum(INTERVALS).default("day").describe("of a series"),
	by: z
		.enum(DIMENSIONS as readonly [Dimension, ...Dimension[]])
		.optional()
		.describe("of a breakdown, which needs it"),
	limit: wholeParameter(1, 300).default(300).describe("rows of a breakdown"),
});

function kindOf({ what, interval, by, limit }: z.output<typeof query>): ExportKind {
	if (what === "timeseries") return { what, interval };
	if (what === "scans") return { what };
	if (!by) throw notValid([{ path: "by", message: `expected one of ${DIMENSIONS.join(", ")}, got nothing` }]);
	return { what, by, limit };
}

/** What an answer says of itself, where a file has no place for it. */
function framing({ from, to, asOf, complete, coverage }: AnswerFrame): Record<string, string> {
	const capped = coverage.capped ? "; capped" : "";
	return {
		"X-Range": `${from}/${to}`,
		"X-As-Of": asOf,
		"X-Complete": String(complete),
		"X-Coverage": `${coverage.from}/${coverage.to}; source=${coverage.source}${capped}`,
	};
}

function fileName(what: string, { from, to, tz }: AnswerFrame, format: ExportFormat): string {
	const dateOf = (at: number) => Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(tz).toPlainDate();
	const first = dateOf(Date.parse(from));
	const last = dateOf(Math.max(Date.parse(from), Date.parse(to) - 1));
	return `${what}-${first}${first.equals(last) ? "" : `-to-${last}`}.${format}`;
}

export const exportRoutes: readonly Route[] = [
	route({
		method: "GET",
		path: "/api/v1/analytics/export",
		access: "analytics:read",
		summary: "Scans, a series or a breakdown as a file",
		description:
			"The file is made as it is read. One that cannot be finished is cut (the connection is reset), never ended as if it were whole. Scans come in the order of `at` and `id`, one row each, bots only with `bots=true`; `code` is the code's id. A breakdown ends with a row `(other)` of all that `limit` left out, so that rows add up to the total. CSV is RFC 4180 with a line of headers; text that begins with `= + - @` has a leading `'`; NDJSON leaves absent fields out. What other answers say of themselves is in headers: `X-Range` (`from/to`), `X-As-Of`, `X-Complete`, `X-Coverage`: every scan that was counted at `X-As-Of` is in the file; one that is counted while it is made may be. `compare` means nothing here.",
		success: { status: 200, description: "The file" },
		query,
		async respond({ call, organisation, query: asked }) {
			const begun = performance.now();
			const { what, format } = asked;
			const question = { organisation, query: questionOf(asked), kind: kindOf(asked) };
			const first = await call("analytics.export", question);
			const frame = first.frame as AnswerFrame;
			return {
				status: 200,
				headers: {
					"Content-Type": EXPORT_TYPES[format],
					"Content-Disposition": `attachment; filename="${fileName(what, frame, format)}"`,
					"X-Cache": "miss",
					"Server-Timing": `analytics;dur=${(performance.now() - begun).toFixed(1)}`,
					...framing(frame),
				},
				stream: (signal) =>
					exportFile({
						...{ what, format, first, signal },
						ask: (after) => call("analytics.export", { ...question, after }),
					}),
			};
		},
	}),
];
