/**
 * A leader that stands still in the middle of a job: it takes the lease, begins the run that waits, and does nothing, not
 * even renew its lease, until the file THAW exists; then it ends its job and says how its word was taken. Started as a
 * process of its own: `standing-leader.ts URL THAW`.
 */

import { existsSync, writeSync } from "node:fs";
import { codeOf } from "../../contracts/errors.ts";
import { openMongoRecords } from "../../platform/records/mongo-records.ts";
import { Leader } from "../../services/cron/leader.ts";
import { runJobs } from "../../services/cron/runner.ts";

const [url = "", thaw = ""] = process.argv.slice(2);
const records = await openMongoRecords({ url });
const say = (line: string) => writeSync(1, `${line}\n`);

const standStill = async () => {
	say("standing still");
	const never = new Int32Array(new SharedArrayBuffer(4));
	while (!existsSync(thaw)) Atomics.wait(never, 0, 0, 20);
	return "late";
};
const jobs = {
	...{ audit: standStill, run_daily_aggregation: standStill, cleanup_old_data: standStill },
	generate_reports: standStill,
};

new Leader({
	records,
	lease: "cron",
	holder: "standing",
	onTrouble: () => undefined,
	onElected(lease, signal) {
		say(`leading ${lease.fence}`);
		const onTrouble = (error: unknown) => say(`refused ${codeOf(error)}`);
		void runJobs({ records, jobs, onChange: () => undefined, onTrouble }, lease, signal);
	},
});
