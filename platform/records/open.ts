/** Opens the records that the configuration asks for; the sign-in command does so beside a running process. */

import { join } from "node:path";
import type { Config } from "../config.ts";
import type { Records } from "./records.ts";

export async function openRecords(config: Config): Promise<Records> {
	if (config.mongoUrl) {
		const { openMongoRecords } = await import("./mongo-records.ts");
		return openMongoRecords({ url: config.mongoUrl });
	}
	const { openSqliteRecords } = await import("./sqlite-records.ts");
	return openSqliteRecords({ file: join(config.dataDir, "records.db") });
}
