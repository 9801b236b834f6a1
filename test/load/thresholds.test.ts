import { describe, expect, test } from "vitest";
import { held } from "../../scripts/load/afterwards.ts";
import { kindOfAnswer } from "../../scripts/load/answers.ts";
import { judge, readThreshold } from "../../scripts/load/thresholds.ts";

describe("a threshold", () => {
	test("holds or is broken by what was measured", () => {
		const measured = { "update_ms.p99": 99.5, "ledger.missing": 0, "connections.most": 1_000 };
		const of = (text: string) => judge([readThreshold(text)], measured)[0]?.holds;
		expect(of("update_ms.p99 < 100")).toBe(true);
		expect(of("update_ms.p99<99.5")).toBe(false);
		expect(of("update_ms.p99 <= 99.5")).toBe(true);
		expect(of("connections.most >= 1000")).toBe(true);
		expect(of("connections.most > 1000")).toBe(false);
		expect(of("ledger.missing == 0")).toBe(true);
	});

	test("is broken when nothing of its name was measured", () => {
		const [judged] = judge([readThreshold("update_ms.p99 < 100")], {});
		expect(judged).toMatchObject({ holds: false, measured: undefined });
	});

	test("that is none is refused with what was expected", () => {
		for (const text of ["update_ms.p99", "p99 < fast", "< 3", "a < 1 or b < 2"]) {
			expect(() => readThreshold(text)).toThrow("expected a threshold such as update_ms.p99<100");
		}
	});
});

test("an answer under load is served, refused with a time to come back, or forbidden", () => {
	expect(kindOfAnswer(202, undefined)).toBe("served");
	expect(kindOfAnswer(302, undefined)).toBe("served");
	expect(kindOfAnswer(503, "1")).toBe("refused");
	expect(kindOfAnswer(429, "2")).toBe("refused");
	for (const [status, retryAfter] of [[503], [429], [500, "1"], [502, "1"], [504, "1"], [0, "1"], [404]] as const) {
		expect(kindOfAnswer(status, retryAfter)).toBe("forbidden");
	}
});

describe("what is held against the ledger", () => {
	const ledger = {
		accepted: 10,
		stored: 8,
		duplicate: 1,
		dropped: { too_old: 1 },
		missing: 0,
		inFlight: 0,
		balanced: true,
	};

	test("shows a scan that was acknowledged and not counted", () => {
		expect(held(ledger, 7, { "scans.acknowledged": 8 })).toMatchObject({ "scans.lost": 1, "scans.too_many": 0 });
	});

	test("allows that what was answered without a promise was counted, and no more than that", () => {
		const ran = { "scans.acknowledged": 8, "scans.hurried": 2, "scans.unanswered": 1 };
		expect(held(ledger, 11, ran)).toMatchObject({ "scans.lost": 0, "scans.too_many": 0 });
		expect(held(ledger, 12, ran)).toMatchObject({ "scans.too_many": 1 });
	});

	test("shows what the ledger cannot account for", () => {
		expect(held(ledger, 8, {})).toMatchObject({ "ledger.unaccounted": 0, "ledger.unbalanced": 0 });
		const torn = { ...ledger, accepted: 12, missing: 1, balanced: false };
		expect(held(torn, 8, {})).toMatchObject({
			...{ "ledger.unaccounted": 1, "ledger.missing": 1, "ledger.unbalanced": 1 },
		});
	});
});
