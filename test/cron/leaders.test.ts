/**
 * One clock in a cluster, on real NATS and MongoDB: when the leader is killed or stands still, another takes over within
 * 15 s and goes on with what was begun; what the old one says late is refused.
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { JobName } from "../../contracts/job.ts";
import { openMongoRecords } from "../../platform/records/mongo-records.ts";
import type { Records } from "../../platform/records/records.ts";
import { startProcess } from "../../scripts/servers/process.ts";
import type { RunningServer } from "../../scripts/servers/start.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { type Product, startProduct, until } from "../harness/product.ts";
import { realServer } from "../harness/servers.ts";

const TAKEOVER_MS = 15_000;

let nats: RunningServer;
let mongo: RunningServer;
let databases = 0;

beforeAll(async () => {
	[nats, mongo] = await Promise.all([realServer("nats"), realServer("mongo")]);
});

/** A deployment's database, its records, and clocks on it. */
async function deployment() {
	const url = new URL(mongo.url);
	url.pathname = `/clock_${++databases}`;
	const records = await openMongoRecords({ url: url.href });
	atEndOfFile(() => records.close());
	const clock = () => startProduct({ env: { SERVICES: "cron", NATS_URL: nats.url, MONGO_URL: url.href } });
	return { url: url.href, records, clock };
}

function fenceOf(clock: Product): number {
	return Number([...clock.output().matchAll(/Leading the clock, fence (\d+)/g)].at(-1)?.[1] ?? 0);
}

const leads = (clock: Product, fence: number) =>
	until(() => fenceOf(clock) === fence, { what: `fence ${fence}`, timeoutMs: TAKEOVER_MS });

async function done(records: Records, job: JobName, id: string) {
	const find = async () => (await records.runs(job, 1, 50)).rows.find((run) => run.id === id);
	return until(async () => ((await find())?.status === "succeeded" ? find() : undefined), {
		what: `the run ${id}`,
		timeoutMs: TAKEOVER_MS,
	});
}

test("when the leading clock is killed another leads within 15 s, and a third after that one", async () => {
	const { records, clock } = await deployment();
	const first = await clock();
	await leads(first, 1);
	const second = await clock();
	await records.queueRun({ id: "one", job: "audit" });
	expect(await done(records, "audit", "one")).toMatchObject({ attempt: 1, result: { clean: true } });
	expect(fenceOf(second)).toBe(0);
	await first.kill();
	await leads(second, 2);
	await records.queueRun({ id: "two", job: "audit" });
	await done(records, "audit", "two");
	// A stop in order gives the lease back at once.
	const third = await clock();
	await second.stop();
	await leads(third, 3);
	expect((await records.runs("run_daily_aggregation", 1, 50)).total).toBeLessThanOrEqual(2);
});

test("a leading clock that was suspended is followed, and leads no more when it goes on", async () => {
	const { records, clock } = await deployment();
	const first = await clock();
	await leads(first, 1);
	await first.kill("SIGSTOP");
	const second = await clock();
	await leads(second, 2);
	await first.kill("SIGCONT");
	await records.queueRun({ id: "after", job: "cleanup_old_data" });
	await done(records, "cleanup_old_data", "after");
	expect(fenceOf(first)).toBe(1);
	await second.kill();
	await leads(first, 3);
});

test("what a leader that stood still says late is refused, and the next leader's result stays", async () => {
	const { url, records, clock } = await deployment();
	const thaw = join(await temporaryFolder(), "thaw");
	await records.queueRun({ id: "held", job: "audit" });
	const script = new URL("./standing-leader.ts", import.meta.url).pathname;
	const standing = startProcess({ command: process.execPath, args: [script, url, thaw] });
	atEndOfFile(() => standing.kill());
	const lines: string[] = [];
	standing.onLine((line) => lines.push(line));
	const says = (line: string) => until(() => lines.includes(line), { what: line, timeoutMs: TAKEOVER_MS });
	await says("standing still");
	await standing.kill("SIGSTOP");
	const next = await clock();
	await leads(next, 2);
	const run = await done(records, "audit", "held");
	expect(run).toMatchObject({ attempt: 2, result: { organisations: 0, clean: true } });
	await writeFile(thaw, "");
	await standing.kill("SIGCONT");
	await says("refused lease_lost");
	expect((await records.runs("audit", 1, 50)).rows.find(({ id }) => id === "held")).toEqual(run);
});
