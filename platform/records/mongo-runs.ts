/** Runs of jobs as MongoDB documents. Parameters and results are kept as JSON text: their keys may be anything. */

import type { Document, UpdateFilter } from "mongodb";
import type { JobRun, RunStatus } from "../../contracts/job.ts";
import type { NewRun, RunChange } from "./records.ts";

export interface RunDocument {
	readonly _id: string;
	readonly key?: string;
	readonly job: string;
	readonly status: RunStatus;
	readonly queuedAt: Date;
	readonly notBefore: Date;
	/** When it ended by the store's clock: from then on it lives for a while. */
	readonly endedAt?: Date;
	readonly startedAt?: string;
	readonly finishedAt?: string;
	readonly attempt: number;
	readonly params?: string;
	readonly result?: string;
	readonly error?: string;
}

/** A pipeline expression: the new run where none is yet, else the one that is there. */
export function newRunDocument({ id, job, params, key, notBefore }: NewRun): Document {
	const made = {
		_id: id,
		job,
		status: "queued",
		attempt: 0,
		...(key !== undefined && { key }),
		...(params !== undefined && { params: JSON.stringify(params) }),
	};
	const times = { queuedAt: "$$NOW", notBefore: notBefore === undefined ? "$$NOW" : new Date(notBefore) };
	return {
		$cond: [{ $eq: [{ $type: "$status" }, "missing"] }, { $mergeObjects: [{ $literal: made }, times] }, "$$ROOT"],
	};
}

export function fieldsOfChange({ result, notBefore, ...change }: RunChange): UpdateFilter<RunDocument> {
	const over = change.status === "succeeded" || change.status === "failed";
	const unset = {
		...(!over && { endedAt: "" as const }),
		...(!over && change.finishedAt === undefined && { finishedAt: "" as const }),
		...((change.status === "running" || change.status === "succeeded") &&
			change.error === undefined && { error: "" as const }),
	};
	return {
		$set: {
			...change,
			...(result !== undefined && { result: JSON.stringify(result) }),
			...(notBefore !== undefined && { notBefore: new Date(notBefore) }),
		},
		...(Object.keys(unset).length > 0 && { $unset: unset }),
		...(over && { $currentDate: { endedAt: true } }),
	};
}

export function toRun(document: RunDocument): JobRun {
	const { _id: id, job, status, queuedAt, startedAt, finishedAt, attempt, params, result, error } = document;
	return {
		id,
		job,
		status,
		queuedAt: queuedAt.toISOString(),
		attempt,
		...(startedAt !== undefined && { startedAt }),
		...(finishedAt !== undefined && { finishedAt }),
		...(params !== undefined && { params: JSON.parse(params) }),
		...(result !== undefined && { result: JSON.parse(result) }),
		...(error !== undefined && { error }),
	};
}
