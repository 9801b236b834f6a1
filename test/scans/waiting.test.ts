/** A log that grows faster than it is counted: what the owner of its partition holds of it stays small. */

import { join } from "node:path";
import { expect, test } from "vitest";
import { openFileLog } from "../../platform/log/file-log.ts";
import { encodeMessage } from "../../platform/log/message.ts";
import { openSqliteStore } from "../../platform/store/sqlite-store.ts";
import { PartitionOwner } from "../../services/scans/partition-owner.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { until } from "../harness/product.ts";
import { Producer, scan } from "../store/scans.ts";

const MESSAGES = 200;
const MESSAGE_BYTES = 200_000;
/** What one reading of the log may bring beyond the bound. */
const ONE_READING_BYTES = 5 * 1024 * 1024;

test("an owner holds no more of a long log than a few megabytes, and goes on as it is counted", async () => {
	const folder = await temporaryFolder();
	const log = await openFileLog({ dir: join(folder, "log"), partitions: 1 });
	const store = await openSqliteStore({ file: join(folder, "store.db") });
	const producer = new Producer("gateway");
	for (let n = 0; n < MESSAGES; n++) {
		await log.append(0, encodeMessage(producer.message([scan({ city: "x".repeat(MESSAGE_BYTES) })])));
	}
	const owner = new PartitionOwner({
		...{ partition: 0, owner: "owner", log, store, maxWaitingBytes: 1024 * 1024 },
		...{ onRead: () => undefined, onNewer: () => undefined, onNewEpoch: () => undefined, onTrouble: () => undefined },
	});
	atEndOfFile(async () => {
		await owner.stop();
		await store.close();
		await log.close();
	});

	let counted = 0;
	while (counted < MESSAGES) {
		await until(() => owner.next(1) !== null, { what: "something to be read" });
		// The log answers in turn: an owner that did not pause would have read on meanwhile.
		for (let turn = 0; turn < 20; turn++) await log.ends();
		const waiting = owner.next(Number.POSITIVE_INFINITY)?.messages.length ?? 0;
		expect(waiting * MESSAGE_BYTES).toBeLessThan(1024 * 1024 + ONE_READING_BYTES);
		const part = owner.next(20);
		if (!part) throw new Error("What was read is gone");
		await store.ingest([part]);
		owner.committed(part);
		counted += part.messages.length;
	}
	expect(counted).toBe(MESSAGES);
});
