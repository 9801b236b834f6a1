/**
 * An owner that applies batches to a SQLite store until it is killed, and says after each which position is committed.
 * Started as a process of its own: `sqlite-ingester.ts FILE`. Its messages are those of `messageAt`.
 */

import { writeSync } from "node:fs";
import { openSqliteStore } from "../../platform/store/sqlite-store.ts";
import { messageAt } from "./numbered-messages.ts";

const [file = ""] = process.argv.slice(2);
const store = await openSqliteStore({ file });
let { claim, position: from } = await store.claim(0, "ingester");

for (;;) {
	const messages = [1, 2, 3].map((n) => ({
		kind: "scans" as const,
		position: from + n,
		message: messageAt(from + n),
	}));
	const [part] = await store.ingest([{ partition: 0, claim, log: "log", from, messages }]);
	from = part?.to ?? from;
	writeSync(1, `${from}\n`);
}
