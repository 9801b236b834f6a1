/**
 * A rolling upgrade in which gateways write what readers do not know yet: whoever cannot read a message leaves it, and
 * all that follows it, to an upgraded reader. Nothing is lost, and what can be read is counted meanwhile.
 */

import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { readConfig } from "../../platform/config.ts";
import type { EventLog, LogMessage } from "../../platform/log/event-log.ts";
import { encodeMessage, type ScanMessage } from "../../platform/log/message.ts";
import { openEventLog } from "../../platform/log/open.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { until } from "../harness/product.ts";
import { realServer } from "../harness/servers.ts";
import { Producer, scan } from "../store/scans.ts";
import { appendScans, expectCountedOnce, startCounting } from "./counting.ts";

const NEWER = 2;
const HEADER_BYTES = 5;

/** A message as a release to come may write it: the header that all share, and a body of its own. */
function encodeNewer(message: ScanMessage): Uint8Array {
	const body = Buffer.from(Buffer.from(JSON.stringify(message)).toString("base64"));
	const header = Buffer.alloc(HEADER_BYTES);
	header[0] = NEWER;
	header.writeUInt32BE(crc32(body, crc32(Uint8Array.of(NEWER))), 1);
	return Buffer.concat([header, body]);
}

/** The log as the reader of that release understands it. */
function readByNewer(log: EventLog): EventLog {
	const understood = ({ partition, position, data }: LogMessage): LogMessage => {
		if (data[0] !== NEWER) return { partition, position, data };
		const body = Buffer.from(Buffer.from(data.subarray(HEADER_BYTES)).toString(), "base64");
		return { partition, position, data: encodeMessage(JSON.parse(body.toString())) };
	};
	return {
		id: log.id,
		partitions: log.partitions,
		append: (partition, data) => log.append(partition, data),
		async *read(partition, after, options) {
			for await (const messages of log.read(partition, after, options)) yield messages.map(understood);
		},
		at: async (partition, position) => {
			const message = await log.at(partition, position);
			return message && understood(message);
		},
		ends: () => log.ends(),
		trim: (upTo) => log.trim(upTo),
		close: () => log.close(),
	};
}

/** Two partitions, of which the first has a newer message between others. */
async function upgradedLog() {
	const log = await openEventLog(readConfig({ DATA_DIR: await temporaryFolder(), PARTITIONS: "2" }));
	atEndOfFile(() => log.close());
	const gateways = [new Producer("gateway-0"), new Producer("gateway-1")] as const;
	await appendScans(log, gateways[0], ["before"]);
	await log.append(0, encodeNewer(gateways[0].message([scan({ id: "newer" })])));
	await appendScans(log, gateways[0], ["after"]);
	const elsewhere = (id: string) => log.append(1, encodeMessage(gateways[1].message([scan({ id })])));
	await elsewhere("elsewhere 1");
	return { log, elsewhere };
}

/** The message that old readers do not know stands at the second position. */
async function isBeforeNewer(store: ScanStore): Promise<boolean> {
	return ((await store.partitions()).find(({ partition }) => partition === 0)?.position ?? 0) < 2;
}

test("a reader that is too old waits before the message, counts its other partitions, and all is counted after its upgrade", async () => {
	const { log, elsewhere } = await upgradedLog();
	const env = { DATA_DIR: await temporaryFolder() };
	const old = await startCounting(log, env);
	await old.counted("elsewhere 1");
	// Its partitions are shared out anew each second: that goes well several times.
	const beats = () => old.actor.told("scans.position").filter(({ partition }) => partition === 1).length;
	const soFar = beats();
	await until(() => beats() > soFar + 2, { what: "three more beats" });
	await elsewhere("elsewhere 2");
	await old.counted("elsewhere 2");
	expect(await isBeforeNewer(old.store)).toBe(true);
	await old.actor.stop();

	const upgraded = await startCounting(readByNewer(log), env);
	await upgraded.counted("after");
	await expectCountedOnce(upgraded.store, 5);
});

test("a reader that is too old makes room for one that is not, and counts no more", async () => {
	const { log, elsewhere } = await upgradedLog();
	const env = { MONGO_URL: (await realServer("mongo")).url };
	const old = await startCounting(log, { ...env, NODE_ID: "old" });
	await old.counted("elsewhere 1");
	const upgraded = await startCounting(readByNewer(log), { ...env, NODE_ID: "upgraded" });
	await upgraded.counted("after");
	await elsewhere("elsewhere 2");
	await upgraded.counted("elsewhere 2");
	await expectCountedOnce(upgraded.store, 5);
	expect((await upgraded.store.partitions()).map(({ owner }) => owner)).toEqual(["upgraded", "upgraded"]);
});
