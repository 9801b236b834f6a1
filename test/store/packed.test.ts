/** What is packed of a closed day or month comes out as it went in, whatever values are called and however many scans there were. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { BUCKET_DIMENSIONS } from "../../contracts/scan.ts";
import type { Tally } from "../../platform/store/bucket.ts";
import { addPacked, pack, unpack } from "../../platform/store/packed.ts";

const QUARTER = 900_000;
const MIDNIGHT_IN_NEPAL = Date.UTC(2026, 2, 13, 18, 15);

const counts = fc.oneof(fc.nat(200), fc.maxSafeNat());
const tally: fc.Arbitrary<Tally> = fc.record({ scans: counts, visitors: counts, bots: counts });
const name = fc.oneof(
	fc.string({ unit: "grapheme" }),
	fc.constantFrom("", "\0", "__proto__", "\u{1F4F1}", "é", "(none)"),
);
const tallies = fc
	.uniqueArray(fc.tuple(name, tally), { selector: ([value]) => value, maxLength: 20 })
	.map((entries) => new Map(entries));
const quarters = fc
	.uniqueArray(fc.tuple(fc.nat(31 * 96), tally), { selector: ([quarter]) => quarter })
	.map((entries) => entries.sort(([a], [b]) => a - b))
	.map((entries) => new Map(entries.map(([quarter, one]) => [MIDNIGHT_IN_NEPAL + quarter * QUARTER, one])));

test("values, codes and quarter hours are read as they were packed", () => {
	const values = fc.tuple(...BUCKET_DIMENSIONS.map(() => tallies));
	fc.assert(
		fc.property(values, fc.option(tallies, { nil: undefined }), quarters, (values, codes, quarters) => {
			const packed = pack({ values, codes, quarters }, MIDNIGHT_IN_NEPAL);
			expect(unpack(packed ?? {}, MIDNIGHT_IN_NEPAL)).toEqual({ values, ...(codes && { codes }), quarters });
		}),
	);
});

test("nothing is packed of what an earlier release closed without quarter hours", () => {
	expect(pack({ values: [], codes: new Map(), quarters: undefined }, MIDNIGHT_IN_NEPAL)).toBeUndefined();
});

test("bytes of a later form are refused, not misread", () => {
	expect(() => addPacked(new Map(), Uint8Array.of(2, 0, 0))).toThrow(/form 2/);
});
