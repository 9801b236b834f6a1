/** `audit`: every organisation's numbers recounted from its raw scans. What differs stands in the run's result. */

import type { AuditReport, ScanStore } from "../../platform/store/scan-store.ts";
import type { JobContext } from "./runner.ts";

export interface AuditResult {
	readonly organisations: number;
	readonly scans: number;
	readonly clean: boolean;
	/** Of organisations that are not clean. */
	readonly differing: readonly AuditReport[];
}

/** Reports of organisations that a result spells out. */
const MOST_REPORTS = 20;

/** @param onReport told of each organisation as it was audited */
export async function auditAll(
	store: ScanStore,
	{ signal }: Pick<JobContext, "signal">,
	onReport: (report: AuditReport) => void,
): Promise<AuditResult> {
	let scans = 0;
	let organisations = 0;
	const differing: AuditReport[] = [];
	for (const { organisation } of await store.organisations()) {
		if (signal.aborted) break;
		const report = await store.audit({ organisation });
		onReport(report);
		organisations++;
		scans += report.scans;
		if (!report.clean) differing.push(report);
	}
	return { organisations, scans, clean: differing.length === 0, differing: differing.slice(0, MOST_REPORTS) };
}
