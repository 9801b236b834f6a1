import { describe, expect, test } from "vitest";
import type { Entry } from "../../services/cache/entry.ts";
import { type Circumstances, judge } from "../../services/cache/judgement.ts";
import { type AnswerPolicy, answerPolicy } from "../../services/cache/policies.ts";

const policy: AnswerPolicy = { ...answerPolicy("closed"), tickMs: 0, staleMs: 2_000, earlyMs: 0 };
const entry: Entry = {
	...{ kind: "closed", json: "1", asOf: 0, since: 0, expiresAt: 100_000, tookMs: 1_000, node: "one" },
	depends: { organisation: "org_1" },
};
const at = (now: number, own: Partial<Circumstances> = {}): Circumstances => ({
	...{ now, changed: undefined, lastRight: now, chance: 1 },
	...own,
});

/** Which share of reads at an instant is to load it anew. */
function dueAt(now: number, of = entry, by = policy): number {
	let due = 0;
	for (let n = 0; n < 10_000; n++) due += judge(of, by, at(now, { chance: 1 - Math.random() })) === "due" ? 1 : 0;
	return due / 10_000;
}

describe("a kept answer", () => {
	test("is recounted before its end with the probability of XFetch", () => {
		// P(−δ ln(rand) ≥ left) = e^(−left / δ)
		for (const left of [500, 1_000, 2_000, 4_000]) {
			expect(dueAt(entry.expiresAt - left)).toBeCloseTo(Math.exp(-left / entry.tookMs), 1);
		}
		expect(dueAt(entry.expiresAt - 60_000)).toBe(0);
	});

	test("is recounted earlier the longer it takes to load, and where it is quick as early as its policy says", () => {
		const left = entry.expiresAt - 5_000;
		expect(dueAt(left, { ...entry, tookMs: 20_000 })).toBeGreaterThan(dueAt(left, { ...entry, tookMs: 2_000 }));
		expect(dueAt(left, { ...entry, tookMs: 1 }, { ...policy, earlyMs: 5_000 })).toBeCloseTo(Math.exp(-1), 1);
	});

	test("is not served from its end on, whatever the chance", () => {
		expect(judge(entry, policy, at(entry.expiresAt))).toBe("gone");
		expect(judge(entry, policy, at(entry.expiresAt - 1))).toBe("fresh");
	});

	test("that changed is served as stale for as long as its policy says after it was last right", () => {
		const changed = { changed: "counted", lastRight: 10_000 } as const;
		expect(judge(entry, policy, at(11_999, changed))).toBe("stale");
		expect(judge(entry, policy, at(12_000, changed))).toBe("gone");
		expect(judge(entry, policy, at(10_001, { ...changed, changed: "edited" }))).toBe("gone");
		// Within a tick of its loading a change is not yet looked at.
		expect(judge({ ...entry, since: 11_800 }, { ...policy, tickMs: 400 }, at(12_000, changed))).toBe("fresh");
	});
});
