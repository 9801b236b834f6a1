import fc from "fast-check";
import { expect, test } from "vitest";
import { escapeKey, idOf, partsOf, unescapeKey } from "../../platform/store/mongo-keys.ts";

const odd = fc.constantFrom(
	"",
	"%",
	"%_",
	"%2E",
	".",
	"$",
	"$inc",
	"a.b",
	"\0",
	"|",
	"__proto__",
	"constructor",
	"%_x",
);
const value = fc.oneof(odd, fc.string({ unit: "binary" }));

test("any value becomes the name of one field, and comes back", () => {
	fc.assert(
		fc.property(value, (text) => {
			const key = escapeKey(text);
			expect(unescapeKey(key)).toBe(text);
			expect(key).toMatch(/^[^.$\0]+$/);
			expect(key in {}).toBe(false);
		}),
		{ numRuns: 2_000 },
	);
});

test("different parts never make the same id", () => {
	fc.assert(
		fc.property(fc.array(value, { minLength: 1 }), (parts) => {
			expect(partsOf(idOf(...parts))).toEqual(parts);
		}),
		{ numRuns: 2_000 },
	);
});
