/** Opens the scan store that the configuration asks for; the other kind's driver is not even loaded. */

import { join } from "node:path";
import type { Config } from "../config.ts";
import type { ScanStore } from "./scan-store.ts";

export async function openScanStore(config: Config): Promise<ScanStore> {
	if (config.mongoUrl) {
		const { openMongoStore } = await import("./mongo-store.ts");
		return openMongoStore({ url: config.mongoUrl });
	}
	const { openSqliteStore } = await import("./sqlite-store.ts");
	return openSqliteStore({ file: join(config.dataDir, "store.db") });
}
