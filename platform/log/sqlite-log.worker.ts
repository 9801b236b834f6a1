/**
 * The thread of an embedded event log: everything that arrived in one turn of its event loop is one transaction, and
 * readers that wait are answered in the turn in which something was appended for them.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Position } from "../../contracts/events.ts";
import { serveWorker } from "../worker-rpc.ts";
import {
	type LogFileOptions,
	type PackedAppend,
	type PackedRead,
	type ReadRequest,
	SqliteLogFile,
} from "./sqlite-log-file.ts";

interface Waiting extends ReadRequest {
	resolve(read: PackedRead | null): void;
	reject(error: unknown): void;
}

interface Gathered {
	readonly append: PackedAppend;
	resolve(first: Position): void;
	reject(error: unknown): void;
}

let file: SqliteLogFile | undefined;
let gathered: Gathered[] = [];
/** Readers at the end of their partition, by their number. */
const waiting = new Map<number, Waiting>();

function opened(): SqliteLogFile {
	if (!file) throw new Error("The event log is closed");
	return file;
}

function commitGathered(): void {
	const group = gathered;
	gathered = [];
	if (group.length === 0) return;
	try {
		const log = opened();
		let position = log.append(group.map(({ append }) => append));
		const partitions = new Set<number>();
		for (const { append, resolve } of group) {
			resolve(position);
			position += append.lengths.length;
			for (const partition of append.partitions) partitions.add(partition);
		}
		wakeReaders(log, partitions);
		setImmediate(() => file?.checkpointWhenDue());
	} catch (error) {
		for (const { reject } of group) reject(error);
	}
}

function wakeReaders(log: SqliteLogFile, partitions: ReadonlySet<number>): void {
	for (const [reader, request] of waiting) {
		if (!partitions.has(request.partition)) continue;
		try {
			const read = log.read(request);
			// What was appended may still lie before the position it waits for.
			if (read.positions.length === 0) continue;
			request.resolve(read);
		} catch (error) {
			request.reject(error);
		}
		waiting.delete(reader);
	}
}

const methods = {
	open(options: LogFileOptions): { id: string; partitions: number } {
		file = new SqliteLogFile(options);
		return { id: file.id, partitions: file.partitions };
	},
	/** Resolves to the position of the first message when all are durable. */
	append(append: PackedAppend): Promise<Position> {
		return new Promise((resolve, reject) => {
			gathered.push({ append, resolve, reject });
			if (gathered.length === 1) setImmediate(commitGathered);
		});
	},
	/** What is there after a position, or else what comes next; null when the reader was ended. */
	read(request: ReadRequest & { readonly reader: number }): PackedRead | Promise<PackedRead | null> {
		const read = opened().read(request);
		if (read.positions.length > 0) return read;
		return new Promise((resolve, reject) => waiting.set(request.reader, { ...request, resolve, reject }));
	},
	endRead(reader: number): void {
		waiting.get(reader)?.resolve(null);
		waiting.delete(reader);
	},
	at({ partition, position }: { partition: number; position: Position }): Uint8Array | undefined {
		return opened().at(partition, position);
	},
	ends(): Position[] {
		return opened().ends();
	},
	async trim(upTo: Position): Promise<void> {
		while (file?.trimSome(upTo)) await nextTurn();
		file?.checkpointWhenDue();
	},
	close(): void {
		commitGathered();
		for (const { resolve } of waiting.values()) resolve(null);
		waiting.clear();
		file?.close();
		file = undefined;
	},
};

export type SqliteLogMethods = typeof methods;

serveWorker(methods);
