import { expect, test } from "vitest";
import type { Summary } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import { freePort } from "../../scripts/servers/ports.ts";
import { api } from "../harness/api.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { bounds, startCrowd } from "../harness/load.ts";
import { type Product, startProduct, until } from "../harness/product.ts";

const KEY = "a-key-for-the-tests-0001";
const KILLS = 20;
const RATE = 200;

test("20 SIGKILLs at 200 scans/s lose nothing that was acknowledged and count nothing twice", {
	timeout: 300_000,
}, async () => {
	const dataDir = await temporaryFolder();
	const port = await freePort();
	const start = () => startProduct({ dataDir, env: { PORT: String(port), SCANPULSE_ADMIN_KEY: KEY } });
	let product: Product = await start();
	const client = api(product.url, KEY);
	const codes = await Promise.all(
		[1, 2, 3].map((number) => client.post<Code>("/api/v1/codes", { url: `https://example.org/${number}` })),
	);
	const crowd = startCrowd({ url: product.url, key: KEY, slugs: codes.map(({ slug }) => slug), rate: RATE });
	for (let kill = 0; kill < KILLS; kill++) {
		const before = crowd.record.posted;
		// Killed somewhere in the middle of the traffic: after a different number of scans each time.
		await until(() => crowd.record.posted > before + 20 + ((kill * 37) % 100), {
			what: "scans to be acknowledged",
			timeoutMs: 20_000,
		});
		await product.kill();
		product = await start();
	}
	const record = await crowd.finish();
	const { least, most } = bounds(record);
	const from = "2020-01-01";
	const summary = await until(
		async () => {
			const answer = await client.get<Summary>(`/api/v1/analytics/summary?bots=true&from=${from}`);
			return answer.complete && answer;
		},
		{ what: "everything to be counted", timeoutMs: 20_000 },
	);
	expect(record.posted).toBeGreaterThan(1_000);
	expect(summary.scans).toBeGreaterThanOrEqual(least);
	expect(summary.scans).toBeLessThanOrEqual(most);
	await product.stop();
});
