/** What raw scans say of a range: in all, by quarter hour, by value, and of the values of the buckets they lie in. */

import type { DatabaseSync } from "node:sqlite";
import { type BucketDimension, NONE } from "../../contracts/scan.ts";
import type { Tally } from "./bucket.ts";
import { MINUTE_MS, QUARTER_MS } from "./quarters.ts";
import type { Range } from "./sections.ts";
import { and, type Condition, during } from "./sqlite-scope.ts";

const SUMS = `coalesce(sum(1 - bot), 0) AS scans, coalesce(sum(first), 0) AS visitors, coalesce(sum(bot), 0) AS bots`;

export function rawTally(database: DatabaseSync, scans: Condition, range: Range): Tally {
	const { sql, parameters } = and(scans, during(range));
	return database.prepare(`SELECT ${SUMS} FROM scans WHERE ${sql}`).get(...parameters) as unknown as Tally;
}

/** By first instant of the quarter hour. */
export function rawQuarters(database: DatabaseSync, scans: Condition, range: Range): Map<number, Tally> {
	return rawSteps(database, scans, range, QUARTER_MS);
}

/** By first instant of the minute. */
export function rawMinutes(database: DatabaseSync, scans: Condition, range: Range): Map<number, Tally> {
	return rawSteps(database, scans, range, MINUTE_MS);
}

function rawSteps(database: DatabaseSync, scans: Condition, range: Range, stepMs: number): Map<number, Tally> {
	const { sql, parameters } = and(scans, during(range));
	const rows = database
		.prepare(`SELECT at - at % ${stepMs} AS step, ${SUMS} FROM scans WHERE ${sql} GROUP BY step`)
		.all(...parameters) as unknown as (Tally & { step: number })[];
	return new Map(rows.map(({ step, ...tally }) => [step, tally]));
}

/** How many different visitors there were; bots are none. */
export function rawVisitors(database: DatabaseSync, scans: Condition, range: Range): number {
	const { sql, parameters } = and(scans, during(range));
	const row = database
		.prepare(`SELECT count(DISTINCT visitor) AS visitors FROM scans WHERE ${sql} AND bot = 0`)
		.get(...parameters);
	return (row as { visitors: number }).visitors;
}

/** By value of a dimension, absence as `(none)`. */
export function rawValues(
	database: DatabaseSync,
	scans: Condition,
	range: Range,
	dimension: BucketDimension,
): Map<string, Tally> {
	const { sql, parameters } = and(scans, during(range));
	const rows = database
		.prepare(`SELECT coalesce(${dimension}, '${NONE}') AS value, ${SUMS} FROM scans WHERE ${sql} GROUP BY value`)
		.all(...parameters) as unknown as (Tally & { value: string })[];
	return new Map(rows.map(({ value, ...tally }) => [value, tally]));
}

/** By code id. */
export function rawCodes(database: DatabaseSync, scans: Condition, range: Range): Map<string, Tally> {
	const { sql, parameters } = and(scans, during(range));
	const rows = database
		.prepare(
			`SELECT subjects.code AS value, scans, visitors, bots
			FROM (SELECT code AS subject, ${SUMS} FROM scans WHERE ${sql} GROUP BY subject) JOIN subjects ON id = subject`,
		)
		.all(...parameters) as unknown as (Tally & { value: string })[];
	return new Map(rows.map(({ value, ...tally }) => [value, tally]));
}

/** By value, apart for each bucket: keys are those of `bucketValues`. @param subject column of the bucket's subject */
export function rawValuesByBucket(
	database: DatabaseSync,
	scans: Condition,
	range: Range,
	dimension: BucketDimension,
	subject: "organisation" | "code",
): Map<string, Map<string, Tally>> {
	const { sql, parameters } = and(scans, during(range));
	const rows = database
		.prepare(
			`SELECT ${subject} || ' ' || partition AS bucket, coalesce(${dimension}, '${NONE}') AS value, ${SUMS}
			FROM scans WHERE ${sql} GROUP BY bucket, value`,
		)
		.all(...parameters) as unknown as BucketValueRow[];
	return byBucket(rows);
}

export interface BucketValueRow extends Tally {
	/** Subject and partition. */
	readonly bucket: string;
	readonly value: string;
}

export function byBucket(rows: readonly BucketValueRow[]): Map<string, Map<string, Tally>> {
	const buckets = new Map<string, Map<string, Tally>>();
	for (const { bucket, value, ...tally } of rows) buckets.getOrInsert(bucket, new Map()).set(value, tally);
	return buckets;
}
