/** Names of periods as people say them: `22 Nov 2026`, `Week 47, 2026`, `November 2026`. */
import type { ReportPeriod } from "../../../contracts/report.ts";

export const PERIOD_NAMES: Readonly<Record<ReportPeriod, string>> = {
	daily: "Every day",
	weekly: "Every week",
	monthly: "Every month",
};

const DAY = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", dateStyle: "medium" });
const MONTH = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", month: "long", year: "numeric" });

/** @param id of a run: `2026-11-22`, `2026-W47`, `2026-11` */
export function periodName(id: string): string {
	const week = /^(\d+)-W(\d+)$/.exec(id);
	if (week) return `Week ${Number(week[2])}, ${week[1]}`;
	return (id.length > 7 ? DAY : MONTH).format(new Date(`${id.length > 7 ? id : `${id}-01`}T00:00:00Z`));
}
