/** What the quarter-hour buckets say of whole quarters: in all, by quarter hour, by value, by code. */

import type { DatabaseSync } from "node:sqlite";
import { BUCKET_DIMENSIONS, type BucketDimension } from "../../contracts/scan.ts";
import type { Tally } from "./bucket.ts";
import type { Range } from "./sections.ts";
import { dimensionBits, dimensionNumber } from "./sqlite-dimensions.ts";
import { type BucketValueRow, byBucket } from "./sqlite-raw.ts";
import { and, during, isIn } from "./sqlite-scope.ts";

const SUMS =
	"coalesce(sum(q.scans), 0) AS scans, coalesce(sum(q.visitors), 0) AS visitors, coalesce(sum(q.bots), 0) AS bots";

export function bucketTally(database: DatabaseSync, subjects: readonly number[], range: Range): Tally {
	const { sql, parameters } = and(isIn("subject", subjects), during(range));
	const row = database.prepare(`SELECT ${SUMS} FROM quarters AS q WHERE ${sql}`).get(...parameters);
	return row as unknown as Tally;
}

/** By first instant of the quarter hour. */
export function bucketQuarters(database: DatabaseSync, subjects: readonly number[], range: Range): Map<number, Tally> {
	const { sql, parameters } = and(isIn("subject", subjects), during(range));
	const rows = database
		.prepare(`SELECT q.at AS quarter, ${SUMS} FROM quarters AS q WHERE ${sql} GROUP BY quarter`)
		.all(...parameters) as unknown as (Tally & { quarter: number })[];
	return new Map(rows.map(({ quarter, ...tally }) => [quarter, tally]));
}

/** By value of a dimension; reads the range's buckets of the subjects and of each only this dimension. */
export function bucketValues(
	database: DatabaseSync,
	subjects: readonly number[],
	range: Range,
	dimension: BucketDimension,
): Map<string, Tally> {
	const { sql, parameters } = and(isIn("b.subject", subjects), during(range));
	const rows = database
		.prepare(`SELECT q.value AS value, ${SUMS} FROM ${VALUES_OF_BUCKETS} WHERE ${onBuckets(sql)} GROUP BY q.value`)
		.all(dimensionNumber(dimension), ...parameters) as unknown as (Tally & { value: string })[];
	return new Map(rows.map(({ value, ...tally }) => [value, tally]));
}

/** By value, apart for each bucket of one quarter. */
export function bucketValuesByBucket(
	database: DatabaseSync,
	subjects: readonly number[],
	quarter: Range,
	dimension: BucketDimension,
): Map<string, Map<string, Tally>> {
	const { sql, parameters } = and(isIn("b.subject", subjects), during(quarter));
	const rows = database
		.prepare(
			`SELECT q.subject || ' ' || q.partition AS bucket, q.value AS value, q.scans AS scans, q.visitors AS visitors,
				q.bots AS bots
			FROM ${VALUES_OF_BUCKETS} WHERE ${onBuckets(sql)}`,
		)
		.all(dimensionNumber(dimension), ...parameters) as unknown as BucketValueRow[];
	return byBucket(rows);
}

/** By code id. */
export function bucketCodes(database: DatabaseSync, codes: readonly number[], range: Range): Map<string, Tally> {
	const { sql, parameters } = and(isIn("subject", codes), during(range));
	const rows = database
		.prepare(
			`SELECT subjects.code AS value, scans, visitors, bots
			FROM (SELECT q.subject, ${SUMS} FROM quarters AS q WHERE ${sql} GROUP BY q.subject) JOIN subjects ON id = subject`,
		)
		.all(...parameters) as unknown as (Tally & { value: string })[];
	return new Map(rows.map(({ value, ...tally }) => [value, tally]));
}

/** Whether the cap put values of the dimension under `(other)` in one of the buckets. */
export function isCapped(
	database: DatabaseSync,
	subjects: readonly number[],
	range: Range,
	dimension: BucketDimension,
): boolean {
	const { sql, parameters } = and(isIn("subject", subjects), during(range));
	const row = database
		.prepare(`SELECT 1 FROM quarters WHERE ${sql} AND capped & ? LIMIT 1`)
		.get(...parameters, dimensionBits([dimension]));
	return row !== undefined;
}

/** Dimensions of which the cap put values under `(other)` in one of the buckets. */
export function cappedDimensions(
	database: DatabaseSync,
	subjects: readonly number[],
	range: Range,
): readonly BucketDimension[] {
	return BUCKET_DIMENSIONS.filter((dimension) => isCapped(database, subjects, range, dimension));
}

/** Buckets first, then of each its rows of one dimension, by the key: never the rows of all dimensions. */
const VALUES_OF_BUCKETS = `quarters AS b CROSS JOIN quarter_values AS q
	ON q.subject = b.subject AND q.at = b.at AND q.partition = b.partition AND q.dimension = ?`;

function onBuckets(sql: string): string {
	return sql.replaceAll(/\bat\b/g, "b.at");
}
