/** An export is made as fast as it is read, for as long as somebody reads, and is whole or cut. */

import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CodedError } from "../../contracts/errors.ts";
import type { ExportPage, ExportPlace } from "../../contracts/export.ts";
import type { ExportedScan } from "../../contracts/scan.ts";
import { csvLine } from "../../platform/csv.ts";
import { until } from "../../scripts/servers/until.ts";
import { exportFile } from "../../services/gateway/export-file.ts";
import { ADMIN_KEY, type RunningGateway, startGateway } from "./running-gateway.ts";

const ROWS = 500;
const PATH = "/api/v1/analytics/export?what=scans&format=csv";

let gateway: RunningGateway;
/** What the analytics actor answers, and the pages it was asked for. */
let answer: (page: number) => Promise<ExportPage>;
let asked: number[] = [];

const scanOf = (n: number): ExportedScan => ({
	...{ id: `scan-${n}`, code: "c", slug: "poster", at: "2026-11-23T08:00:00.000Z", device: "mobile", source: "qr" },
	...{ bot: false, first: false, utm_campaign: "x".repeat(100) },
});
const placeOf = (page: number): ExportPlace => ({ from: 0, to: 1, tz: "UTC", at: page, id: "" });
const range = { from: "2026-11-23T00:00:00.000Z", to: "2026-11-24T00:00:00.000Z" };
const frame = {
	...{ ...range, tz: "UTC", asOf: "2026-11-23T09:00:00.000Z", complete: true },
	coverage: { ...range, source: "raw" },
} as const;

/** A page of which there are `pages`. */
function pageOf(page: number, pages: number): ExportPage {
	const rows = Array.from({ length: ROWS }, (_, n) => scanOf(page * ROWS + n));
	return { rows, next: page + 1 < pages ? placeOf(page + 1) : null, ...(page === 0 && { frame }) };
}

beforeAll(async () => {
	gateway = await startGateway();
	gateway.broker.createService({
		name: "analytics",
		actions: {
			export: ({ params }: { params: { after?: ExportPlace } }) => {
				const page = params.after?.at ?? 0;
				asked.push(page);
				return answer(page);
			},
		},
	});
	await gateway.broker.waitForServices("analytics");
});
afterAll(() => gateway.stop());
beforeEach(() => {
	asked = [];
});

/** An answer whose body nobody reads yet. */
async function begin(): Promise<IncomingMessage> {
	const asking = request(gateway.url + PATH, { headers: { authorization: `Bearer ${ADMIN_KEY}` }, agent: false });
	// One that is cut says so to whoever reads it, too.
	asking.on("error", () => undefined);
	asking.end();
	const [response] = (await once(asking, "response")) as [IncomingMessage];
	return response;
}

describe("an export", () => {
	test("holds every row of every page once, below one line of headers", async () => {
		answer = async (page) => pageOf(page, 40);
		const response = await gateway.get(PATH, { authorization: `Bearer ${ADMIN_KEY}` });
		const lines = (await response.text()).split("\r\n");
		expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
		expect(response.headers.get("content-disposition")).toBe('attachment; filename="scans-2026-11-23.csv"');
		expect(response.headers.get("x-complete")).toBe("true");
		expect(lines).toHaveLength(40 * ROWS + 2);
		expect(lines[0]).toMatch(/^id,code,slug,at,country,/);
		expect(lines.slice(1, -1).map((line) => line.slice(0, line.indexOf(",")))).toEqual(
			Array.from({ length: 40 * ROWS }, (_, n) => `scan-${n}`),
		);
		expect(asked).toEqual(Array.from({ length: 40 }, (_, n) => n));
	});

	test("is not made faster than it is read", async () => {
		answer = async (page) => pageOf(page, 1_000);
		const response = await begin();
		// What lies between the two: buffers of sockets and a page.
		const settled = async () => {
			const before = asked.length;
			await new Promise((resolve) => setImmediate(resolve));
			await gateway.get("/health/live");
			return before > 1 && asked.length === before;
		};
		await until(settled, { what: "the export to wait for its reader", timeoutMs: 10_000 });
		expect(asked.length).toBeLessThan(200);
		let bytes = 0;
		for await (const piece of response) bytes += (piece as Buffer).length;
		expect(asked).toHaveLength(1_000);
		expect(bytes).toBeGreaterThan(1_000 * ROWS * 100);
	});

	test("ends with who asked for it: nothing more is read", async () => {
		answer = async (page) => pageOf(page, 3_000);
		const response = await begin();
		await until(() => asked.length > 1, { what: "pages" });
		response.destroy();
		await until(
			async () => {
				const before = asked.length;
				for (let n = 0; n < 20; n++) await gateway.get("/health/live");
				return asked.length === before;
			},
			{ what: "the export to end", timeoutMs: 10_000 },
		);
		expect(asked.length).toBeLessThan(3_000);
	});

	test("that cannot be finished is cut, not ended", async () => {
		answer = async (page) => {
			if (page < 3) return pageOf(page, 10);
			throw new CodedError("not_found", "gone");
		};
		const response = await begin();
		const read = async () => {
			for await (const _ of response);
		};
		await expect(read()).rejects.toThrow(/aborted|ECONNRESET/);
		expect(response.complete).toBe(false);
	});

	test("goes on after a page could not be had for a moment", async () => {
		let failures = 3;
		answer = async (page) => {
			if (page === 2 && failures-- > 0) throw new CodedError("unavailable", "away");
			return pageOf(page, 5);
		};
		const response = await gateway.get(PATH, { authorization: `Bearer ${ADMIN_KEY}` });
		expect((await response.text()).split("\r\n")).toHaveLength(5 * ROWS + 2);
	});

	test("that cannot begin is a problem", async () => {
		answer = () => Promise.reject(new CodedError("unavailable", "away"));
		const response = await gateway.get(PATH, { authorization: `Bearer ${ADMIN_KEY}` });
		expect(response.status).toBe(503);
		expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
	});

	test("is asked about by HEAD without being made", async () => {
		answer = async (page) => pageOf(page, 10);
		const response = await fetch(gateway.url + PATH, {
			method: "HEAD",
			headers: { authorization: `Bearer ${ADMIN_KEY}` },
		});
		expect(response.headers.get("x-as-of")).toBe(frame.asOf);
		expect(asked).toEqual([0]);
	});
});

test("a page is asked for again only for a while", async () => {
	const ask = () => Promise.reject(new CodedError("unavailable", "away"));
	const first = pageOf(0, 2);
	const { signal } = new AbortController();
	const file = exportFile({ what: "scans", format: "ndjson", first, ask, signal, patienceMs: 1 });
	expect(((await file.next()).value as string).split("\n")).toHaveLength(ROWS + 1);
	await expect(file.next()).rejects.toMatchObject({ type: "unavailable" });
});

test("text that a spreadsheet would compute is text, numbers stay numbers", () => {
	const cells = ["=1+1", "+1", "-1", "@a", "a=b", -1.5, undefined, false, 'say "x", y', "two\nlines", "'quoted", ""];
	expect(csvLine(cells)).toBe(`'=1+1,'+1,'-1,'@a,a=b,-1.5,,false,"say ""x"", y","two\nlines",'quoted,\r\n`);
	expect(csvLine(['=HYPERLINK("x")'])).toBe(`"'=HYPERLINK(""x"")"\r\n`);
});
