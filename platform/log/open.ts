/** Opens the event log that the configuration asks for; the other kind's driver is not even loaded. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import type { Logger } from "../logger.ts";
import type { EventLog } from "./event-log.ts";

/** The folder of the file log in the data folder. */
export const FILE_LOG = "log";

/** @throws naming PARTITIONS when its value is not the log's. */
export async function openEventLog(config: Config, logger?: Logger): Promise<EventLog> {
	const { natsServers, partitions, logReplicas: replicas, logMaxBytes: maxBytes } = config;
	refuseOldLog(config.dataDir);
	if (natsServers) {
		const { openJetStreamLog } = await import("./jetstream-log.ts");
		return openJetStreamLog({ servers: natsServers, partitions, replicas, maxBytes, logger });
	}
	const { openFileLog } = await import("./file-log.ts");
	return openFileLog({ dir: join(config.dataDir, FILE_LOG), partitions, maxBytes });
}

/** Event logs were SQLite files once: what waits in one must not be passed over in silence. */
function refuseOldLog(dataDir: string): void {
	const old = join(dataDir, "log.db");
	if (!existsSync(old)) return;
	throw new Error(
		`DATA_DIR holds ${old}, the event log of an earlier release, which this one does not read. Run the release that wrote it until all its scans are counted, then move the file away`,
	);
}
