import fc from "fast-check";
import { expect, test } from "vitest";
import { share } from "../../services/scans/share.ts";

test("every partition has exactly one owner, and no node has more than one more than another", () => {
	fc.assert(
		fc.property(
			fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 9 }),
			fc.integer({ min: 1, max: 64 }),
			(names, partitions) => {
				const nodes = names.sort();
				const shares = nodes.map((node) => share(nodes, node, partitions));
				expect(shares.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: partitions }, (_, index) => index));
				const sizes = shares.map((own) => own.length);
				expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
			},
		),
	);
});

test("a node that is not on the list owns nothing", () => {
	expect(share(["a", "b"], "c", 8)).toEqual([]);
});
