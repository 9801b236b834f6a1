/*
 * "Analytics": exports, held against the slow count and against what the other questions answer.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Breakdown, TimeSeries } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import type { ExportedScan } from "../../contracts/scan.ts";
import { openSqliteStore } from "../../platform/store/sqlite-store.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { until } from "../harness/product.ts";
import { scan } from "../store/scans.ts";
import { Feeder } from "../store/suite/feeder.ts";
import { type Counted, INTERVALS } from "./counting.ts";
import { BREAKDOWN, DAY_MS, type ManyScans, queryOf, SERIES, startWithManyScans, ZONES } from "./many-scans.ts";
import { each, problemOf, type Running, startRunning } from "./running.ts";

const EXPORT = "/api/v1/analytics/export";

let running: Running;
let codes: readonly Code[];
let scans: readonly Counted[];
let questions: ManyScans["questions"];

beforeAll(async () => {
	({ running, codes, scans, questions } = await startWithManyScans());
});

async function exported(query: string): Promise<{ headers: Headers; text: string }> {
	const response = await running.admin.request("GET", `${EXPORT}?${query}`);
	const text = await response.text();
	expect({ query, status: response.status, text: response.ok ? "" : text }).toEqual({ query, status: 200, text: "" });
	return { headers: response.headers, text };
}

async function rowsOf<T>(query: string): Promise<T[]> {
	const { text } = await exported(`${query}&format=ndjson`);
	expect(text === "" || text.endsWith("\n")).toBe(true);
	return text
		.split("\n")
		.filter(Boolean)
		.map((line) => JSON.parse(line) as T);
}

/** Reads CSV as RFC 4180 says. */
function cellsOf(csv: string): string[][] {
	const rows: string[][] = [[]];
	for (const [, quoted, plain, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
		(rows.at(-1) as string[]).push(quoted?.replaceAll('""', '"') ?? plain ?? "");
		if (end === "\r\n") rows.push([]);
	}
	expect(rows.pop()).toEqual([]);
	return rows;
}

describe("an export of scans", () => {
	test("has each scan of the question once, in the order of time and id, and no other", async () => {
		await each(questions(60, 390, 11), async (question) => {
			const rows = await rowsOf<ExportedScan>(`what=scans&${queryOf(question)}`);
			const expected = scans.filter(
				({ at, bot, code, values }) =>
					at >= question.from &&
					at < question.to &&
					(question.bots || !bot) &&
					(!question.codes || question.codes.includes(code)) &&
					Object.entries(question.filters ?? {}).every(([dimension, allowed]) =>
						allowed.includes(dimension === "code" ? code : (values[dimension] ?? "(none)")),
					),
			);
			const told = (of: { code: string; at: number; bot: boolean; first: boolean; country?: string }) =>
				JSON.stringify([of.at, of.code, of.bot, of.first, of.country]);
			expect(rows.map((row) => told({ ...row, at: Date.parse(row.at) })).toSorted()).toEqual(
				expected.map((one) => told({ ...one, country: one.values.country })).toSorted(),
			);
			const order = rows.map(({ at, id }) => `${at} ${id}`);
			expect(order).toEqual(order.toSorted());
			expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
		});
	});

	test("says in CSV what it says in NDJSON, with the columns of a feed scan and the raw fields", async () => {
		const query = `what=scans&bots=true&from=${new Date(Date.now() - 30 * DAY_MS).toISOString()}&to=2099-01-01`;
		const rows = await rowsOf<Record<string, unknown>>(query);
		const { text, headers } = await exported(query);
		const [columns = [], ...lines] = cellsOf(text);
		expect(columns).toEqual([
			...["id", "code", "slug", "at", "country", "region", "city", "lat", "lon", "device", "os", "browser", "language"],
			...["referrer", "placement", "source", "utm_source", "utm_medium", "utm_campaign", "bot", "first", "visitor"],
		]);
		expect(rows.length).toBeGreaterThan(500);
		// Hashes of visitors may begin with a minus, too.
		const cellOf = (value: unknown) =>
			typeof value === "string" ? value.replace(/^(?=[=+@-])/, "'") : String(value ?? "");
		expect(lines).toEqual(rows.map((row) => columns.map((column) => cellOf(row[column]))));
		for (const row of rows) expect(columns).toEqual(expect.arrayContaining(Object.keys(row)));
		expect(headers.get("content-type")).toMatch(/^text\/csv\b/);
		expect(headers.get("content-disposition")).toMatch(
			/^attachment; filename="scans-\d{4}-\d\d-\d\d-to-2098-12-31\.csv"$/,
		);
		expect(headers.get("x-complete")).toBe("true");
		expect(Date.parse(headers.get("x-as-of") ?? "")).toBeGreaterThan(Date.now() - 60_000);
		expect(headers.get("x-coverage")).toMatch(/; source=raw$/);
		expect(headers.get("x-cache")).toBe("miss");
		expect(headers.get("server-timing")).toMatch(/dur=/);
	});

	test("defuses in CSV what a spreadsheet would compute", async () => {
		const code = await running.code();
		const hostile = ["=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(A1)", 'a,"b"', "plain"];
		for (const [n, city] of hostile.entries())
			await running.admin.post("/api/v1/scans", { code: code.slug, id: `hostile-${n}`, city, lat: -33.5, lon: 151 });
		await running.counted({ code: code.id });
		const query = `what=scans&code=${code.id}`;
		await until(async () => (await rowsOf(query)).length === hostile.length, { what: "the scans" });
		const [columns = [], ...lines] = cellsOf((await exported(query)).text);
		const cities = lines.map((line) => line[columns.indexOf("city")]);
		expect(cities.toSorted()).toEqual(
			["'=cmd|' /C calc'!A0", "'+1", "'-1+1", "'@SUM(A1)", 'a,"b"', "plain"].toSorted(),
		);
		expect(new Set(lines.map((line) => line[columns.indexOf("lat")]))).toEqual(new Set(["-33.5"]));
		expect((await rowsOf<ExportedScan>(query)).map(({ city }) => city).toSorted()).toEqual(hostile.toSorted());
	});

	test("of nothing is a line of headers, and nothing in NDJSON", async () => {
		const query = "what=scans&from=2020-01-01&to=2020-01-02";
		expect(cellsOf((await exported(query)).text)).toHaveLength(1);
		expect((await exported(`${query}&format=ndjson`)).text).toBe("");
	});
});

describe("an export of a series", () => {
	test.each(INTERVALS)("by %s is the points of the series, however many they are", async (interval) => {
		const longest = { quarter: 30, hour: 120, day: 300, week: 380, month: 390 }[interval];
		await each(
			questions(12, longest, 21).map((question, n) => ({ question, tz: ZONES[n % ZONES.length] as string })),
			async ({ question, tz }) => {
				const query = queryOf(question, { interval, tz });
				const { points } = await running.admin.get<TimeSeries>(`${SERIES}?${query}`);
				expect({ query, rows: await rowsOf(`what=timeseries&${query}`) }).toEqual({ query, rows: points });
			},
		);
	});

	test("may be longer than an answer may be, but not endless", async () => {
		const year = "from=2025-01-01&to=2026-01-01&interval=quarter&tz=Europe/Berlin";
		await running.admin.refused("GET", `${SERIES}?${year}`);
		expect(await rowsOf(`what=timeseries&${year}`)).toHaveLength(365 * 96);
		const endless = await running.admin.request("GET", `${EXPORT}?what=timeseries&interval=quarter&from=1900-01-01`);
		await problemOf(endless, 422, "too_broad");
	});
});

describe("an export of a breakdown", () => {
	test("is the rows and what is left out, which add up to the total", async () => {
		await each(questions(20, 390, 31), async (question) => {
			for (const by of ["country", "placement", "code", "utm_campaign"]) {
				const query = queryOf(question, { by, limit: "2" });
				const { rows, other } = await running.admin.get<Breakdown>(`${BREAKDOWN}?${query}`);
				const found = await rowsOf<{ value: string; scans: number }>(`what=breakdown&${query}`);
				expect(found).toEqual([...rows, ...(other > 0 ? [{ value: "(other)", scans: other }] : [])]);
			}
		});
		const [columns, ...lines] = cellsOf((await exported("what=breakdown&by=code&from=2020-01-01")).text);
		expect(columns).toEqual(["value", "name", "scans", "visitors"]);
		expect(lines.map(([value]) => value)).toEqual(expect.arrayContaining(codes.map(({ id }) => id)));
	});

	test("needs a dimension", async () => {
		const problem = await problemOf(await running.admin.request("GET", `${EXPORT}?what=breakdown`), 422, "invalid");
		expect(problem.errors?.map(({ path }) => path)).toEqual(["by"]);
	});
});

test("an export of an unknown code is 404, before anything is sent", async () => {
	await problemOf(await running.admin.request("GET", `${EXPORT}?what=scans&code=nobody`), 404, "not_found");
});

test("a process whose heap could not hold an export makes it for a slow reader", async () => {
	const SCANS = 120_000;
	const dataDir = await temporaryFolder();
	const store = await openSqliteStore({ file: `${dataDir}/store.db` });
	const feeder = await Feeder.claim(store);
	const begun = Date.now() - 90 * DAY_MS;
	for (let n = 0; n < SCANS; n += 4_000) {
		const some = Array.from({ length: 4_000 }, (_, index) => {
			const at = begun + (n + index) * 30_000;
			return scan({ organisation: "default", at, country: "DE", city: `City ${index}`, utm_campaign: "c".repeat(80) });
		});
		await feeder.feed(some);
	}
	await store.close();
	// What the product takes by itself, and a little: all scans are some 100 MB as objects, and 33 MB as text.
	const small = await startRunning({ dataDir, env: { NODE_OPTIONS: "--max-old-space-size=64" } });
	const { body } = await small.admin.request("GET", `${EXPORT}?format=ndjson&from=${new Date(begun).toISOString()}`);
	let lines = 0;
	let pieces = 0;
	for await (const piece of body as ReadableStream<Uint8Array>) {
		for (const byte of piece) if (byte === 10) lines++;
		// The reader does something else in between.
		if (++pieces % 20 === 0) await small.admin.get("/health/live");
	}
	expect(lines).toBe(SCANS);
}, 120_000);
