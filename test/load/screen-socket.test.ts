/* The load's own Socket.IO connection, against a real realtime node. */
import { expect, test } from "vitest";
import type { AnalyticsUpdate, Update } from "../../contracts/live.ts";
import { ScreenSocket } from "../../scripts/load/screen-socket.ts";
import { until } from "../../scripts/servers/until.ts";
import { ADMIN_KEY, startCluster } from "../realtime/cluster.ts";

const PATIENCE_MS = 5_000;

test("a screen of the load is let in and told what is counted, as any client is", async () => {
	const cluster = await startCluster({});
	const { url } = cluster.nodes[0] as { url: string };
	const updates: Update<AnalyticsUpdate>[] = [];
	const screen = new ScreenSocket({ url, token: ADMIN_KEY, onUpdate: (update) => updates.push(update) });
	expect(await screen.subscribe("code:code-1", PATIENCE_MS)).toMatchObject({ ok: true, channel: "code:code-1" });
	expect(await screen.subscribe("nothing", PATIENCE_MS)).toMatchObject({ ok: false });
	cluster.count([{ code: "code-1", scans: 1 }]);
	await until(() => updates.length > 0, { what: "an update" });
	expect(updates[0]).toMatchObject({ channel: "code:code-1", data: { delta: { scans: 1 } } });
	expect(screen.connected).toBe(true);
	screen.close();
	const stranger = new ScreenSocket({ url, token: "nobody's", onUpdate: () => undefined });
	await expect(stranger.subscribe("code:code-1", PATIENCE_MS)).rejects.toThrow("unauthorized");
	expect(stranger.connected).toBe(false);
});
