/**
 * What the actors of a process stand on. Each part is opened on first use by whichever actor needs it, shared by all,
 * and closed by the process that made the platform, in reverse order of opening.
 */

import type { Config } from "./config.ts";
import type { HttpHost } from "./http.ts";
import type { EventLog } from "./log/event-log.ts";
import type { Records } from "./records/records.ts";
import type { ScanStore } from "./store/scan-store.ts";

export interface Platform {
	readonly config: Config;
	readonly http: HttpHost;
	log(): Promise<EventLog>;
	store(): Promise<ScanStore>;
	records(): Promise<Records>;
	close(): Promise<void>;
}
