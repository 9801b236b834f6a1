/** Columns of scans: what was put in comes out, whatever the values are and however many. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { DIMENSIONS, NONE } from "../../contracts/scan.ts";
import {
	BOT,
	type ColumnRow,
	ColumnsFold,
	FIRST,
	quarterRows,
	rowFlags,
	unpackColumn,
} from "../../platform/store/columns.ts";
import { NOON, scan } from "./scans.ts";

const QUARTER = 900_000;

/** The rows that columns hold; of `at`, its quarter hour. */
function unfolded(fold: ColumnsFold, from: number) {
	const columns = fold.columns();
	const flags = rowFlags(columns.flags as Uint8Array);
	const unpacked = DIMENSIONS.map((dimension) => unpackColumn(columns[dimension] as Uint8Array));
	return quarterRows(columns.quarters as Uint8Array, from).flatMap(({ at, first, end }) =>
		Array.from({ length: end - first }, (_, n) => {
			const row = first + n;
			const of = unpacked.map(({ values, places }) => values[places?.[row] ?? 0]);
			return { at, flags: flags[row], values: of };
		}),
	);
}

function expected(rows: readonly ColumnRow[]) {
	return rows.map((row) => ({
		at: Math.floor(row.at / QUARTER) * QUARTER,
		flags: (row.bot ? BOT : 0) | (row.first ? FIRST : 0),
		values: DIMENSIONS.map((dimension) => row[dimension]?.toWellFormed() ?? NONE),
	}));
}

test("any rows come out as they were put in", () => {
	const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\ud800", "", "日本語 🎉", "\0"));
	const row = fc.record({
		after: fc.integer({ min: 0, max: 90 * 60_000 }),
		bot: fc.boolean(),
		first: fc.boolean(),
		code: text,
		country: fc.option(text, { nil: undefined }),
		utm_campaign: fc.option(text, { nil: undefined }),
	});
	fc.assert(
		fc.property(fc.array(row), fc.integer({ min: 0, max: 86_399_999 }), (some, offset) => {
			const from = NOON + offset;
			let at = from;
			const rows = some.map(({ after, ...rest }) => {
				at += after;
				return { ...scan(), ...rest, at };
			});
			const fold = new ColumnsFold(from);
			for (const one of rows) fold.add(one);
			expect(unfolded(fold, from)).toEqual(expected(rows));
		}),
	);
});

test("a column takes as many values as it has rows, which are full at 65,536", () => {
	const fold = new ColumnsFold(NOON);
	const rows: ColumnRow[] = [];
	for (let n = 0; !fold.isFull; n++) {
		const row = {
			...scan({ at: NOON + n, os: `o${n % 256}`, browser: `b${n % 257}`, region: `${n}` }),
			first: n % 2 === 0,
		};
		rows.push(row);
		fold.add(row);
	}
	expect(rows).toHaveLength(65_536);
	expect(unfolded(fold, NOON)).toEqual(expected(rows));
});

test("rows of long values are full by their bytes", () => {
	const fold = new ColumnsFold(NOON);
	let rows = 0;
	for (; !fold.isFull; rows++) fold.add({ ...scan({ city: `${rows}${"x".repeat(10_000)}` }), first: false });
	expect(rows).toBeLessThan(100);
});
