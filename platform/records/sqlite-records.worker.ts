/** The thread of the embedded records: their commits are synced there and hold up nobody. */

import { CodedError, codeOf } from "../../contracts/errors.ts";
import { serveWorker } from "../worker-rpc.ts";
import type { Records } from "./records.ts";
import { SqliteRecordsFile } from "./sqlite-records-file.ts";

let records: SqliteRecordsFile | undefined;

/** One call of the records. */
export type RecordsCall = readonly [method: keyof Records, ...args: unknown[]];

const methods = {
	open(file: string): void {
		records = new SqliteRecordsFile(file);
	},
	call([method, ...args]: RecordsCall): unknown {
		if (!records) throw new CodedError("unavailable", "The records are closed");
		try {
			return (records[method] as (...args: unknown[]) => unknown).apply(records, args);
		} catch (error) {
			if (codeOf(error)) throw error;
			throw new CodedError("unavailable", `The records failed: ${(error as Error).message}`);
		}
	},
};

export type SqliteRecordsMethods = typeof methods;

serveWorker(methods);
