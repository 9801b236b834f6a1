/** What a person takes out of the dashboard, in a real browser: an export of what is shown, and reports. */

import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import type { Summary } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import type { Report } from "../../contracts/report.ts";
import { type Api, api } from "../harness/api.ts";
import { openBrowser } from "../harness/browser.ts";
import { type Product, startProduct, until } from "../harness/product.ts";
import { openScreen } from "./screen.ts";
import { sessionCookie } from "./session.ts";

const SCANS = 5;
const NAME = `<img src=x onerror="document.title='run'"> & co`;

let product: Product;
let page: Page;
let client: Api;
let code: Code;

beforeAll(async () => {
	product = await startProduct({ env: { RATE_LIMITS: "off" } });
	const { cookie, key } = await sessionCookie(product.url, product.signInUrl as string);
	client = api(product.url, key);
	code = await client.post<Code>("/api/v1/codes", { url: "https://example.org/", name: NAME });
	const yesterday = new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000 - 3_600_000);
	const scans = Array.from({ length: SCANS }, (_, n) => ({
		code: code.slug,
		id: `s${n}`,
		at: yesterday.toISOString(),
	}));
	await client.post("/api/v1/scans/batch", { scans: [...scans, { code: code.slug, id: "today" }] });
	await until(
		async () => (await client.get<Summary>("/api/v1/analytics/summary?from=2020-01-01")).scans === SCANS + 1,
		{
			what: "the scans to be counted",
		},
	);
	({ page } = await openScreen(await openBrowser(), product.url, { cookie }));
});

/** The text of the file that a click downloads, and its name. */
async function downloaded(click: () => Promise<void>): Promise<{ name: string; text: string }> {
	const [download] = await Promise.all([page.waitForEvent("download"), click()]);
	return { name: download.suggestedFilename(), text: await readFile(await download.path(), "utf8") };
}

describe("the dashboard", () => {
	test("gives what a page shows as a file", async () => {
		await page.getByText("7 days", { exact: true }).click();
		await page.getByTestId("export").click();
		const every = await downloaded(() => page.getByTestId("download-export").click());
		expect(every.name).toMatch(/^scans-.*\.csv$/);
		expect(every.text.split("\r\n")).toHaveLength(SCANS + 1 + 2);

		await page.goto(`${product.url}/codes/${code.id}`);
		await page.getByText("7 days", { exact: true }).click();
		await page.getByTestId("export").click();
		await page.getByLabel("What").selectOption({ label: "Numbers by day" });
		await page.getByLabel("Format").selectOption("ndjson");
		const days = await downloaded(() => page.getByTestId("download-export").click());
		const points = days.text
			.trim()
			.split("\n")
			.map((line) => JSON.parse(line) as { scans: number });
		expect(points).toHaveLength(7);
		expect(points.slice(-2).map(({ scans }) => scans)).toEqual([SCANS, 1]);
	});

	test("has a report made, shows it when it is, gives its files, and deletes it", async () => {
		await page.getByRole("link", { name: "Reports" }).click();
		await page.getByTestId("new-report").click();
		await page.getByTestId("create-report").click();
		await page.getByTestId("field-error").waitFor();
		await page.getByLabel("Name").fill("Each day");
		await page.getByLabel("Made").selectOption("daily");
		await page.getByLabel("Of", { exact: false }).selectOption([code.id]);
		await page.getByTestId("create-report").click();
		const run = page.getByTestId("report-run");
		await run.waitFor({ timeout: 60_000 });
		expect(await run.textContent()).toContain(`${SCANS} scans`);
		const html = await downloaded(() => page.getByRole("link", { name: /as HTML$/ }).click());
		expect(html.name).toMatch(/^Each day \d{4}-\d\d-\d\d\.html$/);

		// Opened from the disk as its reader would, it runs nothing and asks for nothing.
		const reader = await page.context().newPage();
		const asked: string[] = [];
		reader.on("request", (request) => asked.push(request.url()));
		await reader.setContent(html.text);
		expect(await reader.title()).toMatch(/^Each day · /);
		expect(await reader.locator("svg").count()).toBeGreaterThan(1);
		expect(await reader.locator("img, script").count()).toBe(0);
		expect(await reader.getByText(NAME, { exact: true }).count()).toBeGreaterThan(0);
		expect(asked).toEqual([]);
		await reader.close();

		await page.getByRole("button", { name: "Edit report Each day" }).click();
		const form = page.getByTestId("edit-report-form");
		expect(await form.getByLabel("Made").inputValue()).toBe("daily");
		await form.getByLabel("Name").fill("");
		await form.getByTestId("save-report").click();
		await form.getByTestId("field-error").waitFor();
		await form.getByLabel("Name").fill("Each week");
		await form.getByLabel("Made").selectOption("weekly");
		await form.getByLabel("Of", { exact: false }).selectOption([]);
		await form.getByTestId("save-report").click();
		await page.getByText(/of all codes/).waitFor();
		const { rows } = await client.get<{ rows: Report[] }>("/api/v1/reports");
		expect(rows).toMatchObject([{ name: "Each week", period: "weekly" }]);
		expect(rows[0]).not.toHaveProperty("codes");

		await page.getByRole("button", { name: "Delete report Each week" }).click();
		await page.getByTestId("confirm").click();
		await page.getByText("No reports yet").waitFor();
	});

	test("has room for its pages on a small phone", async () => {
		await page.setViewportSize({ width: 360, height: 700 });
		for (const path of ["/", `/codes/${code.id}`, "/reports"]) {
			await page.goto(product.url + path);
			await page.locator("main .card").first().waitFor();
			expect({ path, wide: await page.evaluate("document.documentElement.scrollWidth") }).toEqual({ path, wide: 360 });
		}
	});
});
