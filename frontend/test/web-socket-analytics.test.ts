/** The live client against a real server that loses, delays and refuses what a test tells it to. */
import { afterEach, describe, expect, test, vi } from "vitest";
import type { AnalyticsView } from "../src/live/analytics-reducer.ts";
import type { ChannelView } from "../src/live/live-channel.ts";
import { analyticsReducer } from "../src/live/reducer.ts";
import { WebSocketAnalytics } from "../src/live/web-socket-analytics.ts";
import { counts, EPOCH, type Peer, type PeerOptions, snapshotAt, startPeer } from "./realtime-peer.ts";

type View = ChannelView<AnalyticsView>;

const running: { stop(): unknown }[] = [];
afterEach(async () => {
	for (const thing of running.splice(0).reverse()) await thing.stop();
});

async function peerWith(options?: PeerOptions): Promise<Peer> {
	const peer = await startPeer(options);
	running.push(peer);
	return peer;
}

function clientOf(url: string) {
	const client = new WebSocketAnalytics({
		url,
		namespace: "/analytics",
		reducer: analyticsReducer,
		ackTimeoutMs: 1_000,
	});
	running.push({ stop: () => client.disconnect() });
	return client;
}

/** A client that is subscribed to the organisation's channel, and everything it was told. */
function watching(url: string) {
	const client = clientOf(url);
	const views: View[] = [];
	const stop = client.subscribe("org", (view) => views.push(view));
	client.connect();
	return {
		client,
		views,
		stop,
		get last() {
			return views.at(-1)!;
		},
		get states() {
			return views.map(({ state }) => state).filter((state, index, all) => state !== all[index - 1]);
		},
	};
}

function until(check: () => void): Promise<void> {
	return vi.waitFor(check, { timeout: 10_000, interval: 10 });
}

const scansOf = (view: View) => view.data?.total.scans;

describe("the live client", () => {
	test("shows a snapshot as live, and applies updates that follow", async () => {
		const peer = await peerWith();
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("live"));
		expect(screen.states).toEqual(["connecting", "live"]);
		expect(scansOf(screen.last)).toBe(10);

		peer.update({ from: "1", offset: "2", scans: 11 });
		peer.update({ from: "2", offset: "3", scans: 12 });
		await until(() => expect(scansOf(screen.last)).toBe(12));
		expect(peer.asked).toHaveLength(1);
	});

	test("sees a lost update by the next one, and asks again from the place it holds", async () => {
		const peer = await peerWith();
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("live"));

		peer.answer = snapshotAt("5", 15);
		peer.update({ from: "4", offset: "5", scans: 15 });
		await until(() => expect(peer.asked).toHaveLength(2));
		expect(peer.asked[1]!.since).toEqual({ epoch: EPOCH, offset: "1" });
		await until(() => expect(screen.last.state).toBe("live"));
		expect(scansOf(screen.last)).toBe(15);
		expect(screen.states).toEqual(["connecting", "live", "catching-up", "live"]);
	});

	test("sees the last update before a silence missing by a beat", async () => {
		const peer = await peerWith();
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("live"));

		peer.answer = snapshotAt("2", 11);
		peer.beat({ from: "2", offset: "2" });
		await until(() => expect(scansOf(screen.last)).toBe(11));
		expect(peer.asked[1]!.since).toEqual({ epoch: EPOCH, offset: "1" });
	});

	test("follows a beat to a new place, so that the next update is no gap", async () => {
		const peer = await peerWith();
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("live"));

		peer.beat({ from: "1", offset: "7" });
		peer.update({ from: "7", offset: "8", scans: 11 });
		await until(() => expect(scansOf(screen.last)).toBe(11));
		expect(peer.asked).toHaveLength(1);
	});

	test("adds what was missed, each update once, when one that follows arrives before the answer", async () => {
		const peer = await peerWith();
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("live"));

		const change = (from: string, offset: string, scans: number) => ({
			channel: "org",
			epoch: EPOCH,
			from,
			offset,
			at: new Date().toISOString(),
			data: { ...counts(scans), delta: { scans: 1, visitors: 0, bots: 0, by: {} } },
		});
		peer.answer = ({ channel, socket }) => {
			socket.emit("update", change("1", "2", 11));
			socket.emit("update", change("8", "9", 99));
			const missed = [change("1", "2", 11), change("2", "3", 12)];
			return { ok: true, channel, epoch: EPOCH, offset: "3", recovered: true, missed };
		};
		peer.update({ from: "2", offset: "3", scans: 12 });
		await until(() => expect(scansOf(screen.last)).toBe(12));
		peer.update({ from: "3", offset: "4", scans: 13 });
		await until(() => expect(scansOf(screen.last)).toBe(13));
		expect(screen.views.map(scansOf)).not.toContain(99);
		expect(peer.asked).toHaveLength(2);
	});

	test("asks without a place when its place cannot be mended", async () => {
		const peer = await peerWith();
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("live"));

		peer.answer = ({ channel, since }) =>
			since
				? { ok: true, channel, epoch: "epoch-2", offset: "1", recovered: false }
				: { ok: true, channel, epoch: "epoch-2", offset: "1", recovered: false, snapshot: counts(3) };
		peer.update({ epoch: "epoch-2", from: "0", offset: "1", scans: 3 });
		await until(() => expect(scansOf(screen.last)).toBe(3));
		expect(peer.asked.map(({ since }) => since?.offset)).toEqual([undefined, "1", undefined]);
	});

	test("says delayed while counting is behind or no longer proves itself, and live after", async () => {
		const peer = await peerWith();
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("live"));

		peer.beat({ from: "1", offset: "1", behindMs: 4_000 });
		await until(() => expect(screen.last.state).toBe("delayed"));
		peer.beat({ from: "1", offset: "1", behindMs: 0 });
		await until(() => expect(screen.last.state).toBe("live"));
		peer.beat({ from: "1", offset: "1", verifiedAt: new Date(Date.now() - 10_000).toISOString() });
		await until(() => expect(screen.last.state).toBe("delayed"));
		expect(scansOf(screen.last)).toBe(10);
	});

	test("reads ages on the server's clock, however wrong its own is", async () => {
		const peer = await peerWith({ clockAheadMs: 3_600_000 });
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("live"));
		peer.beat({ from: "1", offset: "1" });
		await until(() => expect(screen.last.behindMs).toBe(0));
		expect(screen.last.state).toBe("live");
		expect(screen.client.serverNow() - screen.last.verifiedAt!).toBeLessThan(1_000);
	});

	test("gives up a connection on which nothing is heard for two heartbeats, and comes back whole", async () => {
		const peer = await peerWith({ heartbeatMs: 200 });
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("live"));

		peer.answer = snapshotAt("4", 14);
		await until(() => expect(scansOf(screen.last)).toBe(14));
		expect(screen.states.slice(0, 5)).toEqual(["connecting", "live", "offline", "catching-up", "live"]);
		expect(peer.asked[1]!.since).toEqual({ epoch: EPOCH, offset: "1" });
	});

	test("keeps what it knows while the server is away, and is whole after its return", async () => {
		const peer = await peerWith();
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("live"));

		await peer.stop();
		await until(() => expect(screen.last.state).toBe("offline"));
		expect(scansOf(screen.last)).toBe(10);
		const provenAt = screen.last.verifiedAt;

		const returned = await peerWith({ port: peer.port });
		returned.answer = snapshotAt("9", 19);
		await until(() => expect(screen.last.state).toBe("live"));
		expect(returned.asked[0]!.since).toEqual({ epoch: EPOCH, offset: "1" });
		expect(scansOf(screen.last)).toBe(19);
		expect(screen.last.verifiedAt).toBeGreaterThan(provenAt!);
		expect(screen.states).toEqual(["connecting", "live", "offline", "catching-up", "live"]);
	});

	test("comes back when a draining server said it may, not before", async () => {
		const peer = await peerWith();
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("live"));

		const left = Date.now();
		peer.emit("bye", { reason: "draining", retryAfterMs: 900 });
		await until(() => expect(screen.last.state).toBe("offline"));
		await until(() => expect(screen.last.state).toBe("live"));
		expect(Date.now() - left).toBeGreaterThanOrEqual(880);
		expect(peer.sockets.size).toBe(1);
	});

	test("stops when its credential is revoked", async () => {
		const peer = await peerWith();
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("live"));

		peer.emit("bye", { reason: "revoked", retryAfterMs: 0 });
		await until(() => expect(screen.last.state).toBe("unauthorized"));
		expect(screen.last.error?.code).toBe("unauthorized");
		await until(() => expect(peer.sockets.size).toBe(0));
	});

	test("stops when it is not let in", async () => {
		const peer = await peerWith({ refuse: "unauthorized" });
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("unauthorized"));
		expect(screen.last.error?.code).toBe("unauthorized");
	});

	test("tries again after a refusal when asked to", async () => {
		const peer = await peerWith();
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("live"));
		peer.emit("bye", { reason: "revoked", retryAfterMs: 0 });
		await until(() => expect(screen.last.state).toBe("unauthorized"));
		screen.client.verify();
		await until(() => expect(screen.last.state).toBe("live"));
		expect(screen.last.error).toBeUndefined();
	});

	test("reconnects when a subscription stays unanswered", async () => {
		const peer = await peerWith();
		peer.answer = () => undefined;
		const screen = watching(peer.url);
		await until(() => expect(peer.asked).toHaveLength(1));
		peer.answer = snapshotAt("1", 10);
		await until(() => expect(screen.last.state).toBe("live"));
		expect(peer.asked).toHaveLength(2);
	});

	test("reports a channel that the server does not know, and keeps the others live", async () => {
		const peer = await peerWith();
		const good = snapshotAt("1", 10);
		peer.answer = (request) =>
			request.channel === "org" ? good(request) : { ok: false, error: { code: "unknown_channel", message: "no" } };
		const screen = watching(peer.url);
		const other: View[] = [];
		screen.client.subscribe("code:gone", (view) => other.push(view));
		await until(() => expect(other.at(-1)?.error?.code).toBe("unknown_channel"));
		await until(() => expect(screen.last.state).toBe("live"));
		expect(other.at(-1)!.state).not.toBe("live");
	});

	test("shares a channel between listeners, and gives it back with the last one", async () => {
		const peer = await peerWith();
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("live"));
		const second: View[] = [];
		const stopSecond = screen.client.subscribe("org", (view) => second.push(view));
		expect(scansOf(second[0]!)).toBe(10);
		screen.stop();
		peer.update({ from: "1", offset: "2", scans: 11 });
		await until(() => expect(scansOf(second.at(-1)!)).toBe(11));
		expect(peer.asked).toHaveLength(1);
		expect(peer.unsubscribed).toEqual([]);
		stopSecond();
		await until(() => expect(peer.unsubscribed).toEqual(["org"]));
	});

	test("checks a doubtful connection at once, and tries at once when it was waiting", async () => {
		const peer = await peerWith();
		const screen = watching(peer.url);
		await until(() => expect(screen.last.state).toBe("live"));
		screen.client.verify();
		await until(() => expect(peer.asked).toHaveLength(2));

		peer.emit("bye", { reason: "draining", retryAfterMs: 600_000 });
		await until(() => expect(screen.last.state).toBe("offline"));
		screen.client.verify();
		await until(() => expect(screen.last.state).toBe("live"));
	});
});
