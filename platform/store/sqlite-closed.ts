/**
 * Closed days and months as rows of the embedded store, in both directions, and whether they still say what the quarters
 * say: revisions count what was ever added to each quarter, so an equal sum means that nothing was added since.
 */

import type { DatabaseSync } from "node:sqlite";
import { BUCKET_DIMENSIONS, type BucketDimension, type Dimension } from "../../contracts/scan.ts";
import { emptyTally, type Tally } from "./bucket.ts";
import { cappedByName, HOURS_OF_DAY, HOURS_OF_WEEK, type Rollup } from "./rollup.ts";
import type { Closable } from "./scan-store.ts";
import { dimensionBits } from "./sqlite-dimensions.ts";
import { isPacked } from "./sqlite-packed.ts";
import { findSubject } from "./sqlite-scope.ts";

type Triple = readonly [scans: number, visitors: number, bots: number];

/** A row of `days` or `months`; absent fields were not asked for. */
export interface ClosedRow extends Tally {
	/** JSON, see the tables. */
	readonly hours?: string;
	readonly by_value?: string;
	readonly days?: string;
	readonly codes?: string | null;
	readonly capped?: number | null;
}

/** A subject's closed day or month, to be written. */
export interface ClosedSubject extends Required<Omit<ClosedRow, "days">>, Pick<ClosedRow, "days"> {
	readonly subject: number;
}

/** @param own whether it is the organisation's, which counts its codes */
export function toRow(subject: number, rollup: Rollup, own: boolean): ClosedSubject {
	const { tally, values, capped, hours, days, codes } = rollup;
	const byValue = BUCKET_DIMENSIONS.map((dimension, index) => [dimension, toTriples(values[index] ?? new Map())]);
	return {
		subject,
		scans: tally.scans,
		visitors: tally.visitors,
		bots: tally.bots,
		hours: JSON.stringify(hours.map(toTriple)),
		by_value: JSON.stringify(Object.fromEntries(byValue)),
		capped: dimensionBits(capped),
		codes: own && codes ? JSON.stringify(toTriples(codes)) : null,
		...(days && { days: JSON.stringify(days.map(({ at, ...tally }) => [at, ...toTriple(tally)])) }),
	};
}

/** @param only dimensions whose values are wanted; the others are left empty */
export function toRollup(
	{ hours, by_value, days, codes, capped, scans, visitors, bots }: ClosedRow,
	only: readonly Dimension[] = BUCKET_DIMENSIONS,
): Rollup {
	const byValue = JSON.parse(by_value ?? "{}") as Readonly<Record<string, Readonly<Record<string, Triple>>>>;
	const values = BUCKET_DIMENSIONS.map((dimension) =>
		fromTriples((only.includes(dimension) && byValue[dimension]) || {}),
	);
	const counted = (JSON.parse(hours ?? "[]") as Triple[]).map(fromTriple);
	const all = Array.from({ length: days === undefined ? HOURS_OF_DAY : HOURS_OF_WEEK }, emptyTally);
	return {
		tally: { scans, visitors, bots },
		values,
		capped: capped === null || capped === undefined ? cappedByName(values) : cappedOf(capped),
		hours: all.map((none, hour) => counted[hour] ?? none),
		...(days !== undefined && {
			days: (JSON.parse(days) as (readonly [number, ...Triple])[]).map(([at, ...triple]) => ({
				at,
				...fromTriple(triple),
			})),
		}),
		...(codes && { codes: fromTriples(JSON.parse(codes) as Record<string, Triple>) }),
	};
}

/** Dimensions by their bits. */
export function cappedOf(bits: number): BucketDimension[] {
	return BUCKET_DIMENSIONS.filter((dimension) => bits & dimensionBits([dimension]));
}

/** Whether it was folded with these ends and hours, is packed, and nothing was added to its quarters since. */
export function isClosed(database: DatabaseSync, what: Closable): boolean {
	const subject = findSubject(database, what.organisation);
	if (subject === undefined) return false;
	const [table, name] = what.kind === "day" ? ["days", "date"] : ["months", "month"];
	const row = database
		.prepare(
			`SELECT start, end, time_zone, revision FROM ${table} AS closed
			WHERE subject = ?1 AND ${name} = ?2 AND ${isPacked("?1", "?2")}`,
		)
		.get(subject, what.name);
	if (row?.start !== what.start || row.end !== what.end || row.time_zone !== what.timeZone) return false;
	return row.revision === revisionOf(database, subject, what.start, what.end);
}

/** Scans ever stored in the quarters of `[start, end)`, bots included. */
export function revisionOf(database: DatabaseSync, subject: number, start: number, end: number): number {
	const row = database
		.prepare("SELECT coalesce(sum(n), 0) AS n FROM revisions WHERE subject = ? AND at >= ? AND at < ?")
		.get(subject, start, end);
	return (row as { n: number }).n;
}

/** The organisation's own subject, made when it never had a scan. */
export function makeOrganisation(database: DatabaseSync, organisation: string): number {
	const row = database
		.prepare(
			`INSERT INTO subjects (organisation, code) VALUES (?, '')
			ON CONFLICT DO UPDATE SET code = '' RETURNING id`,
		)
		.get(organisation);
	return (row as { id: number }).id;
}

function toTriple({ scans, visitors, bots }: Readonly<Tally>): Triple {
	return [scans, visitors, bots];
}

function fromTriple([scans, visitors, bots]: Triple): Tally {
	return { scans, visitors, bots };
}

function toTriples(tallies: ReadonlyMap<string, Readonly<Tally>>): Record<string, Triple> {
	return Object.fromEntries([...tallies].map(([value, tally]) => [value, toTriple(tally)]));
}

function fromTriples(triples: Readonly<Record<string, Triple>>): Map<string, Tally> {
	return new Map(Object.entries(triples).map(([value, triple]) => [value, fromTriple(triple)]));
}
