/**
 * What screens read of an organisation's closed day or month, packed so that reading it costs its length and little more:
 * the counts of a dimension's values and of its codes, and those of its quarter hours, which any time zone's days and hours
 * of the week can be made of. Bytes are what is kept; the first one says how they are to be read.
 */

import { BUCKET_DIMENSIONS, type Dimension } from "../../contracts/scan.ts";
import { emptyTally, type Tally } from "./bucket.ts";
import { firstInstant, QUARTER_MS } from "./quarters.ts";
import type { Rollup } from "./rollup.ts";

/** By dimension its values, and all quarter hours that have scans. Without `code` where codes are too many. */
export type Packed = Readonly<Partial<Record<Dimension | "quarters", Uint8Array>>>;

/** What unpacked says the same as was packed. */
export type Unpacked = Pick<Rollup, "values" | "codes" | "quarters">;

export const FORM = 1;

/** @param from first instant of the day or month, epoch ms @returns undefined when its quarter hours are not known */
export function pack({ values, codes, quarters }: Unpacked, from: number): Packed | undefined {
	if (!quarters) return undefined;
	const packed = BUCKET_DIMENSIONS.map((by, index) => [by, packTallies(values[index] ?? new Map())] as const);
	return {
		...Object.fromEntries(packed),
		...(codes && { code: packTallies(codes) }),
		quarters: packQuarters(quarters, from),
	};
}

/** All of it, as an audit wants it. */
export function unpack(packed: Packed, from: number): Unpacked {
	const tallies = (bytes: Uint8Array | undefined) => {
		const sums = new Map<string, Tally>();
		if (bytes) addPacked(sums, bytes);
		return sums;
	};
	return {
		values: BUCKET_DIMENSIONS.map((by) => tallies(packed[by])),
		...(packed.code && { codes: tallies(packed.code) }),
		quarters: unpackQuarters(packed, from),
	};
}

/** By first instant, epoch ms. */
export function unpackQuarters({ quarters }: Packed, from: number): Map<number, Tally> | undefined {
	if (!quarters) return undefined;
	const tallies = new Map<number, Tally>();
	readQuarters(quarters, from, (at, scans, visitors, bots) => tallies.set(at, { scans, visitors, bots }));
	return tallies;
}

/** Adds the counts of packed values to those of the same names. */
export function addPacked(sums: Map<string, Tally>, bytes: Uint8Array): void {
	const numbers = new Numbers(bytes);
	const count = numbers.next();
	const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
		"utf8",
		numbers.next() + numbers.at,
	);
	let end = 0;
	for (let n = 0; n < count; n++) {
		const start = end;
		end += numbers.next();
		const value = text.slice(start, end);
		let sum = sums.get(value);
		if (!sum) {
			sum = emptyTally();
			sums.set(value, sum);
		}
		sum.scans += numbers.next();
		sum.visitors += numbers.next();
		sum.bots += numbers.next();
	}
}

/** Quarter hours in order, by their first instants, epoch ms. @param from as it was packed with */
export function readQuarters(
	bytes: Uint8Array,
	from: number,
	visit: (at: number, scans: number, visitors: number, bots: number) => void,
): void {
	const numbers = new Numbers(bytes);
	let at = firstInstant(from, QUARTER_MS);
	while (numbers.at < bytes.length) {
		at += numbers.next() * QUARTER_MS;
		visit(at, numbers.next(), numbers.next(), numbers.next());
	}
}

/** How many values; how many bytes follow of numbers: of each value its length and counts; their text. */
function packTallies(tallies: ReadonlyMap<string, Readonly<Tally>>): Uint8Array {
	const numbers: number[] = [];
	const names = [...tallies.keys()].map((value) => value.toWellFormed());
	for (const [index, { scans, visitors, bots }] of [...tallies.values()].entries())
		for (const number of [names[index]?.length ?? 0, scans, visitors, bots]) pushNumber(numbers, number);
	const head: number[] = [FORM];
	pushNumber(head, tallies.size);
	pushNumber(head, numbers.length);
	return Buffer.concat([Buffer.from(head), Buffer.from(numbers), Buffer.from(names.join(""), "utf8")]);
}

/** Of each, how many quarter hours after the one before, and its counts. */
function packQuarters(quarters: ReadonlyMap<number, Readonly<Tally>>, from: number): Uint8Array {
	const numbers: number[] = [FORM];
	let before = firstInstant(from, QUARTER_MS);
	for (const [at, { scans, visitors, bots }] of [...quarters].sort(([a], [b]) => a - b)) {
		for (const number of [(at - before) / QUARTER_MS, scans, visitors, bots]) pushNumber(numbers, number);
		before = at;
	}
	return Buffer.from(numbers);
}

/** Seven bits a byte, the lowest first; the last one's high bit is not set. */
export function pushNumber(bytes: number[], number: number): void {
	let rest = number;
	for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
	bytes.push(rest);
}

/** Reads what was packed, from behind its first byte on. */
export class Numbers {
	at = 1;
	readonly #bytes: Uint8Array;

	constructor(bytes: Uint8Array) {
		if (bytes[0] !== FORM) throw new Error(`Packed counts of form ${bytes[0]} are not known`);
		this.#bytes = bytes;
	}

	next(): number {
		let byte = this.#bytes[this.at++] as number;
		let number = byte & 0x7f;
		for (let factor = 0x80; byte >= 0x80; factor *= 0x80) {
			byte = this.#bytes[this.at++] as number;
			number += (byte & 0x7f) * factor;
		}
		return number;
	}

	/** So many bytes of text. */
	text(size: number): string {
		const { buffer, byteOffset, byteLength } = this.#bytes;
		const begin = this.at;
		this.at += size;
		return Buffer.from(buffer, byteOffset, byteLength).toString("utf8", begin, this.at);
	}

	/** All that was not read yet. */
	rest(): Uint8Array {
		return this.#bytes.subarray(this.at);
	}
}
