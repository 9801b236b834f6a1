import { beforeAll, describe, expect, test } from "vitest";
import { until } from "../../scripts/servers/until.ts";
import { ADMIN_KEY, Client, type ClientOptions, type Cluster, startCluster } from "./cluster.ts";

const READ = ["analytics:read"] as const;

describe("connecting", () => {
	let cluster: Cluster;
	let url: string;

	beforeAll(async () => {
		cluster = await startCluster({
			options: { maxConnections: 20, revalidateMs: 300, slowMs: 1_500 },
			env: { ALLOWED_ORIGINS: "https://board.example.org", PUBLIC_URL: "https://go.example.org" },
		});
		url = (cluster.nodes[0] as { url: string }).url;
	});

	const connect = (options: ClientOptions) => new Client(url, options).connected();
	const refusal = (options: ClientOptions) =>
		connect(options).then(
			() => "let in",
			(error: { data?: unknown }) => error.data,
		);
	const cookie = (token: string) => `theme=dark; scanpulse_session=${token}`;

	test("without a credential, or with one that nobody knows, is refused as unauthorized", async () => {
		for (const namespace of ["/analytics", "/scans", "/ops"] as const) {
			expect(await refusal({ namespace })).toEqual({ code: "unauthorized" });
			expect(await refusal({ namespace, token: "nobody's" })).toEqual({ code: "unauthorized" });
		}
	});

	test("with a credential that lacks the scope is refused as forbidden", async () => {
		const write = cluster.token(["scans:write"]);
		expect(await refusal({ token: write })).toEqual({ code: "forbidden" });
		expect(await refusal({ token: write, namespace: "/scans" })).toEqual({ code: "forbidden" });
		expect(await refusal({ token: cluster.token(READ), namespace: "/ops" })).toEqual({ code: "forbidden" });
	});

	test("to any namespace but ours is refused, with whatever credential", async () => {
		for (const namespace of ["/", "/admin", "/analytics/x"]) {
			expect(await refusal({ token: ADMIN_KEY, namespace })).not.toBe("let in");
		}
		const client = new Client(url, { token: ADMIN_KEY, namespace: "/" });
		await expect(client.connected()).rejects.toMatchObject({ data: { code: "unauthorized" } });
	});

	test("from the page of another site is refused, whatever the credential", async () => {
		const headers = { Origin: "https://evil.example.com" };
		expect(await refusal({ token: ADMIN_KEY, headers })).toEqual({ code: "unauthorized" });
	});

	test("from our own page, PUBLIC_URL's and an allowed origin works with the session cookie", async () => {
		const session = cluster.token(READ, { kind: "session" });
		for (const origin of [url, "https://go.example.org", "https://board.example.org"]) {
			const client = await connect({ headers: { Origin: origin, Cookie: cookie(session) } });
			client.socket.disconnect();
		}
	});

	test("without an Origin takes a token, never a cookie", async () => {
		const session = cluster.token(READ, { kind: "session" });
		expect(await refusal({ headers: { Cookie: cookie(session) } })).toEqual({ code: "unauthorized" });
		expect(await refusal({ token: session })).toBe("let in");
	});

	test("is welcomed with the node, the heartbeat and the server's time", async () => {
		const client = await connect({ token: ADMIN_KEY });
		const [welcome] = await until(() => client.all("welcome").length > 0 && client.all("welcome"), {
			what: "a welcome",
		});
		expect(welcome).toMatchObject({ connectionId: client.socket.id, node: "realtime-0", heartbeatMs: 400 });
		expect(Math.abs(Date.parse(welcome?.serverTime ?? "") - Date.now())).toBeLessThan(2_000);
	});

	test("ends within moments when the credential is revoked, with a word", async () => {
		const token = cluster.token(READ);
		const client = await connect({ token });
		const bystander = await connect({ token: cluster.token(READ) });
		const credential = cluster.credentials.get(token);
		cluster.broadcast("accounts.changed", { organisation: credential?.organisation, credential: credential?.id });
		await until(() => client.all("disconnect").length > 0, { what: "the end of the connection" });
		expect(client.all("bye")).toMatchObject([{ reason: "revoked" }]);
		expect(bystander.socket.connected).toBe(true);
	});

	test("ends also when nobody heard of the revocation, and when a credential expires", async () => {
		const revoked = cluster.token(READ);
		const first = await connect({ token: revoked });
		const second = await connect({ token: cluster.token(READ, { expiresAt: Date.now() + 600 }) });
		cluster.credentials.delete(revoked);
		for (const client of [first, second]) {
			await until(() => client.all("disconnect").length > 0, { what: "the end of the connection", timeoutMs: 5_000 });
			expect(client.all("bye")).toMatchObject([{ reason: "revoked" }]);
		}
	});

	test("a node that is full says so and keeps whom it has", async () => {
		const held = await connect({ token: ADMIN_KEY });
		const crowd = await Promise.all(Array.from({ length: 25 }, () => refusal({ token: ADMIN_KEY })));
		expect(crowd).toContainEqual({ code: "overloaded" });
		expect(held.socket.connected).toBe(true);
		expect((await cluster.nodes[0]?.call("realtime.stats", {}))?.connections).toBeLessThanOrEqual(20);
	});
});
