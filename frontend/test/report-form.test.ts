/** What the form of a report tells the API: what was filled in or changed, and `null` for codes when it is of all. */
import { expect, test } from "vitest";
import type { Report } from "../../contracts/report.ts";
import { changesOf, fieldsOf, inputOf } from "../src/composables/report-form.ts";

const report: Report = {
	...{ id: "r1", name: "Weeks", period: "weekly", codes: ["a", "b"], formats: ["html"] },
	...{ createdAt: "2026-01-01T00:00:00.000Z", updatedAt: "2026-01-01T00:00:00.000Z" },
};

test("a new report is of all codes unless some were chosen", () => {
	expect(inputOf({ ...fieldsOf(), name: " Days " })).toEqual({ name: "Days", period: "weekly" });
	expect(inputOf({ ...fieldsOf(), name: "Days", codes: ["a"] })).toMatchObject({ codes: ["a"] });
});

test("an edit says what changed, and nothing of codes that were chosen in another order", () => {
	expect(changesOf({ ...fieldsOf(report), codes: ["b", "a"] }, report)).toEqual({});
	const fields = { ...fieldsOf(report), name: "Days", period: "daily" as const };
	expect(changesOf(fields, report)).toEqual({ name: "Days", period: "daily" });
	expect(changesOf({ ...fields, codes: ["a"] }, report)).toMatchObject({ codes: ["a"] });
});

test("an edit that chooses no code any more makes the report one of all codes", () => {
	expect(changesOf({ ...fieldsOf(report), codes: [] }, report)).toEqual({ codes: null });
	const { codes: _, ...ofAll } = report;
	expect(changesOf(fieldsOf(ofAll), ofAll)).toEqual({});
});
