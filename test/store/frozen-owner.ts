/**
 * An owner that freezes in the middle of a commit: it claims partition 0, begins to apply a message, and stands still
 * when the message is looked into, which is after the transaction has taken the partition's document. Started as a
 * process of its own: `frozen-owner.ts URL DATABASE THAW`. It goes on once the file THAW exists, and says how it fared.
 */

import { existsSync, writeSync } from "node:fs";
import { codeOf } from "../../contracts/errors.ts";
import { openMongoStore } from "../../platform/store/mongo-store.ts";
import { NOON, scan } from "./scans.ts";

const [url, database, thaw = ""] = process.argv.slice(2);
const store = await openMongoStore({ url, database });
const { claim, position } = await store.claim(0, "frozen");

const message = {
	producer: "gateway-0",
	number: position + 1,
	acceptedAt: NOON,
	get totals(): Record<string, number> {
		writeSync(1, "frozen\n");
		const never = new Int32Array(new SharedArrayBuffer(4));
		while (!existsSync(thaw)) Atomics.wait(never, 0, 0, 20);
		return { acme: position + 1 };
	},
	scans: [scan()],
};
const messages = [{ kind: "scans" as const, position: position + 1, message }];
const parts = [{ partition: 0, claim, log: "log", from: position, messages }];
const fared = await store.ingest(parts).then(() => "committed", codeOf);
writeSync(1, `${fared}\n`);
await store.close();
