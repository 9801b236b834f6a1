/** Partitions as the embedded store keeps them. */

import type { DatabaseSync } from "node:sqlite";
import type { PartitionState } from "./scan-store.ts";

interface PartitionRow {
	readonly partition: number;
	readonly position: number;
	readonly log: string | null;
	readonly producer: string | null;
	readonly number: number | null;
	readonly owner: string;
	readonly claim: number;
}

export function readPartitions(database: DatabaseSync): PartitionState[] {
	const rows = database.prepare("SELECT * FROM partitions ORDER BY partition").all() as unknown as PartitionRow[];
	return rows.map(({ partition, position, log, producer, number, owner, claim }) => ({
		partition,
		position,
		...(log !== null && producer !== null && number !== null ? { identity: { log, producer, number } } : {}),
		owner,
		claim,
	}));
}
