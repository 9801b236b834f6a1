/** Reports are made of every period that is over, once, whatever happened meanwhile. Real records; the clock is given. */

import { join } from "node:path";
import { expect, test } from "vitest";
import { CodedError, codeOf } from "../../contracts/errors.ts";
import type { ReportContent } from "../../contracts/report.ts";
import type { Records } from "../../platform/records/records.ts";
import { openSqliteRecords } from "../../platform/records/sqlite-records.ts";
import { type GenerateOptions, generateReports } from "../../services/cron/reports/generate.ts";
import type { Period } from "../../services/cron/reports/periods.ts";
import { pruneReports } from "../../services/cron/reports/prune.ts";
import type { StoredReport } from "../../services/cron/reports/report-shelf.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";

const NOW = Date.parse("2026-11-23T12:00:00Z");
const { signal } = new AbortController();

const daily: StoredReport = {
	...{ id: "r1", organisation: "acme", name: "Days", sortName: "days", period: "daily", formats: ["json"] },
	...{ createdAt: "2026-11-18T09:00:00Z", updatedAt: "2026-11-18T09:00:00Z", since: "2026-11-17" },
};
const weekly: StoredReport = { ...daily, id: "r2", period: "weekly", since: "2026-11-02" };

async function records(): Promise<Records> {
	const opened = await openSqliteRecords({ file: join(await temporaryFolder(), "records.db") });
	atEndOfFile(() => opened.close());
	return opened;
}

function contentOf(report: StoredReport, { id, first, next, start, end }: Period, tz: string): ReportContent {
	const [from, to] = [new Date(start).toISOString(), new Date(end).toISOString()];
	return {
		...{ report, organisation: report.organisation, from, to, tz, asOf: to, complete: true, madeAt: to },
		period: { id, first: first.toString(), last: next.toString() },
		...{ summary: { scans: 1, visitors: 1, bots: 0 }, timeseries: { interval: "day", points: [] }, breakdowns: [] },
	};
}

/** The job's surroundings; `rendered` are the periods whose files were made. */
async function surroundings(reports: readonly StoredReport[], kept?: Records) {
	const rendered: string[] = [];
	const options: GenerateOptions = {
		records: kept ?? (await records()),
		shelf: {
			async *all() {
				yield* reports;
			},
			has: async () => true,
		},
		timeZoneOf: async () => "Europe/Berlin",
		read: async (report, period, tz) => contentOf(report, period, tz),
		async render({ report, period }) {
			rendered.push(`${report.id} ${period.id}`);
			return { json: new Uint8Array([1]) };
		},
		now: NOW,
	};
	const lease = await options.records.acquire("cron", `leader-${Math.random()}`, 100);
	return { options, rendered, lease: lease! };
}

const DAYS = ["2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"];

test("all periods that nobody was there to report are reported, and none of them twice", async () => {
	const { options, rendered, lease } = await surroundings([daily, weekly]);
	expect(await generateReports(options, { lease, signal })).toEqual({ reports: 2, made: 9, waiting: 0 });
	expect(rendered).toEqual([
		...DAYS.map((day) => `r1 ${day}`),
		...["2026-W45", "2026-W46", "2026-W47"].map((week) => `r2 ${week}`),
	]);
	expect(await options.records.reportPeriods("acme", "r1")).toEqual(DAYS);
	expect(await generateReports(options, { lease, signal })).toEqual({ reports: 2, made: 0, waiting: 0 });
	expect(rendered).toHaveLength(9);
	const { rows } = await options.records.reportRuns({ organisation: "acme", report: "r1" }, 1, 1);
	expect(rows).toMatchObject([{ id: "2026-11-22", from: "2026-11-21T23:00:00.000Z", tz: "Europe/Berlin" }]);
});

test("a run that was cut off is gone on with: what it made stays, the period in its hands is made once", async () => {
	const first = await surroundings([daily]);
	const crash = new AbortController();
	const render = first.options.render;
	const cut = {
		...first.options,
		async render(...of: Parameters<typeof render>) {
			if (of[0].period.id === "2026-11-20") crash.abort();
			return render(...of);
		},
	};
	await generateReports(cut, { lease: first.lease, signal: crash.signal });
	expect(await first.options.records.reportPeriods("acme", "r1")).toEqual(DAYS.slice(0, 3));
	expect(await generateReports(first.options, { lease: first.lease, signal })).toMatchObject({ made: 3 });
	expect(await first.options.records.reportPeriods("acme", "r1")).toEqual(DAYS);
});

test("a leader that stood still while another made its report is refused, and two at once make one", async () => {
	const { options, lease: old } = await surroundings([daily]);
	const { records: kept } = options;
	await kept.release(old);
	const lease = (await kept.acquire("cron", "next", 60_000))!;
	const late = await generateReports(options, { lease: old, signal }).catch((error: unknown) => error);
	expect(codeOf((late as Error).cause)).toBe("lease_lost");
	const results = await Promise.all([1, 2].map(() => generateReports(options, { lease, signal })));
	expect(results[0]!.made + results[1]!.made).toBe(DAYS.length);
	expect(await kept.reportPeriods("acme", "r1")).toEqual(DAYS);
});

test("a period waits for scans on their way, but not for ever: then its report says that it is not whole", async () => {
	const { options, lease } = await surroundings([daily]);
	const partly: GenerateOptions = {
		...options,
		read: async (...of) => ({ ...contentOf(of[0], of[1], of[2]), complete: of[1].id < "2026-11-21" }),
		// Six hours after the end of 2026-11-21 in Berlin, and six hours and 59 minutes before those of 2026-11-22 are over.
		now: Date.parse("2026-11-22T23:00:00Z"),
	};
	expect(await generateReports(partly, { lease, signal })).toEqual({ reports: 1, made: 5, waiting: 1 });
	const { rows } = await options.records.reportRuns({ organisation: "acme", report: "r1" }, 1, 10);
	expect(rows.map(({ id, complete }) => [id, complete]).slice(0, 2)).toEqual([
		["2026-11-21", false],
		["2026-11-20", true],
	]);
	expect(await generateReports(options, { lease, signal })).toMatchObject({ made: 1, waiting: 0 });
});

test("a report that cannot be made holds up no other, and the run fails so that it is tried again", async () => {
	const { options, lease } = await surroundings([{ ...daily, id: "broken" }, daily]);
	const broken: GenerateOptions = {
		...options,
		async read(...of) {
			if (of[0].id === "broken") throw new Error("away");
			return contentOf(of[0], of[1], of[2]);
		},
	};
	await expect(generateReports(broken, { lease, signal })).rejects.toThrow("1 of 2 reports could not be made: away");
	expect(await options.records.reportPeriods("acme", "r1")).toEqual(DAYS);
	expect(await generateReports(options, { lease, signal })).toMatchObject({ made: DAYS.length });
});

test("a report of an organisation that is no more is not made, and no failure", async () => {
	const { options, lease } = await surroundings([{ ...daily, organisation: "gone" }, daily]);
	const timeZoneOf = async (organisation: string) => {
		if (organisation === "gone") throw new CodedError("not_found", "gone");
		return "UTC";
	};
	expect(await generateReports({ ...options, timeZoneOf }, { lease, signal })).toMatchObject({ made: DAYS.length });
});

test("files of the newest 60 periods are kept, and an earlier one is not made again", async () => {
	const { options, rendered, lease } = await surroundings([{ ...daily, since: "2026-09-01" }, weekly]);
	const { made } = await generateReports(options, { lease, signal });
	// All of September and October, and November up to the 22nd; three weeks.
	expect(made).toBe(30 + 31 + 22 + 3);
	const prune = (params: object) => pruneReports(options, { params: { ...params }, lease, signal });
	const withFiles = async () => {
		const { rows } = await options.records.reportRuns({ organisation: "acme", report: "r1" }, 1, 200);
		return rows.filter(({ formats }) => formats.length > 0).map(({ id }) => id);
	};
	expect(await prune({ dryRun: true })).toBe(23);
	expect(await withFiles()).toHaveLength(83);
	expect(await prune({})).toBe(23);
	const kept = await withFiles();
	expect([kept.length, kept[0], kept.at(-1)]).toEqual([60, "2026-11-22", "2026-09-24"]);
	expect(await prune({})).toBe(0);
	rendered.length = 0;
	expect(await generateReports(options, { lease, signal })).toMatchObject({ made: 0 });
	expect(rendered).toEqual([]);
});
