import { expect, test } from "vitest";
import type { Summary } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import { until } from "../../scripts/servers/until.ts";
import { startStack } from "../../scripts/stack/start.ts";
import { api } from "../harness/api.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { bounds, startCrowd } from "../harness/load.ts";

const KEY = "a-key-for-the-tests-0002";
const RATE = 500;
const GOES_ON_WITHIN_MS = 5_000;

test("scans, a gateway and NATS killed under 500 scans/s: counting goes on within 5 s and ends exact", {
	timeout: 300_000,
}, async () => {
	const stack = await startStack({
		dir: await temporaryFolder(),
		port: 0,
		env: { SCANPULSE_ADMIN_KEY: KEY, RATE_LIMITS: "off" },
	});
	atEndOfFile(() => stack.close());
	const client = api(stack.url, KEY);
	const codes = await Promise.all(
		[1, 2, 3, 4, 5, 6, 7, 8].map((number) =>
			client.post<Code>("/api/v1/codes", { url: `https://example.org/${number}` }),
		),
	);
	let asked = 0;
	/** Each question is another one, so that no answer comes from a cache. */
	const counted = () =>
		client.get<Summary>(
			`/api/v1/analytics/summary?bots=true&from=${new Date(Date.UTC(2020, 0, 1) + asked++).toISOString()}`,
		);
	const crowd = startCrowd({ url: stack.url, key: KEY, slugs: codes.map(({ slug }) => slug), rate: RATE });
	await until(async () => (await counted()).scans > RATE, { what: "counting to begin", timeoutMs: 20_000 });

	for (const member of ["scans-1", "gateway-1", "nats"]) {
		await stack.kill(member);
		const accepted = crowd.record.posted + crowd.record.redirected;
		await until(async () => (await counted()).scans >= accepted, {
			what: `all that was acknowledged when ${member} was killed to be counted`,
			timeoutMs: GOES_ON_WITHIN_MS,
		});
		await until(async () => (await counted()).scans >= accepted + RATE, {
			what: `counting to go on after ${member} was killed`,
			timeoutMs: GOES_ON_WITHIN_MS,
		});
	}

	const { least, most } = bounds(await crowd.finish());
	const summary = await until(
		async () => {
			const answer = await counted();
			return answer.scans >= least && answer;
		},
		{ what: `at least ${least} scans to be counted`, timeoutMs: 20_000 },
	);
	expect(summary.scans).toBeLessThanOrEqual(most);
	await stack.close();
});
