import { expect, test } from "vitest";
import { lastPeriod, periodOf, periodsSince } from "../../services/cron/reports/periods.ts";

const date = (text: string) => Temporal.PlainDate.from(text);
const at = (text: string) => Date.parse(text);
const hours = ({ start, end }: { start: number; end: number }) => (end - start) / 3_600_000;

test("days have the hours that they have where they are", () => {
	expect(hours(periodOf(date("2026-03-29"), "daily", "Europe/Berlin"))).toBe(23);
	expect(hours(periodOf(date("2026-10-25"), "daily", "Europe/Berlin"))).toBe(25);
	expect(hours(periodOf(date("2026-10-04"), "daily", "Australia/Lord_Howe"))).toBe(23.5);
	expect(hours(periodOf(date("2026-10-25"), "weekly", "Europe/Berlin"))).toBe(7 * 24 + 1);
	expect(hours(periodOf(date("2026-03-01"), "monthly", "America/New_York"))).toBe(31 * 24 - 1);
	expect(periodOf(date("2026-11-22"), "daily", "Asia/Kathmandu").start).toBe(at("2026-11-21T18:15:00Z"));
});

test("weeks begin Monday and are named by the year that they belong to", () => {
	expect(periodOf(date("2026-11-22"), "weekly", "UTC")).toMatchObject({
		id: "2026-W47",
		start: at("2026-11-16T00:00:00Z"),
	});
	expect(periodOf(date("2027-01-03"), "weekly", "UTC").id).toBe("2026-W53");
	expect(periodOf(date("2024-12-30"), "weekly", "UTC").id).toBe("2025-W01");
	expect(periodOf(date("2024-02-29"), "monthly", "UTC")).toMatchObject({
		id: "2024-02",
		end: at("2024-03-01T00:00:00Z"),
	});
});

test("a period is over when its zone says so", () => {
	const midnight = at("2026-11-22T18:15:00Z");
	expect(lastPeriod("daily", "Asia/Kathmandu", midnight - 1).id).toBe("2026-11-21");
	expect(lastPeriod("daily", "Asia/Kathmandu", midnight).id).toBe("2026-11-22");
	expect(lastPeriod("weekly", "UTC", at("2026-11-23T00:00:00Z")).id).toBe("2026-W47");
	expect(lastPeriod("monthly", "UTC", at("2026-12-01T00:00:00Z")).id).toBe("2026-11");
	const due = (tz: string, now: string) =>
		[...periodsSince(date("2026-10-24"), "daily", tz, at(now))].map(({ id }) => id);
	expect(due("Europe/Berlin", "2026-10-26T22:59:59Z")).toEqual(["2026-10-24", "2026-10-25"]);
	expect(due("Europe/Berlin", "2026-10-26T23:00:00Z")).toEqual(["2026-10-24", "2026-10-25", "2026-10-26"]);
});

test("a date that a zone left out is no period", () => {
	const since = [...periodsSince(date("2011-12-29"), "daily", "Pacific/Apia", at("2012-01-02T00:00:00Z"))];
	expect(since.map(({ id }) => id)).toEqual(["2011-12-29", "2011-12-31", "2012-01-01"]);
});
