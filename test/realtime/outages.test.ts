import { describe, expect, test } from "vitest";
import type { AnalyticsUpdate } from "../../contracts/live.ts";
import { until } from "../../scripts/servers/until.ts";
import { ADMIN_KEY, Client, type Cluster, type RealtimeNode, startCluster } from "./cluster.ts";
import { ORGANISATION } from "./truth.ts";

const MEGABYTE = 1_000_000;

describe("when something is away", () => {
	const connect = (node: RealtimeNode | undefined) => new Client(node?.url ?? "", { token: ADMIN_KEY }).connected();
	const total = (client: Client) => (client.all("update").at(-1)?.data as AnalyticsUpdate | undefined)?.total.scans;
	const start = async (options: Parameters<typeof startCluster>[0] = {}): Promise<[Cluster, RealtimeNode]> => {
		const cluster = await startCluster(options);
		return [cluster, cluster.nodes[0] as RealtimeNode];
	};

	test("a commit whose announcement was lost is shown within two beats", async () => {
		const [cluster, node] = await start();
		const client = await connect(node);
		await client.subscribe("org");
		cluster.count([{ code: "code-a", scans: 1 }]);
		cluster.count([{ code: "code-a", scans: 2 }], 0, true);
		await until(() => total(client) === 3, { what: "the lost commit", timeoutMs: 2_000 });
		const { country } = (client.all("update").at(-1)?.data as AnalyticsUpdate | undefined)?.delta.by ?? {};
		expect(country).toEqual({ "(other)": 2 });
	});

	test("without readings, held channels go on, new ones are refused as overloaded, and both are whole afterwards", async () => {
		const [cluster, node] = await start({ options: { patienceMs: 300 } });
		const client = await connect(node);
		await client.subscribe("org");
		cluster.unreadable = true;
		cluster.count([{ code: "code-a", scans: 1 }]);
		await until(() => total(client) === 1, { what: "the update of a held channel" });
		expect(await client.ask("subscribe", { channel: "code:code-a" })).toMatchObject({ error: { code: "overloaded" } });
		cluster.count([{ code: "code-a", scans: 1 }], 0, true);
		await until(() => client.all("position").at(-1)?.behindMs === null, { what: "a beat that knows nothing" });
		cluster.unreadable = false;
		await until(() => total(client) === 2, { what: "the missed commit" });
		const reply = await until(() => client.subscribe("code:code-a"), { what: "the refused channel" });
		expect(reply.snapshot).toMatchObject({ total: { scans: 2 } });
	});

	test("when counting is not heard of, beats say so within the time and the state stays", async () => {
		const [cluster, node] = await start({ options: { beatStaleMs: 600 } });
		const client = await connect(node);
		await client.subscribe("org");
		await until(() => client.all("position").at(-1)?.behindMs === 0, { what: "a beat that knows" });
		cluster.silent = true;
		await until(() => client.all("position").at(-1)?.behindMs === null, { what: "a beat that does not" });
		expect((await client.subscribe("org")).ok).toBe(true);
		cluster.silent = false;
		await until(() => client.all("position").at(-1)?.behindMs === 0, { what: "a beat that knows again" });
	});

	test("a client that takes nothing costs little and is sent away, the others notice nothing", async () => {
		const [cluster, node] = await start({ options: { slowMs: 1_000 } });
		const [stalled, other] = await Promise.all([connect(node), connect(node)]);
		await Promise.all([stalled.subscribe("org"), other.subscribe("org")]);
		// What its network card would do: take no byte any more.
		const { transport } = stalled.socket.io.engine as unknown as { transport: { ws: { _socket: { pause(): void } } } };
		transport.ws._socket.pause();
		const noise = "x".repeat(MEGABYTE);
		const shout = () =>
			node.call("realtime.broadcast", {
				organisation: ORGANISATION,
				namespace: "/analytics",
				channel: "org",
				event: "noise",
				data: noise,
			});
		const before = process.memoryUsage().rss;
		await until(async () => (await shout()).sent === 1, {
			what: "the stalled client to be left out",
			timeoutMs: 5_000,
		});
		cluster.count([{ code: "code-a", scans: 1 }]);
		await until(() => total(other) === 1, { what: "the others' update" });
		await until(async () => (await node.call("realtime.stats", {})).connections === 1, { what: "its end" });
		expect(process.memoryUsage().rss - before).toBeLessThan(100 * MEGABYTE);
		expect(other.socket.connected).toBe(true);
	});

	test("a node that stops says goodbye to all, each at its own moment, and is gone at once", async () => {
		const [, node] = await start();
		const clients = await Promise.all(Array.from({ length: 20 }, () => connect(node)));
		await Promise.all(clients.map((client) => client.subscribe("org")));
		const began = performance.now();
		await node.stop();
		expect(performance.now() - began).toBeLessThan(1_500);
		await until(() => clients.every((client) => client.all("disconnect").length > 0), { what: "all to be gone" });
		const byes = clients.map((client) => client.all("bye")[0]);
		expect(byes.map((bye) => bye?.reason)).toEqual(clients.map(() => "draining"));
		expect(new Set(byes.map((bye) => bye?.retryAfterMs)).size).toBeGreaterThan(10);
		// Not "io server disconnect": that would keep a client from coming back by itself.
		expect(new Set(clients.flatMap((client) => client.all("disconnect")))).toEqual(new Set(["transport close"]));
	});
});
