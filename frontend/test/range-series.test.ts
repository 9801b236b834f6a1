/** What a chart shows: ranges in the organisation's time zone, and buckets whose sum is the number beside them. */
import { describe, expect, test } from "vitest";
import { chartOption } from "../src/analytics/chart-option.ts";
import { addDays, dateIn, monthsBefore, rangeQuery } from "../src/analytics/range.ts";
import { growth, sumOf, weave, withDestinations } from "../src/analytics/series.ts";
import type { Palette } from "../src/composables/use-palette.ts";

const at = (iso: string) => Date.parse(iso);
const point = (iso: string, scans: number) => ({ at: iso, scans, visitors: scans });
const amount = (scans: number) => ({ scans, visitors: scans });

describe("ranges", () => {
	test("a date is the one of the organisation's time zone", () => {
		expect(dateIn("UTC", at("2026-03-01T23:30:00Z"))).toBe("2026-03-01");
		expect(dateIn("Asia/Kolkata", at("2026-03-01T23:30:00Z"))).toBe("2026-03-02");
		expect(dateIn("America/New_York", at("2026-03-01T02:00:00Z"))).toBe("2026-02-28");
	});

	test("ranges begin where people expect", () => {
		expect(addDays("2026-03-01", -1)).toBe("2026-02-28");
		expect(monthsBefore("2026-02-14", 11)).toBe("2025-03-01");
		expect(rangeQuery("today", "2026-03-01")).toEqual({ interval: "quarter", from: "2026-03-01", today: "2026-03-01" });
		expect(rangeQuery("7d", "2026-03-03").from).toBe("2026-02-25");
		expect(rangeQuery("30d", "2026-03-03").from).toBe("2026-02-02");
		expect(rangeQuery("12m", "2026-03-03")).toMatchObject({ interval: "month", from: "2025-04-01" });
	});
});

describe("a chart of today", () => {
	const query = rangeQuery("today", "2026-03-01");
	const history = [
		point("2026-03-01T00:00:00Z", 3),
		point("2026-03-01T00:15:00Z", 4),
		point("2026-03-01T00:30:00Z", 1),
	];

	test("its quarter hours add up to what is live", () => {
		const buckets = weave(query, "UTC", history, { today: amount(12), now: at("2026-03-01T00:40:00Z") });
		expect(buckets.slice(0, 3).map(({ scans }) => scans)).toEqual([3, 4, 5]);
		expect(buckets[2]!.current).toBe(true);
		expect(sumOf(buckets)).toEqual(amount(12));
	});

	test("goes on by itself when a quarter hour ends", () => {
		const buckets = weave(query, "UTC", history, { today: amount(12), now: at("2026-03-01T00:46:00Z") });
		expect(buckets.filter(({ future }) => !future).map(({ scans }) => scans)).toEqual([3, 4, 1, 4]);
	});

	test("gives a quarter hour that ended what came before its end, until the server's word on it is there", () => {
		const now = at("2026-03-01T00:46:00Z");
		const before = { at: at("2026-03-01T00:45:00Z"), today: amount(10) };
		const scansOf = (buckets: ReturnType<typeof weave>) =>
			buckets.filter(({ future }) => !future).map(({ scans }) => scans);
		expect(scansOf(weave(query, "UTC", history, { today: amount(12), now, before }))).toEqual([3, 4, 3, 2]);
		// Of an earlier quarter hour it says nothing.
		const later = at("2026-03-01T01:01:00Z");
		expect(scansOf(weave(query, "UTC", history, { today: amount(12), now: later, before }))).toEqual([3, 4, 1, 0, 4]);
		// The day that ended has no part in the new one.
		const midnight = { at: at("2026-03-01T00:00:00Z"), today: amount(90) };
		const first = { today: amount(2), now: midnight.at + 5_000, before: midnight };
		expect(scansOf(weave(query, "UTC", [], first))).toEqual([2]);
	});

	test("ends with the day, also on days that are longer or shorter", () => {
		const lengthOf = (date: string, first: string) =>
			weave(rangeQuery("today", date), "Europe/Berlin", [point(first, 0)], { today: amount(0), now: at(first) }).length;
		expect(weave(query, "UTC", history, { today: amount(12), now: at("2026-03-01T00:40:00Z") })).toHaveLength(96);
		expect(lengthOf("2026-03-29", "2026-03-28T23:00:00Z")).toBe(92);
		expect(lengthOf("2026-10-25", "2026-10-24T22:00:00Z")).toBe(100);
	});

	test("shows history alone where nothing is live", () => {
		const buckets = weave(query, "UTC", history, { today: undefined, now: at("2026-03-01T00:40:00Z") });
		expect(sumOf(buckets)).toEqual(amount(8));
	});
});

describe("a chart of days and months", () => {
	test("today's bucket is what is live, whatever the time zone", () => {
		const history = [point("2026-02-28T18:30:00Z", 7), point("2026-03-01T18:30:00Z", 8)];
		const query = rangeQuery("7d", "2026-03-03");
		const buckets = weave(query, "Asia/Kolkata", history, { today: amount(2), now: at("2026-03-03T10:00:00Z") });
		expect(buckets).toEqual([
			{ at: at("2026-03-01"), ...amount(7) },
			{ at: at("2026-03-02"), ...amount(8) },
			{ at: at("2026-03-03"), ...amount(2), current: true },
		]);
	});

	test("today belongs to the present month", () => {
		const history = [point("2026-02-01T00:00:00Z", 50), point("2026-03-01T00:00:00Z", 5)];
		const buckets = weave(rangeQuery("12m", "2026-03-03"), "UTC", history, {
			today: amount(2),
			now: at("2026-03-03T10:00:00Z"),
		});
		expect(buckets.map(({ scans }) => scans)).toEqual([50, 7]);
		const first = weave(rangeQuery("12m", "2026-04-01"), "UTC", history, {
			today: amount(2),
			now: at("2026-04-01T10:00:00Z"),
		});
		expect(first.map(({ scans }) => scans)).toEqual([50, 5, 2]);
	});

	test("growth needs something to grow from", () => {
		expect(growth(15, 10)).toBe(0.5);
		expect(growth(5, 10)).toBe(-0.5);
		expect(growth(5, 0)).toBeNull();
		expect(growth(5, undefined)).toBeNull();
	});
});

describe("edits of a destination", () => {
	const edit = (iso: string, url: string) => ({ at: iso, code: "c", url });
	const destinationsOf = (buckets: ReturnType<typeof withDestinations>) =>
		buckets.flatMap(({ at, destinations }) => (destinations ? [[new Date(at).toISOString(), ...destinations]] : []));

	test("stand in the quarter hour, the date and the month in which they were made, in the organisation's zone", () => {
		const edits = [
			edit("2026-02-27T18:29:59.999Z", "a"),
			edit("2026-02-27T18:30:00Z", "b"),
			edit("2026-02-28T18:30:00Z", "c"),
		];
		const marked = (...[range, history]: ["7d" | "12m", readonly string[]]) => {
			const query = rangeQuery(range, "2026-03-01");
			const now = at("2026-03-01T10:00:00Z");
			const woven = weave(
				query,
				"Asia/Kolkata",
				history.map((iso) => point(iso, 1)),
				{ now, today: amount(1) },
			);
			return destinationsOf(withDestinations(woven, query.interval, "Asia/Kolkata", edits));
		};
		expect(marked("7d", ["2026-02-26T18:30:00Z", "2026-02-27T18:30:00Z"])).toEqual([
			["2026-02-27T00:00:00.000Z", "a"],
			["2026-02-28T00:00:00.000Z", "b"],
			["2026-03-01T00:00:00.000Z", "c"],
		]);
		expect(marked("12m", ["2026-01-31T18:30:00Z"])).toEqual([
			["2026-02-01T00:00:00.000Z", "a", "b"],
			["2026-03-01T00:00:00.000Z", "c"],
		]);

		const today = weave(rangeQuery("today", "2026-03-01"), "UTC", [point("2026-03-01T00:00:00Z", 3)], {
			...{ now: at("2026-03-01T00:31:00Z"), today: amount(3) },
		});
		const made = [edit("2026-03-01T00:14:59Z", "a"), edit("2026-03-01T00:30:30Z", "b")];
		expect(destinationsOf(withDestinations(today, "quarter", "UTC", made))).toEqual([
			["2026-03-01T00:00:00.000Z", "a"],
			["2026-03-01T00:30:00.000Z", "b"],
		]);
	});

	test("are drawn as a line each and told in the tooltip, as text", () => {
		const buckets = [
			{ at: at("2026-02-27"), ...amount(1) },
			{ at: at("2026-02-28"), ...amount(2), destinations: ["https://example.org/#<img src=x>"] },
			{ at: at("2026-03-01"), ...amount(3), destinations: ["a", "b", "c", "d", `https://${"e".repeat(80)}`] },
		];
		const palette = new Proxy({}, { get: () => "#000" }) as Palette;
		const given = { metric: "scans", interval: "day", timeZone: "UTC", stale: false } as const;
		const { series, tooltip } = chartOption({ buckets, palette, ...given });
		expect(series[0]?.markLine.data).toEqual([{ xAxis: 1 }, { xAxis: 2 }]);
		const told = (dataIndex: number) => tooltip.formatter([{ dataIndex }]).split("<br>").slice(3);
		expect(told(0)).toEqual([]);
		expect(told(1)).toEqual(["Destination changed to <b>https://example.org/#&lt;img src=x&gt;</b>"]);
		expect(told(2)).toEqual([
			"Destination changed 2 more times before",
			"Destination changed to <b>c</b>",
			"Destination changed to <b>d</b>",
			`Destination changed to <b>https://${"e".repeat(52)}…</b>`,
		]);
	});
});
