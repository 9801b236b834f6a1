/*
 * "Administration": reports. What they say is what the API says of the same period, however hostile the names in it are.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Breakdown, Summary, TimeSeries } from "../../contracts/analytics.ts";
import type { Code, Page } from "../../contracts/code.ts";
import type { Report, ReportContent, ReportInput, ReportRun } from "../../contracts/report.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { until } from "../harness/product.ts";
import { problemOf, type Running, startRunning } from "./running.ts";

const REPORTS = "/api/v1/reports";
const HOSTILE = `=1+1 </title><script>alert("x")</script><img src=x onerror=alert(1)> & ]]> 'q'`;
const TZ = "America/New_York";

let running: Running;
let code: Code;
let other: Code;
/** Yesterday in the zone of the reports. */
let yesterday: Temporal.PlainDate;

beforeAll(async () => {
	running = await startRunning();
	[code, other] = await Promise.all([running.code({ name: HOSTILE }), running.code({ name: "Other" })]);
	yesterday = Temporal.Now.plainDateISO(TZ).subtract({ days: 1 });
	const at = (hour: number) => yesterday.toZonedDateTime({ timeZone: TZ }).add({ hours: hour }).toInstant().toString();
	const scans = Array.from({ length: 60 }, (_, n) => ({
		...{ code: n % 3 ? code.slug : other.slug, at: at(n % 24), visitor: `v${n % 7}`, country: n % 2 ? "DE" : "AT" },
		...{ city: n % 5 ? "<b>Bonn</b>" : "+Graz", placement: "wall" },
		...(n % 10 === 0 && { userAgent: "Googlebot/2.1 (+http://www.google.com/bot.html)" }),
	}));
	await running.admin.post("/api/v1/scans/batch", { scans });
	await running.counted({});
});

const create = (input: Partial<ReportInput>) =>
	running.admin.post<Report>(REPORTS, { name: "Report", period: "daily", timeZone: TZ, ...input });
const runsOf = (id: string, query = "") => running.admin.get<Page<ReportRun>>(`${REPORTS}/${id}/runs${query}`);
const firstRun = (id: string) =>
	until(async () => (await runsOf(id)).rows[0], { what: "the report to be made", timeoutMs: 60_000 });
const fileOf = (run: ReportRun, format: string) =>
	running.admin.request("GET", `${REPORTS}/${run.report}/runs/${run.id}/report.${format}`);

describe("a report of a day", () => {
	test("says in its JSON what the API says of that day in its zone", async () => {
		const { id } = await create({});
		const run = await firstRun(id);
		const content = (await (await fileOf(run, "json")).json()) as ReportContent;
		const day = `from=${yesterday}&to=${yesterday.add({ days: 1 })}&tz=${TZ}`;
		const summary = await running.admin.get<Summary>(`/api/v1/analytics/summary?${day}&compare=previous`);
		expect(summary.scans).toBe(54);
		const { scans, visitors, bots, previous, change } = summary;
		expect(content).toMatchObject({
			summary: { scans, visitors, bots, previous, change },
			...{ complete: true, from: summary.from, to: summary.to, tz: TZ },
			period: { id: String(yesterday), first: String(yesterday), last: String(yesterday) },
		});
		const series = await running.admin.get<TimeSeries>(`/api/v1/analytics/timeseries?${day}&interval=hour`);
		expect(content.timeseries).toEqual({ interval: "hour", points: series.points });
		for (const { by, ...rows } of content.breakdowns) {
			const answer = await running.admin.get<Breakdown>(`/api/v1/analytics/breakdown?${day}&by=${by}&limit=10`);
			expect({ by, ...rows }).toEqual({ by, rows: answer.rows, other: answer.other, total: answer.total });
		}
		expect(content.breakdowns.map(({ by }) => by)).toEqual(expect.arrayContaining(["code", "country", "city"]));
		expect(run).toEqual({
			...{ id: String(yesterday), report: id, from: summary.from, to: summary.to, tz: TZ, scans, visitors },
			...{ asOf: expect.any(String), complete: true, madeAt: expect.any(String), formats: ["html", "csv", "json"] },
		});
		expect(Date.parse(run.asOf)).toBeGreaterThanOrEqual(Date.parse(run.to));
	});

	test("of some codes is about them alone, also when one is deleted meanwhile", async () => {
		const gone = await running.code({ name: "Gone" });
		const { id, codes } = await create({ codes: [other.slug, gone.id], formats: ["json"] });
		expect(codes).toEqual([other.id, gone.id]);
		await running.admin.delete(`/api/v1/codes/${gone.id}`);
		const run = await firstRun(id);
		const content = (await (await fileOf(run, "json")).json()) as ReportContent;
		const day = `from=${yesterday}&to=${yesterday.add({ days: 1 })}&tz=${TZ}`;
		const summary = await running.admin.get<Summary>(`/api/v1/analytics/summary?${day}&code=${other.id}`);
		expect(content.summary).toMatchObject({ scans: summary.scans, visitors: summary.visitors, bots: summary.bots });
		expect(content.codes?.map(({ id: one }) => one)).toEqual([other.id, gone.id]);
		expect(run.formats).toEqual(["json"]);
		await problemOf(await fileOf(run, "html"), 404, "not_found");
	});

	test("is a page that runs nothing and loads nothing, whatever codes and places are called", async () => {
		const { id } = await create({ name: `Weekly "${HOSTILE}"` });
		const answer = await fileOf(await firstRun(id), "html");
		const page = await answer.text();
		expect(page).toContain("&lt;script&gt;alert(");
		expect(page).toContain("&lt;b&gt;Bonn&lt;/b&gt;");
		expect(page).not.toMatch(/<script|<img|<iframe|<object|<embed|<link|<base|<a\b|<image|<foreignObject|<b>/i);
		const tags = page.match(/<[a-z][^>]*>/gi) ?? [];
		for (const tag of tags) expect(tag).not.toMatch(/\s(on\w+|src|href|xlink:href|srcset|action)\s*=/i);
		expect(page.replaceAll("http://www.w3.org/", "")).not.toMatch(/url\(|@import|https?:\/\/(?!www\.google\.com\/bot)/);
		expect(page.match(/<svg\b/g)?.length).toBeGreaterThan(3);
		expect(page).toMatch(/<meta http-equiv="Content-Security-Policy" content="default-src 'none'/);
		expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
		expect(answer.headers.get("content-security-policy")).toMatch(/default-src 'none'.*sandbox/);
		expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
		const disposition = answer.headers.get("content-disposition") ?? "";
		expect(disposition).toMatch(
			/^attachment; filename="[A-Za-z0-9-]+-\d{4}-\d\d-\d\d\.html"; filename\*=UTF-8''[\w%.~-]+\.html$/,
		);
	});

	test("is a table that a spreadsheet computes nothing of", async () => {
		const { id } = await create({ formats: ["csv"] });
		const answer = await fileOf(await firstRun(id), "csv");
		const lines = (await answer.text()).split("\r\n");
		expect(lines[0]).toBe("period,section,value,name,scans,visitors,bots");
		expect(lines[1]).toMatch(new RegExp(`^${yesterday},summary,,,54,\\d+,6$`));
		expect(lines.filter((line) => line.includes(",hour,"))).toHaveLength(24);
		expect(lines.find((line) => line.includes(",city,'+Graz,"))).toBeDefined();
		expect(lines.find((line) => line.includes(`,"'=1+1 </title>`))).toBeDefined();
		expect(answer.headers.get("content-type")).toMatch(/^text\/csv/);
	});

	test("says of which values there were too many to be counted apart", async () => {
		const many = await running.code({ name: "Many" });
		const at = yesterday.toZonedDateTime({ timeZone: TZ }).add({ hours: 5 }).toInstant().toString();
		const scans = Array.from({ length: 400 }, (_, n) => ({ code: many.slug, at, city: `City ${n}`, country: "DE" }));
		await running.admin.post("/api/v1/scans/batch", { scans });
		await running.counted({ code: many.id });
		const { id } = await create({ codes: [many.slug], formats: ["json"] });
		const content = (await (await fileOf(await firstRun(id), "json")).json()) as ReportContent;
		const of = (by: string) => content.breakdowns.find((one) => one.by === by);
		expect(of("city")).toMatchObject({ total: 400, other: 390, capped: true });
		expect(of("country")).not.toHaveProperty("capped");
	});
});

test("reports are made once a period, whoever runs the job how often", async () => {
	const { id } = await create({ period: "monthly", timeZone: "Asia/Kathmandu" });
	const run = await firstRun(id);
	const month = Temporal.Now.plainDateISO("Asia/Kathmandu").toPlainYearMonth().subtract({ months: 1 });
	expect(run).toMatchObject({ id: String(month), tz: "Asia/Kathmandu" });
	for (let n = 0; n < 2; n++) {
		const { runId } = await running.admin.post<{ runId: string }>("/api/v1/jobs/generate_reports/run");
		const ended = async () => {
			const { rows } = await running.admin.get<Page<{ id: string; status: string }>>(
				"/api/v1/jobs/generate_reports/runs",
			);
			return rows.find((one) => one.id === runId && one.status === "succeeded");
		};
		await until(ended, { what: "the job to end", timeoutMs: 30_000 });
	}
	expect((await runsOf(id)).rows).toEqual([run]);
	expect((await runsOf(id, "?sort=from&page=2")).rows).toEqual([]);
});

test("reports are made once also when the process is killed while it makes them", async () => {
	const dataDir = await temporaryFolder();
	let mortal = await startRunning({ dataDir });
	const made = async (id: string) => (await mortal.admin.get<Page<ReportRun>>(`${REPORTS}/${id}/runs`)).rows;
	const ids: string[] = [];
	for (let n = 0; n < 12; n++)
		ids.push((await mortal.admin.post<Report>(REPORTS, { name: `Report ${n}`, period: "daily", timeZone: TZ })).id);
	await until(async () => (await made(ids[0] as string)).length > 0, { what: "a report", timeoutMs: 60_000 });
	const before = (await Promise.all(ids.map(made))).flat();
	await mortal.product.kill("SIGKILL");
	mortal = await startRunning({ dataDir });
	const all = () => Promise.all(ids.map(made));
	await until(async () => (await all()).every((runs) => runs.length > 0), { what: "all reports", timeoutMs: 60_000 });
	const after = (await all()).flat();
	expect(after.map(({ report, id }) => ({ report, id }))).toEqual(
		ids.map((report) => ({ report, id: String(yesterday) })),
	);
	// What was made before is what is there now.
	for (const run of before) expect(after).toContainEqual(run);
}, 120_000);

test("a report is created, read, listed, changed and deleted, each within its organisation", async () => {
	const answer = await running.admin.request("POST", REPORTS, { name: "Weeks", period: "weekly" });
	expect(answer.status).toBe(201);
	const made = (await answer.json()) as Report;
	expect(answer.headers.get("location")).toBe(`${REPORTS}/${made.id}`);
	expect(made).toEqual({
		...{ id: expect.any(String), name: "Weeks", period: "weekly", formats: ["html", "csv", "json"] },
		...{ createdAt: expect.any(String), updatedAt: expect.any(String) },
	});
	const at = `${REPORTS}/${made.id}`;
	expect(await running.admin.get(at)).toEqual(made);
	const patched = await running.admin.patch<Report>(at, {
		timeZone: TZ,
		codes: [code.slug],
		formats: ["json", "html"],
	});
	expect(patched).toMatchObject({ timeZone: TZ, codes: [code.id], formats: ["html", "json"], name: "Weeks" });
	const cleared = await running.admin.patch<Report>(at, { timeZone: null, codes: null, name: "AAA" });
	expect(Object.keys(cleared)).not.toEqual(expect.arrayContaining(["timeZone"]));
	expect(Object.keys(cleared)).not.toEqual(expect.arrayContaining(["codes"]));
	const { rows, total } = await running.admin.get<Page<Report>>(`${REPORTS}?sort=name&pageSize=1`);
	expect(rows.map(({ name }) => name)).toEqual(["AAA"]);
	expect(total).toBeGreaterThan(1);
	const run = await firstRun(made.id);
	await running.admin.delete(at);
	for (const path of [at, `${at}/runs`, `${at}/runs/${run.id}/report.html`])
		await problemOf(await running.admin.request("GET", path), 404, "not_found");
	await problemOf(await running.admin.request("DELETE", at), 404, "not_found");
	const { client } = await running.key(["analytics:read"]);
	expect((await client.get<Page<Report>>(REPORTS)).total).toBe(total - 1);
	await problemOf(await client.request("POST", REPORTS, { name: "x", period: "daily" }), 403, "forbidden");
});
