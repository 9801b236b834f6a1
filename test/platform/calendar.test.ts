import { describe, expect, test } from "vitest";
import { bucketStarts, dayOf, hoursOfDay } from "../../platform/calendar.ts";

const at = (text: string) => Date.parse(text);
const iso = (instants: readonly number[]) => instants.map((instant) => new Date(instant).toISOString());

describe("buckets of a time series", () => {
	test("begin with the bucket that the range begins in and touch all of it", () => {
		expect(iso(bucketStarts(at("2026-03-14T10:20Z"), at("2026-03-14T12:00Z"), "hour", "UTC"))).toEqual([
			"2026-03-14T10:00:00.000Z",
			"2026-03-14T11:00:00.000Z",
		]);
	});

	test("of hours lie on local hours where the zone is off by quarter hours", () => {
		expect(iso(bucketStarts(at("2026-03-14T10:20Z"), at("2026-03-14T11:20Z"), "hour", "Asia/Kathmandu"))).toEqual([
			"2026-03-14T10:15:00.000Z",
			"2026-03-14T11:15:00.000Z",
		]);
	});

	test("of days have 23, 24 and 25 hours around a change of clocks", () => {
		const hours = (date: string) => {
			const { start, end } = dayOf(at(`${date}T12:00Z`), "America/New_York");
			return hoursOfDay(start, end, "America/New_York").length;
		};
		expect([hours("2026-03-08"), hours("2026-03-09"), hours("2026-11-01")]).toEqual([23, 24, 25]);
	});

	test("of hours are two for a repeated local hour", () => {
		const { start, end } = dayOf(at("2026-11-01T12:00Z"), "America/New_York");
		const hours = hoursOfDay(start, end, "America/New_York").map(({ hour }) => hour);
		expect(hours.slice(0, 4)).toEqual([0, 1, 1, 2]);
	});

	test("never mix two offsets where clocks move by half an hour", () => {
		const { start, end } = dayOf(at("2026-04-04T20:00Z"), "Australia/Lord_Howe");
		const hours = hoursOfDay(start, end, "Australia/Lord_Howe");
		expect(hours.slice(0, 4).map(({ hour }) => hour)).toEqual([0, 1, 1, 2]);
		expect((hours[2]?.at ?? 0) - (hours[1]?.at ?? 0)).toBe(60 * 60_000);
		expect((hours[3]?.at ?? 0) - (hours[2]?.at ?? 0)).toBe(30 * 60_000);
	});

	test("of weeks begin on Monday, of months on the first", () => {
		expect(iso(bucketStarts(at("2026-03-14T10:20Z"), at("2026-03-17T00:00Z"), "week", "UTC"))).toEqual([
			"2026-03-09T00:00:00.000Z",
			"2026-03-16T00:00:00.000Z",
		]);
		expect(iso(bucketStarts(at("2026-03-14T10:20Z"), at("2026-04-02T00:00Z"), "month", "UTC"))).toEqual([
			"2026-03-01T00:00:00.000Z",
			"2026-04-01T00:00:00.000Z",
		]);
	});

	test("are refused when they would be too many, with what to change", () => {
		expect(() => bucketStarts(0, at("2026-01-01Z"), "quarter", "UTC")).toThrow(/coarser/);
	});
});
