/**
 * What the actors of a process stand on. Each part is opened on first use by whichever actor needs it, shared by all,
 * and closed by the process that made the platform, in reverse order of opening.
 */

import { Registry } from "prom-client";
import type { Config } from "./config.ts";
import { createHttpHost, type HttpHost } from "./http.ts";
import type { EventLog } from "./log/event-log.ts";
import { openEventLog } from "./log/open.ts";
import type { Logger } from "./logger.ts";
import { openRecords } from "./records/open.ts";
import type { Records } from "./records/records.ts";
import { openScanStore } from "./store/open.ts";
import type { ScanStore } from "./store/scan-store.ts";

export interface Platform {
	readonly config: Config;
	/**
	 * Name under which this process takes part in what the store's users share out among them. The embedded store is its
	 * process's own (the data folder is locked), so the process after a crash is the same member: it need not wait until
	 * the one before is taken for dead.
	 */
	readonly member: string;
	readonly http: HttpHost;
	/** What the process tells Prometheus: actors add their own figures. */
	readonly metrics: Registry;
	log(): Promise<EventLog>;
	store(): Promise<ScanStore>;
	records(): Promise<Records>;
	close(): Promise<void>;
}

const EMBEDDED_MEMBER = "embedded";

interface Closable {
	close(): Promise<void>;
}

/** @param logger told what goes away and comes back */
export function createPlatform(config: Config, logger?: Logger): Platform {
	const opened: Promise<Closable>[] = [];

	function once<T extends Closable>(open: () => Promise<T>): () => Promise<T> {
		let part: Promise<T> | undefined;
		return () => {
			if (!part) {
				part = open();
				opened.push(part);
			}
			return part;
		};
	}

	return {
		config,
		member: config.mongoUrl === undefined ? EMBEDDED_MEMBER : config.nodeId,
		http: createHttpHost(config),
		metrics: new Registry(),
		log: once(() => openEventLog(config, logger)),
		store: once(() => openScanStore(config)),
		records: once(() => openRecords(config)),
		async close() {
			for (const part of opened.reverse()) {
				// A part that could not be opened has nothing to close; whoever asked for it has the error.
				await part.then(
					(it) => it.close(),
					() => undefined,
				);
			}
		},
	};
}
