import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { keptFor, POLICIES, type Policy, type PolicyName } from "../../services/cache/policies.ts";

const NAMES = Object.keys(POLICIES) as PolicyName[];

/** 10 min, 1.7 s. */
function time(ms: number): string {
	return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1_000} s`;
}

function row(name: PolicyName): string {
	const { what, key, tiers, keepMs, from, jitter, why }: Policy = POLICIES[name];
	const begin = from === "asOf" ? " from its `asOf`" : "";
	const shortened = jitter > 0 ? `, up to ${100 * jitter} % less by chance` : "";
	return `| \`${name}\` | ${what} | \`${key}\` | ${tiers.join(", ")} | ${time(keepMs)}${begin}${shortened} | ${why} |`;
}

test("the table of policies in the documentation is that of the code", () => {
	const page = readFileSync(path.join(import.meta.dirname, "..", "..", "docs", "cache.md"), "utf8");
	for (const name of NAMES) expect(page.split("\n")).toContain(row(name));
	expect(page.match(/^\| `\w+` \|/gm)).toHaveLength(NAMES.length);
});

describe("every kind of data", () => {
	test.each(NAMES)("%s has an end", (name) => {
		const now = Date.now();
		const times = Array.from({ length: 1_000 }, () => keptFor(name, now));
		const { keepMs, jitter }: Policy = POLICIES[name];
		expect(Math.max(...times)).toBeLessThanOrEqual(keepMs);
		expect(Math.min(...times)).toBeGreaterThanOrEqual(Math.floor(keepMs * (1 - jitter)));
		expect(keepMs).toBeGreaterThan(0);
		if (jitter > 0) expect(new Set(times).size).toBeGreaterThan(100);
	});

	test("an open answer's time counts from when it was true, and never from the future", () => {
		const now = Date.now();
		expect(keptFor("open", now, now - 1_000)).toBe(keptFor("open", now) - 1_000);
		expect(keptFor("open", now, now + 60_000)).toBe(keptFor("open", now));
	});
});
