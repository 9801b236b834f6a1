import { beforeAll, describe, expect, test } from "vitest";
import type { AnalyticsUpdate, FeedUpdate } from "../../contracts/live.ts";
import { until } from "../../scripts/servers/until.ts";
import { ADMIN_KEY, Client, type Cluster, startCluster } from "./cluster.ts";

describe("channels", () => {
	let cluster: Cluster;
	let url: string;

	beforeAll(async () => {
		cluster = await startCluster();
		url = (cluster.nodes[0] as { url: string }).url;
	});

	const connect = (namespace: "/analytics" | "/scans" | "/ops" = "/analytics", token = ADMIN_KEY) =>
		new Client(url, { namespace, token }).connected();
	const refused = async (client: Client, event: string, payload: unknown) => {
		const reply = await client.ask(event, payload);
		return reply.ok ? "taken" : reply.error.code;
	};

	test("a subscriber gets a snapshot, then updates that follow each other without a gap", async () => {
		cluster.count([{ code: "code-a", scans: 3, bots: 1 }]);
		const client = await connect();
		const reply = await client.subscribe("org");
		expect(reply).toMatchObject({ channel: "org", recovered: false });
		expect(reply.snapshot).toMatchObject({ total: { scans: 3, visitors: 3, bots: 1 } });
		expect(reply.snapshot).not.toHaveProperty("delta");
		cluster.count([{ code: "code-a", scans: 2 }]);
		cluster.count([{ code: "code-b", scans: 1 }]);
		const updates = await until(
			() => {
				const all = client.all("update");
				return (all.at(-1)?.data as AnalyticsUpdate | undefined)?.total.scans === 6 && all;
			},
			{ what: "the sum of both" },
		);
		// Beats between updates move the place too: together they are one chain.
		let place = reply.offset;
		for (const [, payload] of client.heard.filter(([event]) => event === "update" || event === "position")) {
			const { from, offset } = payload as { from: string; offset: string };
			expect(from).toBe(place);
			place = offset;
		}
		const added = updates.reduce((scans, { data }) => scans + (data as AnalyticsUpdate).delta.scans, 0);
		expect(added).toBe(3);
	});

	test("a code's channel shows that code alone, a feed its scans", async () => {
		const [counts, feed] = await Promise.all([connect(), connect("/scans")]);
		const { snapshot } = await counts.subscribe("code:code-c");
		expect(snapshot).toMatchObject({ total: { scans: 0 } });
		await feed.subscribe("feed:code-c");
		cluster.count([
			{ code: "code-c", scans: 2 },
			{ code: "code-d", scans: 5 },
		]);
		await until(() => counts.all("update").length > 0 && feed.all("update").length > 0, { what: "both updates" });
		expect(counts.all("update")[0]?.data).toMatchObject({ total: { scans: 2 }, delta: { scans: 2 } });
		const update = feed.all("update")[0]?.data as FeedUpdate | undefined;
		expect(update?.scans).toEqual(cluster.truth.scans(undefined, "code-c"));
	});

	test("codes of others, unknown names and names of other namespaces are unknown channels", async () => {
		const client = await connect();
		const stranger = await connect("/analytics", cluster.token(["analytics:read"], { organisation: "other" }));
		expect(await refused(stranger, "subscribe", { channel: "code:code-a" })).toBe("unknown_channel");
		for (const channel of ["code:nothing", "feed", "health", "", "constructor", "org ", "code:"]) {
			expect(await refused(client, "subscribe", { channel })).toBe("unknown_channel");
		}
	});

	test("another organisation hears nothing of ours", async () => {
		const stranger = await connect("/analytics", cluster.token(["analytics:read"], { organisation: "quiet" }));
		await stranger.subscribe("org");
		const ours = await connect();
		await ours.subscribe("org");
		cluster.count([{ code: "code-a", scans: 1 }]);
		await until(() => ours.all("update").length > 0, { what: "our update" });
		expect(stranger.all("update")).toEqual([]);
	});

	test("garbage is answered as invalid where it can be answered, and harms nothing", async () => {
		const client = await connect();
		const garbage = [undefined, null, 7, "org", [], {}, { channel: 7 }, { channel: "org", since: 7 }, { since: {} }];
		for (const payload of garbage) expect(await refused(client, "subscribe", payload)).toBe("invalid");
		expect(await refused(client, "subscribe", { channel: "org", since: { epoch: 1, offset: "0" } })).toBe("invalid");
		expect(await refused(client, "presence", "x")).toBe("invalid");
		expect(await refused(client, "unsubscribe", 0)).toBe("invalid");
		expect(await refused(client, "no such event", {})).toBe("invalid");
		client.socket.emit("subscribe");
		client.socket.emit("subscribe", { channel: {} }, "not a function");
		client.socket.emit("call", "accounts.authenticate", { token: "x" });
		const foreign = await client.subscribe("org", { epoch: "x", offset: "__proto__" });
		expect(foreign.recovered).toBe(false);
		expect(client.socket.connected).toBe(true);
	});

	test("a connection holds 50 channels, the next is refused and the others stay", async () => {
		const client = await connect();
		const names = Array.from({ length: 50 }, (_, i) => `code:code-${i}`);
		await Promise.all(names.map((name) => client.subscribe(name)));
		expect(await refused(client, "subscribe", { channel: "org" })).toBe("too_many_channels");
		await client.subscribe("code:code-7");
		expect(await client.ask("unsubscribe", { channel: "code:code-0" })).toEqual({ ok: true });
		expect((await client.subscribe("org")).ok).toBe(true);
	});

	test("a flood of events ends the connection with a word", async () => {
		const client = await connect();
		for (let i = 0; i < 150; i++) client.socket.emit("presence", { channel: "org" }, () => undefined);
		await until(() => client.all("disconnect").length > 0, { what: "the end of the connection" });
		expect(client.all("bye")).toMatchObject([{ reason: "limit" }]);
	});

	test("a message over 64 KiB ends the connection", async () => {
		const client = await connect();
		client.socket.emit("subscribe", { channel: "x".repeat(70_000) });
		await until(() => client.all("disconnect").length > 0, { what: "the end of the connection" });
	});

	test("after unsubscribing nothing more comes, and presence says so", async () => {
		const [client, other] = await Promise.all([connect(), connect()]);
		await client.subscribe("code:code-e");
		await client.subscribe("code:code-e");
		await other.subscribe("code:code-e");
		expect(await client.ask("presence", { channel: "code:code-e" })).toEqual({ ok: true, count: 2 });
		await client.ask("unsubscribe", { channel: "code:code-e" });
		expect(await other.ask("presence", { channel: "code:code-e" })).toEqual({ ok: true, count: 1 });
		cluster.count([{ code: "code-e", scans: 1 }]);
		await until(() => other.all("update").length > 0, { what: "the update of who stayed" });
		expect(client.all("update")).toEqual([]);
		other.socket.disconnect();
		await until(async () => (await client.ask("presence", { channel: "code:code-e" })).count === 0, { what: "nobody" });
		// The channel lives on for who may come back: what it has to say is for nobody.
		cluster.count([{ code: "code-e", scans: 1 }]);
		await client.subscribe("code:code-f");
		cluster.count([{ code: "code-f", scans: 1 }]);
		await until(() => client.all("update").length > 0, { what: "the update of another channel" });
		expect(client.all("update").map(({ channel }) => channel)).toEqual(["code:code-f"]);
	});

	test("beats come within the heartbeat and say that counting is heard of", async () => {
		const client = await connect();
		await client.subscribe("code:code-quiet");
		await until(() => client.all("position").length >= 4, { what: "beats", timeoutMs: 3_000 });
		const beat = client.all("position").at(-1);
		expect(beat?.behindMs).toBe(0);
		expect(Date.now() - Date.parse(beat?.verifiedAt ?? "")).toBeLessThan(1_500);
	});

	test("operators watch health, jobs and the ledger", async () => {
		const client = await connect("/ops");
		const [health, jobs, ledger] = await Promise.all(
			["health", "jobs", "ledger"].map((name) => client.subscribe(name)),
		);
		expect(health?.snapshot).toMatchObject({ status: "ok" });
		expect(jobs?.snapshot).toEqual({ rows: [{ name: "audit" }], total: 1, page: 1, pageSize: 50 });
		expect(ledger?.snapshot).toMatchObject({ balanced: true });
		cluster.count([{ code: "code-a", scans: 1 }]);
		const [update] = await until(() => client.all("update").length > 0 && client.all("update"), { what: "the ledger" });
		expect(update).toMatchObject({ channel: "ledger", from: ledger?.offset });
	});
});
