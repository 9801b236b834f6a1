import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AnalyticsUpdate, Update } from "../../contracts/live.ts";
import { OTHER } from "../../contracts/scan.ts";
import { CountsListener, FeedListener } from "./listener.ts";
import { DirectNode } from "./nodes.ts";
import { Truth } from "./truth.ts";

const NOON = Date.UTC(2026, 10, 23, 12);

describe("a channel and its clock", () => {
	let truth: Truth;
	let node: DirectNode;
	let listener: CountsListener;
	let updates: Update<AnalyticsUpdate>[];

	beforeEach(() => {
		vi.useFakeTimers({ now: NOON });
		truth = new Truth(1);
		node = new DirectNode("a", truth, { deltaValues: 3, lingerMs: 1_000 });
		listener = new CountsListener();
		updates = [];
		const { update } = listener;
		listener.update = (message) => {
			updates.push(message);
			update.call(listener, message);
		};
	});

	afterEach(() => {
		node.stop();
		vi.useRealTimers();
	});

	const join = async (channel = "org") => {
		const joined = node.join("/analytics", channel, listener);
		await vi.advanceTimersByTimeAsync(0);
		return joined.connection;
	};
	const count = (scans: number, more: { country?: string; at?: number } = {}) =>
		node.live.channels.committed(truth.commit(0, [{ code: "poster", scans, ...more }]));
	const last = () => (updates.at(-1) as Update<AnalyticsUpdate>).data;
	const beat = (behindMs = 0) => node.live.channels.position(truth.beat(0, behindMs));

	test("the first scan is sent at once, those of the next 50 ms in one update with their deltas added", async () => {
		await join();
		beat();
		count(1);
		expect(updates).toHaveLength(1);
		for (let i = 0; i < 10; i++) count(2);
		expect(updates).toHaveLength(1);
		await vi.advanceTimersByTimeAsync(50);
		expect(updates).toHaveLength(2);
		expect(updates[1]?.data.delta.scans).toBe(20);
		expect(updates[1]?.data.total.scans).toBe(21);
		expect(updates[1]?.from).toBe(updates[0]?.offset);
	});

	test("an update names at most so many values of a dimension, and the rest adds up in (other)", async () => {
		await join();
		beat();
		count(1);
		for (const country of ["DE", "FR", "IT", "ES", "PT"]) count(2, { country });
		await vi.advanceTimersByTimeAsync(50);
		const { delta } = last();
		expect(delta.by.country).toEqual({ DE: 2, FR: 2, IT: 2, [OTHER]: 4 });
		expect(delta.by.code).toEqual({ poster: 10 });
	});

	test("each UTC minute begins with an update of its own", async () => {
		await join();
		beat();
		count(3);
		expect(last().minute).toEqual({ at: "2026-11-23T12:00:00.000Z", scans: 3 });
		await vi.advanceTimersByTimeAsync(60_000);
		const { minute, total, delta } = last();
		expect(minute).toEqual({ at: "2026-11-23T12:01:00.000Z", scans: 0 });
		expect([total.scans, delta.scans]).toEqual([3, 0]);
	});

	test("the organisation's midnight sends an update that begins today with what was already counted of it", async () => {
		vi.setSystemTime(NOON + 12 * 3_600_000 - 2_000);
		await join("code:poster");
		beat();
		count(5);
		count(2, { at: Date.now() + 60_000 });
		await vi.advanceTimersByTimeAsync(100);
		expect(listener.state?.today.scans).toBe(5);
		await vi.advanceTimersByTimeAsync(2_000);
		expect(listener.state?.today.scans).toBe(2);
		expect(listener.state?.total.scans).toBe(7);
		expect(listener.gap).toBe(false);
	});

	test("midnight comes also when nothing can be read, and is made exact when it can again", async () => {
		vi.setSystemTime(NOON + 12 * 3_600_000 - 1_000);
		// Counted before the channel is opened here: this node was told nothing of it.
		truth.commit(0, [{ code: "poster", scans: 4, at: Date.now() + 30_000 }]);
		await join();
		count(1);
		node.unreadable = true;
		await vi.advanceTimersByTimeAsync(2_000);
		expect(listener.state?.today.scans).toBe(0);
		node.unreadable = false;
		await vi.advanceTimersByTimeAsync(2_000);
		expect(listener.state?.today.scans).toBe(4);
		expect(listener.total).toEqual(truth.counts());
	});

	test("a change of the organisation's time zone changes what today is, also when those who read hear of it later", async () => {
		await join();
		beat();
		count(5, { at: NOON - 6 * 3_600_000 });
		await vi.advanceTimersByTimeAsync(100);
		expect(listener.state?.today.scans).toBe(5);
		node.live.channels.reload("default");
		await vi.advanceTimersByTimeAsync(100);
		truth.zoneMs = 9 * 3_600_000;
		await vi.advanceTimersByTimeAsync(3_000);
		expect(listener.state?.today.scans).toBe(0);
		expect(listener.total.scans).toBe(5);
	});

	test("beats say when all was last known to be counted, and stop saying so when counting is not heard of", async () => {
		await join();
		beat(120);
		await vi.advanceTimersByTimeAsync(300);
		expect(listener.beat?.behindMs).toBe(120);
		const verifiedAt = listener.beat?.verifiedAt;
		await vi.advanceTimersByTimeAsync(5_000);
		expect(listener.beat).toMatchObject({ behindMs: null, verifiedAt });
		beat();
		await vi.advanceTimersByTimeAsync(300);
		expect(listener.beat?.behindMs).toBe(0);
		expect(Date.parse(listener.beat?.verifiedAt ?? "")).toBeGreaterThan(Date.parse(verifiedAt ?? ""));
	});

	test("a commit that was never announced is found by the next beat and shown", async () => {
		await join();
		beat();
		count(1);
		truth.commit(0, [{ code: "poster", scans: 6 }]);
		beat();
		await vi.advanceTimersByTimeAsync(600);
		expect(listener.total.scans).toBe(7);
		expect(listener.gap).toBe(false);
	});

	test("a log that began anew is noticed, and clients are given a snapshot they can trust", async () => {
		const connection = await join();
		beat();
		for (let i = 0; i < 5; i++) count(1);
		await vi.advanceTimersByTimeAsync(100);
		truth.restartLog();
		count(1);
		beat();
		await vi.advanceTimersByTimeAsync(500);
		expect(listener.gap).toBe(true);
		const again = node.again(connection);
		await vi.advanceTimersByTimeAsync(3_000);
		expect(await again).toBe(true);
		expect(listener.recoveries).toEqual([false]);
		expect(listener.total.scans).toBe(6);
		count(2);
		await vi.advanceTimersByTimeAsync(100);
		expect(listener.total.scans).toBe(8);
		expect(listener.gap).toBe(false);
	});

	test("a new epoch is a gap for every client, and nothing of the old one is recovered", async () => {
		const connection = await join();
		beat();
		count(3);
		await vi.advanceTimersByTimeAsync(100);
		truth.epoch = "epoch-2";
		beat();
		await vi.advanceTimersByTimeAsync(500);
		expect(listener.gap).toBe(true);
		await node.again(connection);
		expect(listener.recoveries).toEqual([false]);
		expect(listener.place?.epoch).toBe("epoch-2");
		count(1);
		expect(listener.total.scans).toBe(4);
	});

	test("who stalls is told what it missed as soon as it takes again, and subscribes from where it is", async () => {
		const connection = await join();
		beat();
		count(1);
		node.stalled.add(connection);
		await vi.advanceTimersByTimeAsync(100);
		count(1);
		await vi.advanceTimersByTimeAsync(100);
		expect(listener.total.scans).toBe(1);
		node.stalled.delete(connection);
		await vi.advanceTimersByTimeAsync(300);
		expect(listener.gap).toBe(true);
		await node.again(connection);
		expect(listener.recoveries).toEqual([true]);
		expect(listener.total.scans).toBe(2);
	});

	test("a channel that nobody holds any more is forgotten after a while", async () => {
		const connection = await join();
		expect(node.live.channels.size).toBe(1);
		node.leave(connection);
		await vi.advanceTimersByTimeAsync(2_000);
		expect(node.live.channels.size).toBe(0);
	});

	test("a feed gives every scan up to its rate and says how many it skipped beyond", async () => {
		const feed = new FeedListener();
		node.join("/scans", "feed", feed);
		await vi.advanceTimersByTimeAsync(0);
		beat();
		count(30);
		await vi.advanceTimersByTimeAsync(50);
		expect([feed.scans.length, feed.skipped]).toEqual([30, 0]);
		count(70);
		await vi.advanceTimersByTimeAsync(1_000);
		expect(feed.scans.length + feed.skipped).toBe(100);
		expect(feed.scans.length).toBeLessThanOrEqual(30 + 23);
		count(10);
		await vi.advanceTimersByTimeAsync(50);
		expect(feed.scans.slice(-10)).toEqual(truth.scans().slice(-10));
	});

	test("a feed passes on how many scans were left out where they were counted", async () => {
		const [feed, other] = [new FeedListener(), new FeedListener()];
		node.join("/scans", "feed:poster", feed);
		node.join("/scans", "feed:flyer", other);
		await vi.advanceTimersByTimeAsync(0);
		beat();
		const announcement = truth.commit(0, [{ code: "poster", scans: 5 }]);
		const sampled = { ...announcement, feed: announcement.feed.slice(0, 2), skipped: { poster: 3 } };
		node.live.channels.committed(sampled);
		await vi.advanceTimersByTimeAsync(100);
		expect([feed.scans.length, feed.skipped]).toEqual([2, 3]);
		expect(feed.scans[0]).not.toHaveProperty("organisation");
		expect([other.scans.length, other.skipped]).toEqual([0, 0]);
	});

	test("who comes back to a feed is given exactly the scans that it missed", async () => {
		const feed = new FeedListener();
		const { connection } = node.join("/scans", "feed", feed);
		await vi.advanceTimersByTimeAsync(0);
		beat();
		count(2);
		node.leave(connection);
		count(3);
		await vi.advanceTimersByTimeAsync(100);
		node.join("/scans", "feed", feed);
		await vi.advanceTimersByTimeAsync(0);
		expect(feed.recoveries).toEqual([true]);
		expect(feed.scans).toEqual(truth.scans());
	});
});
