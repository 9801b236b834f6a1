import { expect, test } from "vitest";
import type { Entry } from "../../services/cache/entry.ts";
import { MemoryTier } from "../../services/cache/memory-tier.ts";

const NOW = Date.now();

function entryOf(characters: number, own: Partial<Entry> = {}): Entry {
	return {
		...{ kind: "closed", json: "x".repeat(characters), asOf: NOW, since: NOW, expiresAt: NOW + 60_000, tookMs: 1 },
		...{ depends: { organisation: "acme" }, node: "one" },
		...own,
	};
}

test("memory holds as many bytes of answers as it may, and those that were used last", () => {
	const tier = new MemoryTier({ maxBytes: 1_000_000 });
	tier.set("used", entryOf(10_000), NOW);
	for (let n = 0; n < 500; n++) {
		tier.set(`key ${n}`, entryOf(10_000), NOW);
		expect(tier.get("used")).toBeDefined();
		expect(tier.size.bytes).toBeLessThanOrEqual(1_000_000);
	}
	// Two bytes a character at most.
	expect(tier.size.entries).toBeGreaterThan(40);
	expect(tier.size.entries).toBeLessThanOrEqual(50);
	expect([tier.get("key 0"), tier.get("key 499")?.json.length]).toEqual([undefined, 10_000]);
});

test("one answer that is larger than all of memory throws no other out", () => {
	const tier = new MemoryTier({ maxBytes: 100_000 });
	tier.set("small", entryOf(1_000), NOW);
	tier.set("huge", entryOf(1_000_000), NOW);
	expect([tier.get("small")?.json.length, tier.get("huge")]).toEqual([1_000, undefined]);
});

test("codes that an answer depends on count as bytes as well", () => {
	const tier = new MemoryTier({ maxBytes: 100_000 });
	const codes = Array.from({ length: 1_000 }, (_, n) => `code-${n}`);
	for (let n = 0; n < 10; n++) tier.set(`key ${n}`, entryOf(10, { depends: { organisation: "acme", codes } }), NOW);
	expect(tier.size.entries).toBe(1);
});

test("what is over is not kept, and nothing older takes the place of what is newer", () => {
	const tier = new MemoryTier();
	tier.set("over", entryOf(1, { expiresAt: NOW }), NOW);
	expect(tier.get("over")).toBeUndefined();
	tier.set("k", entryOf(2), NOW);
	tier.set("k", entryOf(3, { since: NOW - 1 }), NOW);
	expect(tier.get("k")?.json.length).toBe(2);
});
