import { beforeAll, describe, expect, test } from "vitest";
import type { Summary } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import { type Stack, startStack } from "../../scripts/stack/start.ts";
import { type Api, api } from "../harness/api.ts";
import { openBrowser } from "../harness/browser.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { folderInMemory } from "../harness/folder.ts";
import { startCrowd } from "../harness/load.ts";
import { until } from "../harness/product.ts";
import { listen } from "./crowd-of-listeners.ts";
import { bestP99, decodeServedImage, measureLatency, percentile } from "./latency.ts";
import { openScreen, type Screen } from "./screen.ts";
import { sessionCookie } from "./session.ts";

const WHOLE_WITHIN_MS = 5_000;

describe("a scan on its way to a live screen, over all processes of the stack", () => {
	let stack: Stack;
	let key: string;
	let client: Api;
	let code: Code;
	/** The only one while latency is measured: a page is drawn by the processors that the stack has. */
	let screen: Screen;
	let session: Awaited<ReturnType<typeof sessionCookie>>;
	const browser = openBrowser();

	beforeAll(async () => {
		stack = await startStack({ dir: await folderInMemory(), env: { RATE_LIMITS: "off" } });
		atEndOfFile(() => stack.close());
		session = await sessionCookie(stack.url, stack.signInUrl() as string);
		key = session.key;
		client = api(stack.url, key);
		code = await client.post<Code>("/api/v1/codes", { url: "https://example.org/", name: "Poster" });
		screen = await openScreen(await browser, stack.url, session);
	});

	test("the page shows the scan of a served QR image within 100 ms of the answer, median of 50", async () => {
		const address = await decodeServedImage(client, code.id);
		const latencies = await measureLatency(screen, address, 50);
		expect(percentile(latencies, 50)).toBeLessThan(100);
	});

	test("and at p99 with 200 other connections", { timeout: 120_000 }, async () => {
		await listen(stack.env.REALTIME_URL, key, 200);
		const address = await decodeServedImage(client, code.id);
		expect(await bestP99(screen, address, 200, 100)).toBeLessThan(100);
	});

	test("with every realtime node killed under load each page is whole within 5 s of their return", async () => {
		const screens = [screen, await openScreen(await browser, stack.url, session)];
		const crowd = startCrowd({ url: stack.url, key, slugs: [code.slug], rate: 100 });
		const posted = crowd.record.posted;
		await until(() => crowd.record.posted > posted + 50, { what: "scans to arrive" });
		await Promise.all(["realtime-1", "realtime-2"].map((node) => stack.kill(node)));
		for (const each of screens) {
			await until(async () => (await each.state()) !== "live", {
				what: "the page to say that it is not live",
				timeoutMs: 15_000,
			});
		}
		await crowd.finish();
		const truth = await until(
			async () => {
				const answer = await client.get<Summary>("/api/v1/analytics/summary?from=2020-01-01");
				return answer.complete && answer.scans;
			},
			{ what: "everything to be counted" },
		);
		await Promise.all(["realtime-1", "realtime-2"].map((node) => stack.serves(node)));
		await until(
			async () => {
				const shown = await Promise.all(screens.map(async (each) => [await each.total(), await each.state()]));
				return shown.every(([total, state]) => total === truth && state === "live");
			},
			{ what: `every page to show ${truth} and to be live`, timeoutMs: WHOLE_WITHIN_MS },
		);
	});
});
