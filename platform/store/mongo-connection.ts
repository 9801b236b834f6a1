/**
 * How the product speaks with MongoDB: one client a process, shared by the scan store and the records. Nothing waits
 * long: a server that is away is noticed within seconds, and the driver finds it again by itself when it returns.
 */

import { MongoClient, type TransactionOptions } from "mongodb";

export interface MongoConnectionOptions {
	/** `mongodb://…`; the database it names is the default one. */
	readonly url: string;
	/**
	 * Most connections of this process.
	 * @defaultValue 20
	 */
	readonly maxPoolSize?: number;
	/**
	 * How long an operation waits for a server that can take it, ms.
	 * @defaultValue 2_000
	 */
	readonly selectionTimeoutMs?: number;
	/**
	 * How long an answer may take, ms.
	 * @defaultValue 30_000
	 */
	readonly socketTimeoutMs?: number;
}

/** What is read is what a majority has; what is committed is on the disks of a majority. */
export const TRANSACTION: Readonly<TransactionOptions> = {
	readConcern: { level: "snapshot" },
	writeConcern: { w: "majority", journal: true },
	readPreference: "primary",
};

/**
 * Builds the client without connecting. Whoever uses it awaits `connect()` before its first operation and again for as
 * long as that fails (a client whose first connection failed stays closed); lost later, it connects by itself. The
 * caller closes it.
 */
export function createMongoClient(options: MongoConnectionOptions): MongoClient {
	const { url, maxPoolSize = 20, selectionTimeoutMs = 2_000, socketTimeoutMs = 30_000 } = options;
	return new MongoClient(url, {
		appName: "scanpulse",
		maxPoolSize,
		retryReads: true,
		retryWrites: true,
		readPreference: "primary",
		writeConcern: { w: "majority", journal: true },
		readConcern: { level: "majority" },
		serverSelectionTimeoutMS: selectionTimeoutMs,
		connectTimeoutMS: selectionTimeoutMs,
		waitQueueTimeoutMS: selectionTimeoutMs,
		socketTimeoutMS: socketTimeoutMs,
		// A server that hangs instead of closing its connections is found out by the monitor, not by each operation.
		heartbeatFrequencyMS: 2_000,
		ignoreUndefined: true,
	});
}
