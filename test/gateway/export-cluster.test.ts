/** Exports and reports where the actors are processes of their own: whoever can answers, and one that dies is not missed. */

import { beforeAll, expect, test } from "vitest";
import type { Code, Page } from "../../contracts/code.ts";
import type { Report, ReportRun } from "../../contracts/report.ts";
import type { ExportedScan } from "../../contracts/scan.ts";
import { type Api, api } from "../harness/api.ts";
import { type Product, startProduct, until } from "../harness/product.ts";
import { realServer } from "../harness/servers.ts";

const ADMIN_KEY = "the-key-of-a-cluster-0001";
const SCANS = 40_000;
const EXPORT = "/api/v1/analytics/export?what=scans&format=ndjson&from=2020-01-01";

let env: Record<string, string>;
let door: Api;
let counting: Product;

const start = (services: string) => startProduct({ env: { ...env, SERVICES: services } });

beforeAll(async () => {
	const [mongo, nats] = await Promise.all([realServer("mongo"), realServer("nats")]);
	env = {
		...{ MONGO_URL: mongo.url, NATS_URL: nats.url, SCANPULSE_ADMIN_KEY: ADMIN_KEY, RATE_LIMITS: "off" },
	};
	const [gateway, analytics] = await Promise.all([
		start("gateway,codes,accounts,cache"),
		start("analytics"),
		start("scans,cron"),
	]);
	door = api(gateway.url, ADMIN_KEY);
	counting = analytics;
	const { slug } = await door.post<Code>("/api/v1/codes", { url: "https://example.org/", name: "Poster" });
	const at = Date.now() - 26 * 3_600_000;
	for (let n = 0; n < SCANS; n += 1_000) {
		const scans = Array.from({ length: 1_000 }, (_, index) => ({
			...{ code: slug, id: `s${n + index}`, at: new Date(at - (n + index)).toISOString() },
			utm: { campaign: "ä".repeat(200) },
		}));
		await door.post("/api/v1/scans/batch", { scans });
	}
	const counted = async () => {
		const summary = await door.get<{ scans: number }>("/api/v1/analytics/summary?from=2020-01-01");
		return summary.scans === SCANS;
	};
	await until(counted, { what: "all scans to be counted", timeoutMs: 60_000 });
}, 180_000);

test("an export goes on when the process that read it is killed, as soon as there is another", async () => {
	const response = await door.request("GET", EXPORT);
	expect(response.headers.get("x-complete")).toMatch(/true|false/);
	const reader = (response.body as ReadableStream<Uint8Array>).getReader();
	const pieces = [(await reader.read()).value as Uint8Array];
	await counting.kill("SIGKILL");
	const another = start("analytics");
	for (let read = await reader.read(); !read.done; read = await reader.read()) pieces.push(read.value);
	await another;
	const lines = Buffer.concat(pieces).toString("utf8").trimEnd().split("\n");
	const ids = new Set(lines.map((line) => (JSON.parse(line) as ExportedScan).id));
	expect(lines).toHaveLength(SCANS);
	expect(ids.size).toBe(SCANS);
}, 60_000);

test("a report is made by another process than the one that gives it out", async () => {
	const { id } = await door.post<Report>("/api/v1/reports", { name: "Weeks", period: "daily" });
	const made = async () => (await door.get<Page<ReportRun>>(`/api/v1/reports/${id}/runs`)).rows[0];
	const run = await until(made, { what: "the report", timeoutMs: 60_000 });
	const page = await (await door.request("GET", `/api/v1/reports/${id}/runs/${run.id}/report.html`)).text();
	expect(page).toContain("<svg");
	expect(page).toContain("Weeks");
}, 90_000);
