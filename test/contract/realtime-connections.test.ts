/*
 * "Realtime": who may connect, what is refused and how, and what ends a connection, tried with a Socket.IO client alone.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Code } from "../../contracts/code.ts";
import { until } from "../harness/product.ts";
import { type Credential, LiveClient } from "./live-client.ts";
import { ADMIN_KEY, each, type Running, startRunning } from "./running.ts";
import { signIn } from "./sign-in.ts";

const HEARTBEAT_MS = 500;

let running: Running;

beforeAll(async () => {
	running = await startRunning({
		env: { HEARTBEAT_MS: String(HEARTBEAT_MS), ALLOWED_ORIGINS: "https://app.example.org" },
	});
});

async function connect(namespace = "/analytics", credential: Credential = { token: ADMIN_KEY }): Promise<LiveClient> {
	const client = new LiveClient(running.url, namespace, credential);
	await client.connected();
	return client;
}

const post = (...scans: object[]) => running.admin.post("/api/v1/scans/batch", { scans });

describe("a connection", () => {
	test("is welcomed", async () => {
		const client = new LiveClient(running.url, "/analytics", { token: ADMIN_KEY });
		const before = Date.now();
		const welcome = await client.connected();
		expect(welcome).toEqual({
			connectionId: expect.any(String),
			node: expect.any(String),
			heartbeatMs: HEARTBEAT_MS,
			serverTime: expect.stringMatching(/Z$/),
		});
		expect(Math.abs(Date.parse(welcome.serverTime) - before)).toBeLessThan(5_000);
		expect(client.came[0]?.event).toBe("welcome");
	});

	test("is refused without a credential, and with one that lacks a scope, and the error says so", async () => {
		const [scanner, reader] = [await running.key(["scans:write", "codes:read"]), await running.key(["analytics:read"])];
		const cookie = await signIn(running.product);
		const own = running.url;
		const cases: [namespace: string, credential: Credential, code: string | undefined][] = [
			["/analytics", {}, "unauthorized"],
			["/analytics", { token: "" }, "unauthorized"],
			["/analytics", { token: "wrong" }, "unauthorized"],
			["/analytics", { token: `${ADMIN_KEY}x` }, "unauthorized"],
			["/analytics", { token: "x".repeat(5_000) }, "unauthorized"],
			["/analytics", { token: { $ne: null } }, "unauthorized"],
			["/analytics", { token: ["a"] }, "unauthorized"],
			["/scans", { token: 7 }, "unauthorized"],
			["/analytics", { token: scanner.secret }, "forbidden"],
			["/scans", { token: scanner.secret }, "forbidden"],
			["/ops", { token: reader.secret }, "forbidden"],
			["/analytics", { token: reader.secret }, undefined],
			["/scans", { token: reader.secret }, undefined],
			["/ops", { token: ADMIN_KEY }, undefined],
			["/analytics", { token: ADMIN_KEY, origin: "https://evil.example" }, "unauthorized"],
			["/analytics", { token: ADMIN_KEY, origin: "null" }, "unauthorized"],
			["/analytics", { token: ADMIN_KEY, origin: "https://app.example.org" }, undefined],
			["/analytics", { cookie }, "unauthorized"],
			["/analytics", { cookie, origin: "https://evil.example" }, "unauthorized"],
			["/analytics", { cookie, origin: own }, undefined],
			["/analytics", { cookie, origin: own.replace("127.0.0.1", "localhost") }, undefined],
			["/ops", { cookie, origin: own }, undefined],
			["/analytics", { cookie: `scanpulse_session=${ADMIN_KEY}`, origin: own }, "unauthorized"],
		];
		await each(cases, async ([namespace, credential, code]) => {
			const client = new LiveClient(running.url, namespace, credential);
			const outcome = await client.connected().then(
				() => undefined,
				(error: Error & { data?: { code: string } }) => error.data ?? error.message,
			);
			expect({ namespace, credential, outcome }).toEqual({ namespace, credential, outcome: code && { code } });
		});
	});

	test("to a namespace that there is not is refused", async () => {
		for (const namespace of ["", "/", "/admin", "/analytics/x", "/__proto__"])
			await expect(new LiveClient(running.url, namespace, { token: ADMIN_KEY }).connected()).rejects.toThrow();
	});

	test("ends with a farewell when its key is deleted or its session ends", async () => {
		const { id, secret } = await running.key(["analytics:read"]);
		const cookie = await signIn(running.product);
		const [byKey, bySession] = [
			await connect("/analytics", { token: secret }),
			await connect("/scans", { cookie, origin: running.url }),
		];
		await byKey.hold("org");
		await running.admin.delete(`/api/v1/keys/${id}`);
		await running.ask("DELETE", "/api/v1/session", { headers: { cookie, origin: running.url } });
		for (const client of [byKey, bySession])
			expect(await client.ended(5_000)).toEqual({ reason: "revoked", retryAfterMs: expect.any(Number) });
		await expect(new LiveClient(running.url, "/analytics", { token: secret }).connected()).rejects.toMatchObject({
			data: { code: "unauthorized" },
		});
	});

	test("ends when its key expires", async () => {
		const { secret } = await running.key(["analytics:read"], { expiresAt: new Date(Date.now() + 2_000).toISOString() });
		const client = await connect("/analytics", { token: secret });
		expect((await client.ended(7_500))?.reason).toBe("revoked");
	});
});

describe("what cannot be", () => {
	test("is refused by its acknowledgement, and the connection goes on", async () => {
		const code = await running.code();
		const cases: [namespace: string, channel: unknown, code: string][] = [
			["/analytics", "code:none", "unknown_channel"],
			["/analytics", `code:${code.slug}`, "unknown_channel"],
			["/analytics", "feed", "unknown_channel"],
			["/analytics", "health", "unknown_channel"],
			["/analytics", "", "unknown_channel"],
			["/analytics", "__proto__", "unknown_channel"],
			["/analytics", `code:${"x".repeat(10_000)}`, "unknown_channel"],
			["/analytics", "ORG", "unknown_channel"],
			["/scans", "org", "unknown_channel"],
			["/scans", "feed:none", "unknown_channel"],
			["/ops", "org", "unknown_channel"],
			["/analytics", 7, "invalid"],
			["/analytics", null, "invalid"],
			["/analytics", ["org"], "invalid"],
			["/analytics", { $ne: 1 }, "invalid"],
		];
		await each(cases, async ([namespace, channel, expected]) => {
			const client = await connect(namespace);
			for (const event of ["subscribe", "presence"]) {
				const reply = await client.ask(event, { channel });
				if (event === "presence" && (reply as { ok: boolean }).ok) continue;
				expect({ namespace, channel, event, reply }).toEqual({
					namespace,
					channel,
					event,
					reply: { ok: false, error: { code: expected, message: expect.any(String) } },
				});
			}
			expect(client.disconnected).toBeUndefined();
		});
	});

	test("garbage with an acknowledgement gets ok: false, without one nothing, and neither ends the connection", async () => {
		const client = await connect();
		const garbage: unknown[] = [
			undefined,
			null,
			"org",
			7,
			true,
			[],
			[["org"]],
			{ channels: "org" },
			new Uint8Array([1, 2, 3]),
			{ channel: "org", since: 7 },
			{ channel: "org", since: {} },
			{ channel: "org", since: { epoch: 1, offset: 2 } },
			JSON.parse('{"__proto__":{"channel":"org"}}'),
		];
		for (const event of ["subscribe", "unsubscribe", "presence"]) {
			for (const payload of garbage) {
				if (event !== "subscribe" && (payload as { channel?: string } | undefined)?.channel === "org") continue;
				expect({ event, payload, reply: await client.ask(event, payload) }).toEqual({
					event,
					payload,
					reply: { ok: false, error: { code: "invalid", message: expect.any(String) } },
				});
			}
		}
		expect(await client.ask("subscribe")).toMatchObject({ ok: false });
		for (const event of ["publish", "update", "broadcast", "call", "__proto__", "constructor"])
			expect({ event, reply: await client.ask(event, { channel: "org" }) }).toMatchObject({
				event,
				reply: { ok: false },
			});
		client.socket.emit("subscribe");
		client.socket.emit("subscribe", "garbage", 7, null);
		client.socket.emit("nonsense", { a: 1 });
		expect(await client.subscribe("org")).toMatchObject({ ok: true });
		expect(client.disconnected).toBeUndefined();
	});

	test("a fifty-first channel is refused, the connection and its fifty stay", async () => {
		const codes: Code[] = [];
		await each(Array.from({ length: 51 }), async () => void codes.push(await running.code()));
		const client = await connect();
		const [last, ...held] = codes as [Code, ...Code[]];
		for (const { id } of held) expect(await client.subscribe(`code:${id}`)).toMatchObject({ ok: true });
		expect(await client.subscribe(`code:${last.id}`)).toEqual({
			ok: false,
			error: { code: "too_many_channels", message: expect.any(String) },
		});
		// One that is held is none more.
		expect(await client.subscribe(`code:${held[0]?.id}`)).toMatchObject({ ok: true });
		await post(...held.map(({ id }) => ({ code: id })), { code: last.id });
		await until(() => held.every(({ id }) => client.updates(`code:${id}`).length > 0), { what: "fifty updates" });
		expect(client.updates(`code:${last.id}`)).toEqual([]);
		await client.ask("unsubscribe", { channel: `code:${held[0]?.id}` });
		expect(await client.subscribe(`code:${last.id}`)).toMatchObject({ ok: true });
	});

	test("more than fifty events a second beyond a burst of a hundred end the connection with a farewell", async () => {
		const client = await connect();
		const burst = await Promise.all(
			Array.from({ length: 95 }, () => client.ask<{ ok: boolean }>("presence", { channel: "org" })),
		);
		expect(burst.every(({ ok }) => ok)).toBe(true);
		expect(client.disconnected).toBeUndefined();
		for (let n = 0; n < 200; n++) client.socket.emit("presence", { channel: "org" });
		expect(await client.ended()).toEqual({ reason: "limit", retryAfterMs: expect.any(Number) });
		await connect();
	});

	test("a message up to 64 KiB is taken, a larger one ends that connection alone", async () => {
		const [client, witness] = [await connect(), await connect()];
		expect(await client.ask("subscribe", { channel: "x".repeat(60_000) })).toMatchObject({ ok: false });
		expect(client.disconnected).toBeUndefined();
		client.socket.emit("subscribe", { channel: "x".repeat(70_000) });
		await client.ended();
		expect(await witness.subscribe("org")).toMatchObject({ ok: true });
	});
});
