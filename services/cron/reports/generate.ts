/**
 * `generate_reports`: makes each report of every period that is over and was not made yet, however long nobody was there
 * to do it. What it keeps it keeps under the lease and once a period: a run that was cut off is simply repeated.
 */

import { codeOf } from "../../../contracts/errors.ts";
import type { ReportContent, ReportFormat } from "../../../contracts/report.ts";
import type { Records } from "../../../platform/records/records.ts";
import type { JobContext } from "../runner.ts";
import { type Period, periodsSince } from "./periods.ts";
import type { ReportShelf, StoredReport } from "./report-shelf.ts";

/** How long after its end a period waits for scans that are on their way, ms; then its report says that it is not whole. */
const PATIENCE_MS = 6 * 60 * 60_000;

export interface GenerateOptions {
	readonly records: Records;
	readonly shelf: Pick<ReportShelf, "all" | "has">;
	timeZoneOf(organisation: string): Promise<string>;
	/** What there is to say; undefined when scans of the period are on their way and are `awaited`. */
	read(report: StoredReport, period: Period, tz: string, awaited: boolean): Promise<ReportContent | undefined>;
	/** The files of a report, gzipped. */
	render(
		content: ReportContent,
		formats: readonly ReportFormat[],
	): Promise<Readonly<Partial<Record<ReportFormat, Uint8Array>>>>;
	/** Epoch ms. @defaultValue now */
	readonly now?: number;
}

export interface GenerateReport {
	/** Reports that are wanted. */
	readonly reports: number;
	readonly made: number;
	/** Periods that are over, of which scans are on their way yet. */
	readonly waiting: number;
}

/** @throws when a report could not be made; the others were. */
export async function generateReports(
	options: GenerateOptions,
	{ lease, signal }: Pick<JobContext, "lease" | "signal">,
): Promise<GenerateReport> {
	const { records, shelf, timeZoneOf, read, render, now = Date.now() } = options;
	let [reports, made, waiting] = [0, 0, 0];
	const failures: unknown[] = [];

	async function make(report: StoredReport): Promise<void> {
		const { organisation, id } = report;
		const tz = report.timeZone ?? (await timeZoneOf(organisation));
		const done = new Set(await records.reportPeriods(organisation, id));
		for (const period of periodsSince(Temporal.PlainDate.from(report.since), report.period, tz, now)) {
			if (signal.aborted) return;
			if (done.has(period.id)) continue;
			const awaited = now < period.end + PATIENCE_MS;
			const content = await read(report, period, tz, awaited);
			if (!content || (awaited && !content.complete)) {
				waiting++;
				continue;
			}
			const files = await render(content, report.formats);
			// Somebody may not want it any more.
			if (signal.aborted || !(await shelf.has(organisation, id))) return;
			const { from, to, asOf, complete } = content;
			const { scans, visitors } = content.summary;
			const kept = { id: period.id, report: id, organisation, from, to, tz, asOf, complete, scans, visitors, files };
			if (await records.keepReport(kept, lease)) made++;
		}
	}

	for await (const report of shelf.all()) {
		if (signal.aborted) break;
		reports++;
		// One that cannot be made holds up no other.
		await make(report).catch((error) => {
			// Of an organisation that is no more nobody wants one.
			if (codeOf(error) !== "not_found") failures.push(error);
		});
	}
	if (failures.length > 0 && !signal.aborted) {
		const [first] = failures;
		const reason = first instanceof Error ? first.message : String(first);
		throw new Error(`${failures.length} of ${reports} reports could not be made: ${reason}`, { cause: first });
	}
	return { reports, made, waiting };
}
