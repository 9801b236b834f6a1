/**
 * An owner that freezes in the middle of a commit: it claims partition 0, begins to apply a message, and stands still
 * when the message is looked into, which is after the transaction has taken the partition's document. Started as a
 * process of its own: `frozen-owner.ts URL DATABASE`.
 */

import { writeSync } from "node:fs";
import { openMongoStore } from "../../platform/store/mongo-store.ts";
import { NOON, scan } from "./scans.ts";

const [url, database] = process.argv.slice(2);
const store = await openMongoStore({ url, database });
const { claim, position } = await store.claim(0, "frozen");

const message = {
	producer: "gateway-0",
	number: position + 1,
	acceptedAt: NOON,
	get totals(): Record<string, number> {
		writeSync(1, "frozen\n");
		Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
		return {};
	},
	scans: [scan()],
};
const messages = [{ kind: "scans" as const, position: position + 1, message }];
await store.ingest([{ partition: 0, claim, log: "log", from: position, messages }]);
