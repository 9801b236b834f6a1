/** Opens the records that the configuration asks for; the sign-in command does so beside a running process. */

import { join } from "node:path";
import type { Config } from "../config.ts";
import { openMongoRecords } from "./mongo-records.ts";
import type { Records } from "./records.ts";
import { openSqliteRecords } from "./sqlite-records.ts";

export function openRecords(config: Config): Promise<Records> {
	return config.mongoUrl
		? openMongoRecords({ url: config.mongoUrl })
		: openSqliteRecords({ file: join(config.dataDir, "records.db") });
}
