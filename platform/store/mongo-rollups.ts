/** Closed days and months as documents, in both directions; what an earlier release closed is read like any other. */

import { BUCKET_DIMENSIONS } from "../../contracts/scan.ts";
import { emptyTally, type Tally } from "./bucket.ts";
import { escapeKey, unescapeKey } from "./mongo-keys.ts";
import type { DayDocument, MonthDocument, QuarterDocument, ShortTally, Tallies } from "./mongo-schema.ts";
import { pack } from "./packed.ts";
import { cappedByName, HOURS_OF_DAY, HOURS_OF_WEEK, type Rollup } from "./rollup.ts";

type Common = Pick<DayDocument, "s" | "v" | "b" | "d" | "capped" | "codes">;

export function dayFields(rollup: Rollup, own: boolean): Common & Pick<DayDocument, "hours"> {
	return { ...commonFields(rollup, own), hours: rollup.hours.map(toShort) };
}

export function monthFields(rollup: Rollup, own: boolean): Common & Pick<MonthDocument, "hours" | "days"> {
	const hours = rollup.hours.flatMap((tally, hour) => (isEmpty(tally) ? [] : [[hour, toShort(tally)] as const]));
	const days = (rollup.days ?? []).map(({ at, ...tally }) => ({ at: new Date(at), ...toShort(tally) }));
	return { ...commonFields(rollup, own), hours: Object.fromEntries(hours), days };
}

/** @param own whether it is the organisation's, which counts its codes */
function commonFields({ tally, values, capped, codes }: Rollup, own: boolean): Common {
	const d = BUCKET_DIMENSIONS.map((dimension, index) => [dimension, toTallies(values[index] ?? new Map())]);
	return {
		...toShort(tally),
		d: Object.fromEntries(d) as Tallies,
		capped,
		...(own && codes && { codes: toTallies(codes) }),
	};
}

/** What screens read of the organisation's. @param from first instant, epoch ms */
export function packedField(rollup: Rollup, from: number): Pick<DayDocument, "packed"> {
	const packed = pack(rollup, from);
	return packed ? { packed } : {};
}

/** @param document a part of it is enough: what is absent counts nothing */
export function rollupOf(document: Partial<DayDocument> | Partial<MonthDocument>): Rollup {
	const { codes, capped } = document;
	const days = "days" in document ? document.days : undefined;
	const hours = Array.from({ length: days ? HOURS_OF_WEEK : HOURS_OF_DAY }, emptyTally);
	for (const [hour, tally] of Object.entries(document.hours ?? {})) hours[Number(hour)] = toTally(tally);
	const values = valuesOf(document.d);
	return {
		tally: toTally(document),
		values,
		capped: capped ?? cappedByName(values),
		hours,
		days: days?.map(({ at, ...tally }) => ({ at: at.getTime(), ...toTally(tally) })),
		codes: codes && fromTallies(codes),
	};
}

export function quarterOf(document: QuarterDocument): Pick<Rollup, "tally" | "values" | "capped"> {
	return { tally: toTally(document), values: valuesOf(document.d), capped: document.capped ?? [] };
}

export function toTally({ s = 0, v = 0, b = 0 }: ShortTally): Tally {
	return { scans: s, visitors: v, bots: b };
}

export function toShort({ scans, visitors, bots }: Readonly<Tally>): ShortTally {
	return { s: scans, v: visitors, b: bots };
}

function valuesOf(d: Tallies = {}): Map<string, Tally>[] {
	return BUCKET_DIMENSIONS.map((dimension) => fromTallies(d[dimension] ?? {}));
}

function toTallies(tallies: ReadonlyMap<string, Readonly<Tally>>): Record<string, ShortTally> {
	return Object.fromEntries([...tallies].map(([value, tally]) => [escapeKey(value), toShort(tally)]));
}

function fromTallies(tallies: Readonly<Record<string, ShortTally>>): Map<string, Tally> {
	return new Map(Object.entries(tallies).map(([key, tally]) => [unescapeKey(key), toTally(tally)]));
}

function isEmpty({ scans, visitors, bots }: Readonly<Tally>): boolean {
	return scans === 0 && visitors === 0 && bots === 0;
}
