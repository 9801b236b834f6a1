/** Opens the scan store that the configuration asks for. */

import { join } from "node:path";
import type { Config } from "../config.ts";
import { openMongoStore } from "./mongo-store.ts";
import type { ScanStore } from "./scan-store.ts";
import { openSqliteStore } from "./sqlite-store.ts";

export function openScanStore(config: Config): Promise<ScanStore> {
	return config.mongoUrl
		? openMongoStore({ url: config.mongoUrl })
		: openSqliteStore({ file: join(config.dataDir, "store.db") });
}
