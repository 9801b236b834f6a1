/** Where a code led to and since when, on the page that shows how often it was scanned, in a real browser. */

import { expect, test } from "vitest";
import type { Code } from "../../contracts/code.ts";
import { api } from "../harness/api.ts";
import { openBrowser } from "../harness/browser.ts";
import { startProduct } from "../harness/product.ts";
import { openScreen } from "./screen.ts";
import { sessionCookie } from "./session.ts";

test("a code's chart says where its destination was changed, as soon as that is saved, in every range", async () => {
	const product = await startProduct({ env: { RATE_LIMITS: "off" } });
	const { cookie, key } = await sessionCookie(product.url, product.signInUrl as string);
	const code = await api(product.url, key).post<Code>("/api/v1/codes", { url: "https://example.org/" });
	const { page } = await openScreen(await openBrowser(), product.url, { cookie });
	await page.goto(`${product.url}/codes/${code.id}`);
	const chart = page.getByRole("figure").filter({ hasText: "in this range" });
	await chart.filter({ hasText: /in this range$/ }).waitFor({ state: "attached" });

	await page.getByRole("button", { name: "Edit" }).click();
	await page.getByLabel("Destination").fill("https://example.com/winter");
	await page.getByTestId("save-code").click();
	for (const range of ["Today", "7 days", "30 days", "12 months"]) {
		await page.getByRole("radiogroup", { name: "Range" }).getByText(range, { exact: true }).click();
		await chart.filter({ hasText: "the destination was changed once" }).waitFor({ state: "attached" });
	}

	const box = await chart.locator("canvas").boundingBox();
	if (!box) throw new Error("The chart is not drawn");
	await page.mouse.move(box.x + box.width - 20, box.y + box.height / 2);
	await page.getByText("Destination changed to https://example.com/winter").waitFor();
	expect(await page.getByText("Destination changed to").count()).toBe(1);
});
