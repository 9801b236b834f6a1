/**
 * Scans of a closed day column by column, so that a filter reads what it asks about and nothing else of them: rows in order
 * of time, of each dimension its different values and, of each row, which one. A value's place takes no byte where all rows
 * have the same, one where they are 256 at most, else two. Bytes are what is kept; the first one says how they are to be read.
 */

import { type AcceptedScan, DIMENSIONS, type Dimension, NONE } from "../../contracts/scan.ts";
import { FORM, Numbers, pushNumber } from "./packed.ts";
import { firstInstant, QUARTER_MS } from "./quarters.ts";

/** Days are closed anew that were closed with another. */
export const COLUMNS_FORM = 1;

/** So many that a value's place takes two bytes at most. */
const ROWS_TOGETHER = 0x1_0000;
/** And so many bytes of different values: far below what a document may have. */
const BYTES_TOGETHER = 2 * 1024 * 1024;

/** `quarters`: how many rows each quarter hour has. `flags`: of each row, `BOT` and `FIRST`. */
export type Columns = Readonly<Partial<Record<Dimension | "quarters" | "flags", Uint8Array>>>;

/** What columns keep of a raw scan; `at` is epoch ms. */
export type ColumnRow = Pick<AcceptedScan, Dimension | "bot" | "at"> & { readonly first: boolean };

export const BOT = 1;
export const FIRST = 2;
/** How many flags can be told apart. */
export const FLAGS = 4;

/** Gathers rows, which come in order of time, until they are enough for one document. */
export class ColumnsFold {
	readonly #from: number;
	readonly #quarters: { readonly at: number; rows: number }[] = [];
	readonly #flags: number[] = [];
	readonly #columns = DIMENSIONS.map(() => ({ places: new Map<string, number>(), rows: [] as number[] }));
	#bytes = 0;

	/** @param from first instant of the day, epoch ms */
	constructor(from: number) {
		this.#from = firstInstant(from, QUARTER_MS);
	}

	get isFull(): boolean {
		return this.#flags.length >= ROWS_TOGETHER || this.#bytes >= BYTES_TOGETHER;
	}

	add(row: ColumnRow): void {
		const at = firstInstant(row.at, QUARTER_MS);
		const quarter = this.#quarters.at(-1);
		if (quarter?.at === at) quarter.rows++;
		else this.#quarters.push({ at, rows: 1 });
		this.#flags.push((row.bot ? BOT : 0) | (row.first ? FIRST : 0));
		for (const [index, { places, rows }] of this.#columns.entries()) {
			const value = row[DIMENSIONS[index] as Dimension]?.toWellFormed() ?? NONE;
			let place = places.get(value);
			if (place === undefined) {
				place = places.size;
				places.set(value, place);
				this.#bytes += 3 * value.length;
			}
			rows.push(place);
		}
	}

	columns(): Columns {
		const columns = this.#columns.map(({ places, rows }, index) => [DIMENSIONS[index], packColumn(places, rows)]);
		const quarters: number[] = [FORM];
		let before = this.#from;
		for (const { at, rows } of this.#quarters) {
			pushNumber(quarters, (at - before) / QUARTER_MS);
			pushNumber(quarters, rows);
			before = at;
		}
		return {
			...Object.fromEntries(columns),
			quarters: Buffer.from(quarters),
			flags: Buffer.from([FORM, ...this.#flags]),
		};
	}
}

/** A run of rows that lie in one quarter hour: `[first, end)`. */
export interface QuarterRows {
	/** Its first instant, epoch ms. */
	readonly at: number;
	readonly first: number;
	readonly end: number;
}

/** In order. @param from as they were folded with */
export function quarterRows(bytes: Uint8Array, from: number): QuarterRows[] {
	const numbers = new Numbers(bytes);
	const quarters: QuarterRows[] = [];
	let at = firstInstant(from, QUARTER_MS);
	let end = 0;
	while (numbers.at < bytes.length) {
		at += numbers.next() * QUARTER_MS;
		const first = end;
		end += numbers.next();
		quarters.push({ at, first, end });
	}
	return quarters;
}

/** Of each row. */
export function rowFlags(bytes: Uint8Array): Uint8Array {
	return new Numbers(bytes).rest();
}

export interface Column {
	readonly values: readonly string[];
	/** Of each row, which of the values it has; absent where all have the first one. */
	readonly places?: Uint8Array | Uint16Array;
}

export function unpackColumn(bytes: Uint8Array): Column {
	const numbers = new Numbers(bytes);
	const count = numbers.next();
	const size = numbers.next();
	const lengths = Array.from({ length: count }, () => numbers.next());
	const text = numbers.text(size);
	let end = 0;
	const values = lengths.map((length) => {
		const start = end;
		end += length;
		return text.slice(start, end);
	});
	const width = widthOf(count);
	const rest = numbers.rest();
	if (width === 0) return { values };
	if (width === 1) return { values, places: rest };
	const rows = rest.length / 2;
	const places = new Uint16Array(rows);
	for (let row = 0; row < rows; row++) places[row] = (rest[row] as number) | ((rest[rows + row] as number) << 8);
	return { values, places };
}

/** How many values; how many bytes their text has; their lengths; the text; the rows' places, low bytes before high ones. */
function packColumn(places: ReadonlyMap<string, number>, rows: readonly number[]): Uint8Array {
	const values = [...places.keys()];
	const text = Buffer.from(values.join(""), "utf8");
	const head: number[] = [FORM];
	pushNumber(head, values.length);
	pushNumber(head, text.length);
	for (const { length } of values) pushNumber(head, length);
	const width = widthOf(values.length);
	const kept = Buffer.alloc(width * rows.length);
	for (let row = 0; row < rows.length && width > 0; row++) {
		const place = rows[row] as number;
		kept[row] = place & 0xff;
		if (width > 1) kept[rows.length + row] = place >>> 8;
	}
	return Buffer.concat([Buffer.from(head), text, kept]);
}

function widthOf(values: number): 0 | 1 | 2 {
	if (values <= 1) return 0;
	return values <= 0x100 ? 1 : 2;
}
