import { beforeAll, describe, expect, test } from "vitest";
import type { Summary } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import { type Api, api } from "../harness/api.ts";
import { openBrowser } from "../harness/browser.ts";
import { startCrowd } from "../harness/load.ts";
import { type Product, startProduct, until } from "../harness/product.ts";
import { listen } from "./crowd-of-listeners.ts";
import { bestP99, decodeServedImage, measureLatency, percentile } from "./latency.ts";
import { openScreen, type Screen } from "./screen.ts";
import { sessionCookie } from "./session.ts";
import { openValve } from "./valve.ts";

const WHOLE_WITHIN_MS = 5_000;

describe("a scan on its way to a live screen, in one process", () => {
	let product: Product;
	let key: string;
	let cookie: string;
	let client: Api;
	let code: Code;
	let screen: Screen;
	const browser = openBrowser();

	const counted = async () =>
		(
			await client.get<Summary>(
				`/api/v1/analytics/summary?bots=false&from=${encodeURIComponent(new Date(Math.random() * 1e12).toISOString())}`,
			)
		).scans;

	beforeAll(async () => {
		product = await startProduct({ env: { RATE_LIMITS: "off" } });
		({ cookie, key } = await sessionCookie(product.url, product.signInUrl as string));
		client = api(product.url, key);
		code = await client.post<Code>("/api/v1/codes", { url: "https://example.org/", name: "Poster" });
		screen = await openScreen(await browser, product.url, { cookie });
	});

	test("the page shows the scan of a served QR image within 100 ms of the answer, median of 50", async () => {
		const address = await decodeServedImage(client, code.id);
		const latencies = await measureLatency(screen, address, 50);
		expect(percentile(latencies, 50)).toBeLessThan(100);
	});

	test("and at p99 with 200 other connections", { timeout: 120_000 }, async () => {
		await listen(product.url, key, 200);
		const address = await decodeServedImage(client, code.id);
		expect(await bestP99(screen, address, 200, 100)).toBeLessThan(100);
	});

	test("with the network cut under load the page keeps its number, says so, and is whole within 5 s of the return", async () => {
		const valve = await openValve(product.url);
		const remote = await openScreen(await browser, valve.url, { cookie });
		const crowd = startCrowd({ url: product.url, key, slugs: [code.slug], rate: 50 });
		const posted = crowd.record.posted;
		await until(() => crowd.record.posted > posted + 20, { what: "scans to arrive" });
		valve.cut();
		await until(async () => (await remote.state()) === "offline", {
			what: "the page to say that it is offline",
			timeoutMs: 15_000,
		});
		const kept = await remote.total();
		expect(kept).toBeGreaterThan(0);
		await until(() => remote.page.getByTestId("age").textContent(), { what: "the number's age to be shown" });
		await until(() => crowd.record.posted > posted + 100, { what: "more scans to arrive" });
		expect(await remote.total()).toBe(kept);
		await crowd.finish();
		const truth = await until(
			async () => {
				const answer = await client.get<Summary>("/api/v1/analytics/summary?from=2020-01-01");
				return answer.complete && answer.scans;
			},
			{ what: "everything to be counted" },
		);
		valve.mend();
		await until(async () => (await remote.total()) === truth && (await remote.state()) === "live", {
			what: `the page to show ${truth} and to be live`,
			timeoutMs: WHOLE_WITHIN_MS,
		});
		expect(await remote.states()).toContain("catching-up");
		expect(await counted()).toBe(truth);
		await until(async () => (await screen.total()) === truth, {
			what: "the page that stayed connected to show the same",
		});
	});
});
