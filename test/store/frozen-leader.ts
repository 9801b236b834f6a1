/**
 * A leader of the clock that freezes in the middle of a write: it marks the month 202603 as closing under fence 5, and
 * stands still when its transaction looks at the fence. Started as a process of its own: `frozen-leader.ts URL DATABASE
 * THAW`. It goes on once the file THAW exists, and says how it fared.
 */

import { existsSync, writeSync } from "node:fs";
import { codeOf } from "../../contracts/errors.ts";
import { openMongoStore } from "../../platform/store/mongo-store.ts";

const [url, database, thaw = ""] = process.argv.slice(2);
const store = await openMongoStore({ url, database });

let looks = 0;
const lease = {
	name: "cron",
	get fence() {
		// The first look raises the fence, before the transaction.
		if (++looks === 2) {
			writeSync(1, "frozen\n");
			const never = new Int32Array(new SharedArrayBuffer(4));
			while (!existsSync(thaw)) Atomics.wait(never, 0, 0, 20);
		}
		return 5;
	},
};
const fared = await store.markMonth("202603", "closing", lease).then(() => "committed", codeOf);
writeSync(1, `${fared}\n`);
await store.close();
