import { describe, expect, test } from "vitest";
import { change, foldSeries, heatCells, topRows } from "../../services/analytics/answers.ts";
import { Gateways, isApplied } from "../../services/analytics/freshness.ts";

const HOUR = 3_600_000;

describe("answers", () => {
	test("have every bucket of a series, zero where nothing was", () => {
		const points = foldSeries(
			[0, HOUR, 2 * HOUR],
			[
				{ at: 0, scans: 1, visitors: 1 },
				{ at: HOUR / 2, scans: 2, visitors: 0 },
				{ at: 2 * HOUR, scans: 4, visitors: 3 },
			],
		);
		expect(points.map(({ scans, visitors }) => [scans, visitors])).toEqual([
			[3, 1],
			[0, 0],
			[4, 3],
		]);
	});

	test("have every hour of the week, those of closed days and of quarter hours in one", () => {
		const hours = Array.from({ length: 168 }, (_, hour) => (hour === 3 * 24 + 5 ? 10 : 0));
		// 1970-01-01 was a Thursday; Kathmandu was 5:30 ahead then.
		const quarters = [
			{ at: 0, scans: 2, visitors: 0 },
			{ at: -6 * HOUR, scans: 1, visitors: 0 },
		];
		const cells = heatCells({ hours, quarters }, "Asia/Kathmandu");
		expect(cells.map(({ weekday, hour }) => [weekday, hour])).toEqual(
			Array.from({ length: 168 }, (_, n) => [Math.floor(n / 24) + 1, n % 24]),
		);
		expect(cells.filter(({ scans }) => scans > 0)).toEqual([
			{ weekday: 3, hour: 23, scans: 1 },
			{ weekday: 4, hour: 5, scans: 12 },
		]);
	});

	test("of a breakdown add up: rows and other are the total, and what a cap merged is in other", () => {
		const values = [
			{ value: "(other)", scans: 50, visitors: 0 },
			{ value: "DE", scans: 9, visitors: 4 },
			{ value: "FR", scans: 5, visitors: 2 },
			{ value: "(none)", scans: 1, visitors: 1 },
		];
		const { rows, other, total } = topRows(values, 2);
		expect(rows.map(({ value }) => value)).toEqual(["DE", "FR"]);
		expect([other, total]).toEqual([51, 65]);
	});

	test("compare with a previous period that had nothing by null, not by infinity", () => {
		expect(change({ scans: 5, visitors: 3, bots: 0 }, { scans: 0, visitors: 2, bots: 0 })).toEqual({
			scans: null,
			visitors: 0.5,
		});
	});
});

describe("an answer is complete", () => {
	test("only when everything in the log has been applied", () => {
		const ends = [
			{ partition: 0, position: 7 },
			{ partition: 1, position: 0 },
		];
		expect(isApplied(ends, { 0: 7 })).toBe(true);
		expect(isApplied(ends, { 0: 6 })).toBe(false);
	});

	test("only while no known gateway is silent or holds spooled scans", () => {
		const gateways = new Gateways({ since: 0, several: false });
		const report = { node: "a", at: 0, accepted: {}, pending: 0, spooled: 0 };
		expect(gateways.allPresent(0)).toBe(false);
		gateways.heard(report, 0);
		expect(gateways.allPresent(2_000)).toBe(true);
		expect(gateways.allPresent(5_000)).toBe(false);
		gateways.heard({ ...report, spooled: 3 }, 6_000);
		expect(gateways.allPresent(6_000)).toBe(false);
		gateways.heard({ ...report, leaving: true }, 7_000);
		expect(gateways.allPresent(60_000)).toBe(true);
	});

	test("not before all gateways had time to say what they hold", () => {
		const gateways = new Gateways({ since: 10_000, several: true });
		const report = { node: "a", at: 0, accepted: {}, pending: 0, spooled: 0 };
		gateways.heard(report, 10_500);
		expect(gateways.allPresent(10_500)).toBe(false);
		gateways.heard({ ...report, node: "b", spooled: 1 }, 11_000);
		gateways.heard(report, 13_000);
		expect(gateways.allPresent(13_000)).toBe(false);
		gateways.heard({ ...report, node: "b" }, 13_000);
		expect(gateways.allPresent(13_000)).toBe(true);
	});

	test("again as soon as a gateway that was killed reports from the same data folder", () => {
		const gateways = new Gateways({ since: 0, several: false });
		gateways.heard({ node: "home", at: 0, accepted: {}, pending: 5, spooled: 2 }, 0);
		expect(gateways.allPresent(4_000)).toBe(false);
		gateways.heard({ node: "home", at: 4_500, accepted: {}, pending: 0, spooled: 0 }, 4_500);
		expect(gateways.allPresent(4_500)).toBe(true);
	});
});
