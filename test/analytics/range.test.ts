import { describe, expect, test } from "vitest";
import { dataOf } from "../../contracts/errors.ts";
import { previousRange, resolveRange } from "../../services/analytics/range.ts";

const NOW = Date.parse("2026-11-23T08:30:00Z");
const iso = ({ from, to }: { from: number; to: number }) =>
	[from, to].map((instant) => new Date(instant).toISOString());

describe("the range of a question", () => {
	test("is today so far when nothing is asked", () => {
		expect(iso(resolveRange({ tz: "Asia/Kolkata" }, NOW))).toEqual([
			"2026-11-22T18:30:00.000Z",
			"2026-11-23T08:30:00.000Z",
		]);
	});

	test("reads dates in the asked time zone, half open", () => {
		expect(iso(resolveRange({ from: "2026-11-01", to: "2026-11-02", tz: "America/New_York" }, NOW))).toEqual([
			"2026-11-01T04:00:00.000Z",
			"2026-11-02T05:00:00.000Z",
		]);
	});

	test.each([
		[{ from: "2026-02-30" }, "from"],
		[{ from: "yesterday" }, "from"],
		[{ from: "2026-11-23T08:00:00" }, "from"],
		[{ to: "2026-13-01" }, "to"],
		[{ to: "2020-01-01" }, "to"],
		[{ from: "2026-11-24", to: "2026-11-23" }, "from"],
		[{ tz: "Mars/Olympus" }, "tz"],
	])("is refused when it makes no sense: %j", (asked, path) => {
		let thrown: unknown;
		try {
			resolveRange({ tz: "UTC", ...asked }, NOW);
		} catch (error) {
			thrown = error;
		}
		expect(dataOf(thrown).errors?.map((error) => error.path)).toEqual([path]);
	});
});

describe("the previous period", () => {
	test("has as many local days when dates were asked, also over a change of clocks", () => {
		const range = resolveRange({ from: "2026-11-01", to: "2026-11-03", tz: "America/New_York" }, NOW);
		expect(iso(previousRange(range))).toEqual(["2026-10-30T04:00:00.000Z", "2026-11-01T04:00:00.000Z"]);
	});

	test("has the same length when instants were asked", () => {
		const range = resolveRange({ from: "2026-11-23T06:00:00Z", to: "2026-11-23T08:00:00Z", tz: "UTC" }, NOW);
		expect(iso(previousRange(range))).toEqual(["2026-11-23T04:00:00.000Z", "2026-11-23T06:00:00.000Z"]);
	});
});
