/** Opens the event log that the configuration asks for; the other kind's driver is not even loaded. */

import { join } from "node:path";
import type { Config } from "../config.ts";
import type { Logger } from "../logger.ts";
import type { EventLog } from "./event-log.ts";

/** @throws naming PARTITIONS when its value is not the log's. */
export async function openEventLog(config: Config, logger?: Logger): Promise<EventLog> {
	const { natsServers, partitions } = config;
	if (natsServers) {
		const { openJetStreamLog } = await import("./jetstream-log.ts");
		return openJetStreamLog({ servers: natsServers, partitions, logger });
	}
	const { openSqliteLog } = await import("./sqlite-log.ts");
	return openSqliteLog({ file: join(config.dataDir, "log.db"), partitions });
}
