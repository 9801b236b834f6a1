import { beforeAll, describe, expect, test } from "vitest";
import type { AnalyticsUpdate, FeedUpdate, Update } from "../../contracts/live.ts";
import { until } from "../../scripts/servers/until.ts";
import { realServer } from "../harness/servers.ts";
import { ADMIN_KEY, Client, type Cluster, type RealtimeNode, startCluster } from "./cluster.ts";

describe("two realtime nodes over NATS", () => {
	let cluster: Cluster;
	let nodes: readonly [RealtimeNode, RealtimeNode];
	let nats: Awaited<ReturnType<typeof realServer>>;

	beforeAll(async () => {
		nats = await realServer("nats");
		cluster = await startCluster({ nodes: 2, partitions: 2, natsUrl: nats.url });
		nodes = cluster.nodes as [RealtimeNode, RealtimeNode];
	});

	const connect = (node: RealtimeNode, namespace: "/analytics" | "/scans" = "/analytics") =>
		new Client(node.url, { namespace, token: ADMIN_KEY }).connected();
	const total = (client: Client) => (client.all("update").at(-1)?.data as AnalyticsUpdate | undefined)?.total.scans;

	test("both show the same, and at the same place", async () => {
		const [a, b] = await Promise.all(nodes.map((node) => connect(node)));
		await Promise.all([a?.subscribe("org"), b?.subscribe("org")]);
		cluster.count([{ code: "code-a", scans: 2 }], 0);
		cluster.count([{ code: "code-b", scans: 3 }], 1);
		for (const client of [a, b]) await until(() => client && total(client) === 5, { what: "both commits" });
		expect(a?.all("update").at(-1)?.offset).toBe(b?.all("update").at(-1)?.offset);
	});

	test("a client that moves by its place is recovered on the other node, and misses nothing", async () => {
		const first = await connect(nodes[0]);
		await first.subscribe("org");
		cluster.count([{ code: "code-a", scans: 1 }]);
		const { epoch, offset } = await until(() => first.all("update").at(-1), { what: "an update" });
		first.socket.disconnect();
		cluster.count([{ code: "code-a", scans: 4 }], 0);
		const second = await connect(nodes[1]);
		const reply = await second.subscribe("org", { epoch, offset });
		expect(reply.recovered).toBe(true);
		const whole = cluster.truth.counts().scans;
		const held = (reply.snapshot as AnalyticsUpdate).total.scans;
		if (held !== whole) await until(() => total(second) === whole, { what: "what was counted meanwhile" });
	});

	test("a feed is continued on the other node with exactly what was missed", async () => {
		const standing = await connect(nodes[1], "/scans");
		await standing.subscribe("feed");
		const first = await connect(nodes[0], "/scans");
		await first.subscribe("feed");
		cluster.count([{ code: "code-a", scans: 1 }], 1);
		const place = await until(() => first.all("update").at(-1), { what: "an update" });
		first.socket.disconnect();
		const missed = cluster.count([{ code: "code-b", scans: 3 }], 0);
		await until(() => standing.all("update").at(-1)?.offset !== place.offset, { what: "the node to have it" });
		const second = await connect(nodes[1], "/scans");
		const reply = await second.subscribe("feed", { epoch: place.epoch, offset: place.offset });
		expect(reply.recovered).toBe(true);
		const given = [
			...((reply.missed ?? []) as Update<FeedUpdate>[]),
			...(second.all("update") as Update<FeedUpdate>[]),
		];
		const scans = given.flatMap(({ data }) => data.scans.map(({ id }) => id));
		expect(scans).toEqual(missed.feed.map(({ id }) => id));
	});

	test("presence counts the connections of both nodes within 2 s, also when some leave", async () => {
		const [a, b, c] = await Promise.all([connect(nodes[0]), connect(nodes[1]), connect(nodes[1])]);
		const channel = "code:code-presence";
		for (const client of [a, b, c]) await client?.subscribe(channel);
		for (const client of [a, b]) {
			await until(async () => (await client?.ask("presence", { channel }))?.count === 3, {
				what: "3",
				timeoutMs: 2_000,
			});
		}
		c?.socket.disconnect();
		await until(async () => (await a?.ask("presence", { channel }))?.count === 2, { what: "2", timeoutMs: 2_000 });
	});

	test("with the broker gone clients are told that nothing is known, and are whole when it is back", async () => {
		const client = await connect(nodes[0]);
		await client.subscribe("org");
		await nats.kill();
		cluster.count([{ code: "code-a", scans: 7 }], 0, true);
		await until(() => client.all("position").at(-1)?.behindMs === null, { what: "a beat that knows nothing" });
		await nats.restart();
		const whole = cluster.truth.counts().scans;
		await until(() => total(client) === whole, { what: "what was counted meanwhile", timeoutMs: 15_000 });
		await until(() => client.all("position").at(-1)?.behindMs === 0, { what: "a beat that knows again" });
	});
});
