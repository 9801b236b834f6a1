/**
 * An export as a file: asked for page by page as fast as its reader takes it, so that a process never holds more than a
 * page, and from any node that answers. A page that cannot be had for a while ends the file, which is then cut.
 */

import { setTimeout as delay } from "node:timers/promises";
import { codeOf, ERROR_KINDS } from "../../contracts/errors.ts";
import type { ExportKind, ExportPage, ExportPlace, ExportRow } from "../../contracts/export.ts";
import { type CsvCell, csvLine } from "../../platform/csv.ts";

export const EXPORT_FORMATS = ["csv", "ndjson"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export const EXPORT_TYPES: Readonly<Record<ExportFormat, string>> = {
	csv: "text/csv; charset=utf-8; header=present",
	ndjson: "application/x-ndjson; charset=utf-8",
};

/** Columns of a CSV file, which are the fields of a row in NDJSON. */
const EXPORT_COLUMNS = {
	scans: [
		...["id", "code", "slug", "at", "country", "region", "city", "lat", "lon", "device", "os", "browser", "language"],
		...["referrer", "placement", "source", "utm_source", "utm_medium", "utm_campaign", "bot", "first", "visitor"],
	],
	timeseries: ["at", "scans", "visitors"],
	breakdown: ["value", "name", "scans", "visitors"],
} as const satisfies Readonly<Record<ExportKind["what"], readonly string[]>>;

export interface ExportFileOptions {
	readonly what: ExportKind["what"];
	readonly format: ExportFormat;
	readonly first: ExportPage;
	/** Asks for a page behind a place. */
	ask(after: ExportPlace): Promise<ExportPage>;
	/** Aborted when nobody reads any more. */
	readonly signal: AbortSignal;
	/** How long a page that cannot be had is asked for again, ms. @defaultValue 30000 */
	readonly patienceMs?: number;
}

const PATIENCE_MS = 30_000;
/** Between two attempts, ms. */
const PAUSE_MS = 500;

/** The file in pieces; the next one is made when it is asked for. @throws when a page cannot be had. */
export async function* exportFile(options: ExportFileOptions): AsyncGenerator<string> {
	const { what, format, first, signal } = options;
	const columns = EXPORT_COLUMNS[what];
	if (format === "csv") yield csvLine(columns);
	for (let page = first; ; page = await nextPage(options, page.next)) {
		if (page.rows.length > 0) yield page.rows.map((row) => line(row, format, columns)).join("");
		if (page.next === null || signal.aborted) return;
	}
}

function line(row: ExportRow, format: ExportFormat, columns: readonly string[]): string {
	if (format === "ndjson") return `${JSON.stringify(row)}\n`;
	const cells = row as unknown as Readonly<Record<string, CsvCell>>;
	return csvLine(columns.map((column) => cells[column]));
}

async function nextPage(options: ExportFileOptions, after: ExportPlace): Promise<ExportPage> {
	const { ask, signal, patienceMs = PATIENCE_MS } = options;
	const begun = performance.now();
	for (;;) {
		try {
			return await ask(after);
		} catch (error) {
			const code = codeOf(error);
			const lasting = code !== undefined && ERROR_KINDS[code].status < 500;
			if (lasting || signal.aborted || performance.now() - begun > patienceMs) throw error;
			await delay(PAUSE_MS, undefined, { signal });
		}
	}
}
