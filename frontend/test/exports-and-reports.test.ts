import { expect, test } from "vitest";
import { exportAddress } from "../src/analytics/export-address.ts";
import { periodName } from "../src/reports/period-name.ts";

test("a file is of what the screen shows", () => {
	const address = (...of: Parameters<typeof exportAddress>) => new URL(exportAddress(...of), "http://x");
	const scans = address({ from: "2026-11-01" }, { what: "scans" }, { format: "csv", bots: false });
	expect(scans.pathname).toBe("/api/v1/analytics/export");
	expect(Object.fromEntries(scans.searchParams)).toEqual({ what: "scans", format: "csv", from: "2026-11-01" });
	const scope = { code: "a&b", from: "2026-11-01", to: undefined };
	const series = address(scope, { what: "timeseries", interval: "day" }, { format: "ndjson", bots: true });
	expect(Object.fromEntries(series.searchParams)).toEqual({
		...{ what: "timeseries", interval: "day", format: "ndjson", bots: "true", code: "a&b", from: "2026-11-01" },
	});
});

test("a period has the name that people give it", () => {
	expect(periodName("2026-W07")).toBe("Week 7, 2026");
	expect(periodName("2026-11")).toMatch(/November 2026/);
	expect(periodName("2026-11-22")).toMatch(/22/);
});
