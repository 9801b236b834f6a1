/** Opens the event log that the configuration asks for. */

import { join } from "node:path";
import type { Config } from "../config.ts";
import type { EventLog } from "./event-log.ts";
import { openJetStreamLog } from "./jetstream-log.ts";
import { openSqliteLog } from "./sqlite-log.ts";

/** @throws naming PARTITIONS when its value is not the log's. */
export function openEventLog(config: Config): Promise<EventLog> {
	return config.natsServers
		? openJetStreamLog({ servers: config.natsServers, partitions: config.partitions })
		: openSqliteLog({ file: join(config.dataDir, "log.db"), partitions: config.partitions });
}
