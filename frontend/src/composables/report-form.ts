/** What the form of a report holds, and how that becomes what the API is told. */
import type { Report, ReportChanges, ReportInput, ReportPeriod } from "../../../contracts/report.ts";

export interface ReportFields {
	name: string;
	period: ReportPeriod;
	/** Ids; none means all codes. */
	codes: string[];
}

export function fieldsOf(report?: Report): ReportFields {
	return { name: report?.name ?? "", period: report?.period ?? "weekly", codes: [...(report?.codes ?? [])] };
}

export function inputOf({ name, period, codes }: ReportFields): ReportInput {
	return { name: name.trim(), period, ...(codes.length > 0 && { codes }) };
}

/** What differs from the report as it is; without codes it is of all of them. */
export function changesOf({ name, period, codes }: ReportFields, report: Report): ReportChanges {
	const before = new Set(report.codes);
	const same = codes.length === before.size && codes.every((code) => before.has(code));
	return {
		...(name.trim() !== report.name && { name: name.trim() }),
		...(period !== report.period && { period }),
		...(!same && { codes: codes.length > 0 ? codes : null }),
	};
}
