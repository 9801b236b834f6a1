/**
 * A log that is not any more what was read of it: restored from an older copy, or lost and made anew. What came into it
 * since is counted, and nothing of what was counted before is counted again.
 */

import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readConfig } from "../../platform/config.ts";
import type { EventLog } from "../../platform/log/event-log.ts";
import { openJetStreamLog } from "../../platform/log/jetstream-log.ts";
import { openEventLog } from "../../platform/log/open.ts";
import { type RunningServer, startNats } from "../../scripts/servers/start.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { until } from "../harness/product.ts";
import { realServer } from "../harness/servers.ts";
import { Producer } from "../store/scans.ts";
import { appendScans, expectCountedOnce, startCounting } from "./counting.ts";

/** One log, its files, and a store of its own. */
interface LogPlace {
	/** Names the store. */
	readonly env: Readonly<Record<string, string>>;
	/** Opens the log; it is closed when the test file ends, if not before. */
	open(): Promise<EventLog>;
	/** Does something to the log's files; no process of the log's own uses them meanwhile. */
	change(work: (folder: string) => Promise<void>): Promise<void>;
}

const lose = async (folder: string) => {
	await rm(folder, { recursive: true });
	await mkdir(folder);
};
const keepIn = (copy: string) => (folder: string) => cp(folder, copy, { recursive: true });
const restoreFrom = (copy: string) => async (folder: string) => {
	await lose(folder);
	await cp(copy, folder, { recursive: true });
};

async function inFiles(): Promise<LogPlace> {
	const [folder, store] = [await temporaryFolder(), await temporaryFolder()];
	return {
		env: { DATA_DIR: store },
		open: () => closedAtEnd(openEventLog(readConfig({ DATA_DIR: folder }))),
		change: (work) => work(folder),
	};
}

let mongo: RunningServer;
let databases = 0;

async function inJetStream(): Promise<LogPlace> {
	const folder = join(await temporaryFolder(), "nats");
	const nats = await startNats({ dir: folder });
	atEndOfFile(() => nats.kill());
	const url = new URL(mongo.url);
	url.pathname = `/rewound_${++databases}`;
	return {
		env: { MONGO_URL: url.href },
		open: () => closedAtEnd(openJetStreamLog({ servers: nats.url, requestTimeoutMs: 10_000, openTimeoutMs: 10_000 })),
		async change(work) {
			await nats.stop();
			await work(folder);
			await nats.restart();
		},
	};
}

async function closedAtEnd(opening: Promise<EventLog>): Promise<EventLog> {
	const log = await opening;
	atEndOfFile(() => log.close());
	return log;
}

/** Appends what a gateway sends, waits until it is counted, and stops. */
async function countOnce(place: LogPlace, gateway: Producer, ids: readonly string[]): Promise<string> {
	const log = await place.open();
	await appendScans(log, gateway, ids);
	const { actor, store } = await startCounting(log, place.env);
	const end = Math.max(...(await log.ends()).map(({ position }) => position));
	await until(async () => (await store.partitions())[0]?.position === end, { what: `position ${end} to be applied` });
	const epoch = await store.epoch();
	await actor.stop();
	await log.close();
	return epoch;
}

const DAMAGED = Buffer.from("no message of any release");

beforeAll(async () => {
	mongo = await realServer("mongo");
});

describe.each([
	["files, counted into SQLite", inFiles],
	["JetStream, counted into MongoDB", inJetStream],
])("a log in %s", (_, newPlace) => {
	test("that was restored from an older copy is read from its first message, other messages standing there", async () => {
		const place = await newPlace();
		const copy = join(await temporaryFolder(), "copy");
		const gateway = new Producer("gateway");
		await countOnce(place, gateway, ["1", "2"]);
		await place.change(keepIn(copy));
		const epoch = await countOnce(place, gateway, ["3", "4"]);
		await place.change(restoreFrom(copy));

		const log = await place.open();
		await appendScans(log, new Producer("another"), ["new 3", "new 4", "new 5"]);
		const { counted, store } = await startCounting(log, place.env);
		await counted("new 5");
		await expectCountedOnce(store, 7);
		// Positions begin anew, so what screens hold cannot be compared with them.
		expect(await store.epoch()).not.toBe(epoch);
	});

	test("that was restored and ends before what was counted is read from its first message", async () => {
		const place = await newPlace();
		const copy = join(await temporaryFolder(), "copy");
		const gateway = new Producer("gateway");
		await countOnce(place, gateway, ["1", "2"]);
		await place.change(keepIn(copy));
		await countOnce(place, gateway, ["3", "4"]);
		await place.change(restoreFrom(copy));

		const log = await place.open();
		const another = new Producer("another");
		await appendScans(log, another, ["new 3"]);
		const { actor, counted, store } = await startCounting(log, place.env);
		await until(() => actor.told("scans.position").length > 0, { what: "an owner" });
		await appendScans(log, another, ["new 4", "new 5"]);
		await counted("new 5");
		await expectCountedOnce(store, 7);
	});

	test("that was lost and made anew is read from its first message", async () => {
		const place = await newPlace();
		await countOnce(place, new Producer("gateway"), ["1", "2"]);
		await place.change(lose);

		const log = await place.open();
		await appendScans(log, new Producer("another"), ["new 1", "new 2", "new 3"]);
		const { counted, store } = await startCounting(log, place.env);
		await counted("new 3");
		await expectCountedOnce(store, 5);
	});

	test("that was made anew is told from the old one, also where both have a message that nobody can read", async () => {
		const place = await newPlace();
		const gateway = new Producer("gateway");
		await countOnce(place, gateway, ["1"]);
		const old = await place.open();
		await old.append(0, DAMAGED);
		await old.close();
		await countOnce(place, gateway, []);
		await place.change(lose);

		const log = await place.open();
		const another = new Producer("another");
		await appendScans(log, another, ["new 1"]);
		await log.append(0, DAMAGED);
		await appendScans(log, another, ["new 3"]);
		const { counted, store } = await startCounting(log, place.env);
		await counted("new 3");
		await expectCountedOnce(store, 3);
	});
});

test("JetStream that comes back with an older copy while it is read is read from its first message", async () => {
	const place = await inJetStream();
	const copy = join(await temporaryFolder(), "copy");
	const gateway = new Producer("gateway");
	await countOnce(place, gateway, ["1", "2"]);
	await place.change(keepIn(copy));
	const log = await place.open();
	const { counted, store } = await startCounting(log, place.env);
	await appendScans(log, gateway, ["3", "4"]);
	await counted("4");
	await place.change(restoreFrom(copy));
	await until(() => log.ends(), { what: "the log to be back" });
	await appendScans(log, new Producer("another"), ["new 3", "new 4", "new 5"]);
	await counted("new 5");
	await expectCountedOnce(store, 7);
});
