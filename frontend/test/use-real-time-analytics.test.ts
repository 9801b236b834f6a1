/** The composable as a component uses it, without a DOM, against a real server. */
import { afterEach, expect, test, vi } from "vitest";
import { createApp, effectScope, ref } from "vue";
import { type AnalyticsChannel, LiveConnections } from "../src/live/connections.ts";
import { LIVE_CONNECTIONS, useRealTimeAnalytics } from "../src/live/use-real-time-analytics.ts";
import { counts, EPOCH, type Peer, startPeer } from "./realtime-peer.ts";

let peer: Peer;
let connections: LiveConnections;

afterEach(async () => {
	connections.close();
	await peer.stop();
});

/** Runs `setup` as a component's setup would run. @returns what it gave, and what unmounts it. */
function mounted<T>(setup: () => T): { result: T; unmount(): void } {
	const app = createApp({});
	app.provide(LIVE_CONNECTIONS, connections);
	const scope = effectScope();
	return { result: app.runWithContext(() => scope.run(setup)!), unmount: () => scope.stop() };
}

function until(check: () => void): Promise<void> {
	return vi.waitFor(check, { timeout: 10_000, interval: 10 });
}

test("follows its channel, changes it, and gives it back", async () => {
	peer = await startPeer();
	peer.answer = ({ channel }) => {
		const snapshot = counts(channel === "code:a" ? 1 : 2);
		return { ok: true, channel, epoch: EPOCH, offset: "1", recovered: false, snapshot };
	};
	connections = new LiveConnections({ url: () => peer.url });
	const channel = ref<AnalyticsChannel>("code:a");
	const { result, unmount } = mounted(() => useRealTimeAnalytics(channel));
	expect(result.isConnected.value).toBe(false);
	await until(() => expect(result.data.value?.total.scans).toBe(1));
	expect(result.isConnected.value).toBe(true);
	expect(result.state.value).toBe("live");

	channel.value = "code:b";
	expect(result.data.value).toBeUndefined();
	await until(() => expect(result.data.value?.total.scans).toBe(2));
	expect(peer.unsubscribed).toEqual(["code:a"]);
	unmount();
	await until(() => expect(peer.unsubscribed).toEqual(["code:a", "code:b"]));
});

test("two components share one connection and one channel", async () => {
	peer = await startPeer();
	connections = new LiveConnections({ url: () => peer.url });
	const first = mounted(() => useRealTimeAnalytics("org"));
	const second = mounted(() => useRealTimeAnalytics("org"));
	await until(() => expect(second.result.state.value).toBe("live"));
	expect(first.result.data.value).toBe(second.result.data.value);
	expect(peer.sockets.size).toBe(1);
	expect(peer.asked).toHaveLength(1);
	first.unmount();
	expect(second.result.state.value).toBe("live");
	second.unmount();
});

test("keeps the last number and its age while the server is away", async () => {
	peer = await startPeer();
	connections = new LiveConnections({ url: () => peer.url });
	const { result, unmount } = mounted(() => useRealTimeAnalytics("org"));
	await until(() => expect(result.state.value).toBe("live"));
	await peer.stop();
	await until(() => expect(result.state.value).toBe("offline"));
	expect(result.isConnected.value).toBe(false);
	expect(result.data.value?.total.scans).toBe(10);
	await until(() => expect(result.age.value).toBeGreaterThan(1_000));

	peer = await startPeer({ port: peer.port });
	await until(() => expect(result.state.value).toBe("live"));
	expect(result.age.value).toBeLessThan(1_000);
	unmount();
});
