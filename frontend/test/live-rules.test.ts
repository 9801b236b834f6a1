/** The pure rules under the live client: what follows, what is fresh, what a channel's messages add up to. */
import { describe, expect, test } from "vitest";
import type { Update } from "../../contracts/live.ts";
import type { FeedScan } from "../../contracts/scan.ts";
import { type AnalyticsView, fromSnapshot, scansThisMinute, withUpdate } from "../src/live/analytics-reducer.ts";
import { judge, recoveryOf } from "../src/live/contiguity.ts";
import { FEED_LENGTH, feedFromSnapshot, feedWithUpdate } from "../src/live/feed-reducer.ts";
import { stateOf, worstOf } from "../src/live/freshness.ts";
import { reconnectDelay, spreadRetry } from "../src/live/reconnect-delay.ts";
import { counts } from "./realtime-peer.ts";

const at = (offset: string, epoch = "e") => ({ epoch, offset });
const update = (from: string, offset: string): Update<string> => ({
	...at(offset),
	channel: "org",
	from,
	at: "2026-01-01T00:00:00Z",
	data: offset,
});

describe("contiguity", () => {
	test("an update follows, is known, or shows a gap", () => {
		expect(judge(at("1"), update("1", "2"))).toBe("follows");
		expect(judge(at("2"), update("1", "2"))).toBe("known");
		expect(judge(at("2"), update("3", "4"))).toBe("gap");
		expect(judge(at("1", "other"), update("1", "2"))).toBe("gap");
	});

	test("a reply is applied from the place held, or not at all", () => {
		const missed = [update("1", "2"), update("2", "3"), update("3", "4")];
		const reply = { ok: true as const, channel: "org", ...at("4"), recovered: true, missed };
		expect(recoveryOf(reply, at("1"), at("1"))).toEqual({ kind: "add", updates: missed });
		expect(recoveryOf(reply, at("1"), at("3"))).toEqual({ kind: "add", updates: missed.slice(2) });
		expect(recoveryOf(reply, at("1"), at("4"))).toEqual({ kind: "add", updates: [] });
		expect(recoveryOf(reply, at("1"), at("2.5"))).toEqual({ kind: "gap" });
		expect(recoveryOf({ ...reply, recovered: false }, at("1"), at("1"))).toEqual({ kind: "gap" });
	});
});

describe("freshness", () => {
	const fresh = {
		link: "open" as const,
		whole: true,
		hasData: true,
		behindMs: 0,
		proofAgeMs: 0,
		proofAgeOnArrivalMs: 0,
		heartbeatMs: 5_000,
	};

	test("only a whole channel with a fresh proof is live", () => {
		expect(stateOf(fresh)).toBe("live");
		expect(stateOf({ ...fresh, behindMs: 2_001 })).toBe("delayed");
		expect(stateOf({ ...fresh, proofAgeMs: 10_001 })).toBe("delayed");
		expect(stateOf({ ...fresh, proofAgeOnArrivalMs: 3_001 })).toBe("delayed");
		expect(stateOf({ ...fresh, whole: false })).toBe("catching-up");
		expect(stateOf({ ...fresh, whole: false, hasData: false })).toBe("connecting");
		expect(stateOf({ ...fresh, link: "connecting" })).toBe("offline");
		expect(stateOf({ ...fresh, link: "down" })).toBe("offline");
		expect(stateOf({ ...fresh, link: "refused" })).toBe("unauthorized");
	});

	test("a page is as good as its worst channel", () => {
		expect(worstOf(["live", "offline", "delayed"])).toBe("offline");
		expect(worstOf([])).toBe("live");
	});
});

describe("waiting to reconnect", () => {
	test("grows to its cap and is spread by chance", () => {
		expect(reconnectDelay(1, { random: () => 0 })).toBe(125);
		expect(reconnectDelay(3, { random: () => 0 })).toBe(500);
		expect(reconnectDelay(30, { random: () => 0.999_999 })).toBeCloseTo(1_500, 0);
		expect(spreadRetry(1_000, () => 0.5)).toBe(1_125);
	});
});

describe("an analytics channel", () => {
	const minute = (n: number) => new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString();
	const change = (scans: number, n: number) => ({
		...counts(scans, minute(n)),
		delta: { scans: 1, visitors: 1, bots: 0, by: {} },
	});

	test("takes counts as they are said and remembers the minutes it saw", () => {
		let view: AnalyticsView = fromSnapshot(undefined, counts(5, minute(0)));
		view = withUpdate(view, change(6, 0));
		view = withUpdate(view, change(2, 3));
		expect(view.total.scans).toBe(2);
		expect(view.minutes).toEqual([
			{ at: Date.parse(minute(0)), scans: 6 },
			{ at: Date.parse(minute(3)), scans: 2 },
		]);
		expect(withUpdate(view, change(9, 40)).minutes).toEqual([{ at: Date.parse(minute(40)), scans: 9 }]);
	});

	test("forgets minutes when some went by unseen", () => {
		const view = withUpdate(fromSnapshot(undefined, counts(5, minute(0))), change(6, 1));
		expect(fromSnapshot(view, counts(8, minute(1))).minutes).toHaveLength(2);
		const later = fromSnapshot(view, counts(8, minute(4)));
		expect(later.minutes).toEqual([{ at: Date.parse(minute(4)), scans: 8 }]);
		expect(later.minutesSince).toBe(Date.parse(minute(4)));
	});

	test("counts nothing in a minute that has ended without a message", () => {
		const view = counts(5, minute(0));
		expect(scansThisMinute(view, Date.parse(minute(0)) + 59_999)).toBe(5);
		expect(scansThisMinute(view, Date.parse(minute(1)))).toBe(0);
	});
});

describe("a feed", () => {
	const scan = (n: number): FeedScan => ({
		id: `scan-${n}`,
		code: "c",
		slug: "s",
		at: new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString(),
		device: "mobile",
		source: "qr",
		bot: false,
		first: true,
	});

	test("shows each scan once, the newest first, and says how many were left out", () => {
		let feed = feedFromSnapshot(undefined, { scans: [scan(1), scan(3), scan(2)] });
		feed = feedWithUpdate(feed, { scans: [scan(3), scan(5), scan(4)], skipped: 7 });
		expect(feed.scans.map(({ id }) => id)).toEqual(["scan-5", "scan-4", "scan-3", "scan-2", "scan-1"]);
		expect(feed.skipped).toBe(7);
	});

	test("keeps the newest scans only", () => {
		const many = Array.from({ length: FEED_LENGTH + 20 }, (_, n) => scan(n));
		const feed = feedWithUpdate(feedFromSnapshot(undefined, { scans: many.slice(0, 40) }), { scans: many.slice(40) });
		expect(feed.scans).toHaveLength(FEED_LENGTH);
		expect(feed.scans[0]!.id).toBe(`scan-${FEED_LENGTH + 19}`);
	});
});
