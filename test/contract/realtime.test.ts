/*
 * "Realtime": what a client may rely on over Socket.IO, tried with nothing but a Socket.IO client.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Summary } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import type { AnalyticsState, AnalyticsUpdate, FeedUpdate, Place } from "../../contracts/live.ts";
import { until } from "../harness/product.ts";
import { type Credential, LiveClient } from "./live-client.ts";
import { ADMIN_KEY, each, type Running, startRunning } from "./running.ts";
import { signIn } from "./sign-in.ts";

const HEARTBEAT_MS = 500;
const GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

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

/** Holds that every update follows the one before, from the acknowledged place on; the place that it ends at. */
function follow(client: LiveClient, channel: string, from: Place): Place {
	let { epoch, offset } = from;
	for (const { event, data } of client.came) {
		const it = data as { channel?: string; from: string; offset: string; epoch: string };
		if (it.channel !== channel || (event !== "update" && event !== "position")) continue;
		expect(it).toMatchObject({ epoch, from: offset });
		({ epoch, offset } = it);
	}
	return { epoch, offset };
}

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

describe("a channel of numbers", () => {
	test("is acknowledged with its state before any update, and each update follows the last", async () => {
		const code = await running.code();
		await post({ code: code.id, visitor: "a" }, { code: code.id, userAgent: GOOGLEBOT });
		await running.counted({ code: code.id });
		const client = await connect();
		const channel = `code:${code.id}`;
		let stop = false;
		const crowd = (async () => {
			for (let n = 0; !stop; n++) await post({ code: code.id, visitor: `v${n % 7}` });
		})();
		const reply = await client.hold(channel);
		await until(() => client.updates(channel).length >= 10, { what: "ten updates" });
		stop = true;
		await crowd;
		expect(reply).toMatchObject({
			ok: true,
			channel,
			epoch: expect.any(String),
			offset: expect.any(String),
			recovered: false,
		});
		const snapshot = reply.snapshot as AnalyticsState;
		expect(snapshot).toEqual({
			total: { scans: expect.any(Number), visitors: expect.any(Number), bots: 1 },
			today: { scans: expect.any(Number), visitors: expect.any(Number), bots: 1 },
			minute: { at: expect.stringMatching(/:00(\.000)?Z$/), scans: expect.any(Number) },
		});
		const names = client.came.map(({ event, data }) =>
			event === "ack" || (data as { channel?: string }).channel === channel ? event : "",
		);
		expect(names.filter(Boolean)[0]).toBe("ack");
		follow(client, channel, reply);
		const summary = await running.counted({ code: code.id });
		await until(() => client.updates<AnalyticsUpdate>(channel).at(-1)?.data.total.scans === summary.scans, {
			what: "the last update",
		});
		let held = snapshot.total;
		for (const { data, at } of client.updates<AnalyticsUpdate>(channel)) {
			expect(Date.parse(at)).toBeGreaterThan(0);
			const { delta, total } = data;
			held = {
				scans: held.scans + delta.scans,
				visitors: held.visitors + delta.visitors,
				bots: held.bots + delta.bots,
			};
			expect(total).toEqual(held);
		}
		const { scans, visitors, bots } = summary;
		expect(held).toEqual({ scans, visitors, bots });
	});

	test("has the numbers of REST: bots apart, today in the organisation's zone, the current minute", async () => {
		const [one, other] = [await running.code(), await running.code()];
		const client = await connect();
		const [org, code] = [await client.hold("org"), await client.hold(`code:${one.id}`)];
		const yesterday = new Date(Date.now() - 86_400_000).toISOString();
		await post(
			{ code: one.id, country: "DE", visitor: "x", utm: { campaign: "__proto__" } },
			{ code: one.id, country: "DE", visitor: "x" },
			{ code: one.id, at: yesterday, country: "FR", visitor: "x" },
			{ code: one.id, userAgent: GOOGLEBOT },
			{ code: other.id },
		);
		const state = (reply: { snapshot?: unknown }) => reply.snapshot as AnalyticsState;
		const sum = (channel: string) => {
			const deltas = client.updates<AnalyticsUpdate>(channel).map(({ data }) => data.delta);
			return [
				deltas.reduce((n, it) => n + it.scans, 0),
				deltas.reduce((n, it) => n + it.visitors, 0),
				deltas.reduce((n, it) => n + it.bots, 0),
			];
		};
		await until(() => sum(`code:${one.id}`).join() === "3,2,1" && sum("org").join() === "4,2,1", {
			what: "what was posted to be shown",
		});
		const last = client.updates<AnalyticsUpdate>(`code:${one.id}`).at(-1)?.data as AnalyticsUpdate;
		expect(state(code).total).toEqual({ scans: 0, visitors: 0, bots: 0 });
		expect(last.total).toEqual({ scans: 3, visitors: 2, bots: 1 });
		expect(last.today).toEqual({ scans: 2, visitors: 1, bots: 1 });
		const by = (dimension: "country" | "device" | "utm_campaign" | "source") => {
			const found = new Map<string, number>();
			for (const { data } of client.updates<AnalyticsUpdate>(`code:${one.id}`))
				for (const [value, n] of Object.entries(data.delta.by[dimension] ?? {}))
					found.set(value, (found.get(value) ?? 0) + n);
			return Object.fromEntries([...found].filter(([, n]) => n !== 0));
		};
		expect(by("country")).toMatchObject({ DE: 2, FR: 1 });
		const whole = client.updates<AnalyticsUpdate>("org").at(-1)?.data as AnalyticsUpdate;
		const { scans, visitors, bots } = await running.counted({ to: new Date(Date.now() + 60_000).toISOString() });
		expect(whole.total).toEqual({ scans, visitors, bots });
		const today = await running.complete<Summary>("/api/v1/analytics/summary", {
			from: new Date().toISOString().slice(0, 10),
		});
		expect(whole.today).toEqual({ scans: today.scans, visitors: today.visitors, bots: today.bots });
		expect(state(org).total.scans + 4).toBe(whole.total.scans);
		expect(Math.abs(Date.parse(whole.minute.at) - Date.now())).toBeLessThan(120_000);
		expect(whole.minute.scans).toBeGreaterThanOrEqual(0);
	});

	test("is told its position while nothing happens, at least every heartbeat", async () => {
		const code = await running.code();
		const client = await connect();
		const channel = `code:${code.id}`;
		const reply = await client.hold(channel);
		const begun = performance.now();
		await until(() => client.beats(channel).length >= 5, { what: "five positions" });
		expect(performance.now() - begun).toBeLessThan(6 * HEARTBEAT_MS + 500);
		for (const beat of client.beats(channel)) {
			expect(beat).toEqual({
				channel,
				epoch: reply.epoch,
				from: expect.any(String),
				offset: expect.any(String),
				verifiedAt: expect.stringMatching(/Z$/),
				behindMs: expect.any(Number),
			});
			expect(Math.abs(Date.parse(beat.verifiedAt) - Date.now())).toBeLessThan(4 * HEARTBEAT_MS + 3_000);
		}
		follow(client, channel, reply);
	});

	test("makes a client that comes back with its place whole", async () => {
		const code = await running.code();
		const channel = `code:${code.id}`;
		const first = await connect();
		const reply = await first.hold(channel);
		await post({ code: code.id });
		await until(() => first.updates(channel).length > 0, { what: "an update" });
		const since = follow(first, channel, reply);
		first.socket.disconnect();
		await post({ code: code.id }, { code: code.id });
		await running.counted({ code: code.id });
		const second = await connect();
		const recovered = await until(
			async () => {
				const back = await second.hold(channel, since);
				expect(back).toMatchObject({ epoch: since.epoch, recovered: true });
				const shown =
					(back.snapshot as AnalyticsState | undefined) ?? (back.missed?.at(-1)?.data as AnalyticsState | undefined);
				return shown?.total.scans === 3 && back;
			},
			{ what: "the recovery to show everything" },
		);
		if (recovered.missed) {
			let { offset } = since;
			for (const missed of recovered.missed) {
				expect(missed.from).toBe(offset);
				({ offset } = missed);
			}
			expect(recovered.offset).toBe(offset);
		}
		await post({ code: code.id });
		await until(() => second.updates<AnalyticsUpdate>(channel).at(-1)?.data.total.scans === 4, {
			what: "the next update",
		});
	});

	test("proves nothing from a place that it does not know, and gives its state", async () => {
		const code = await running.code();
		const client = await connect();
		const channel = `code:${code.id}`;
		const { epoch, offset } = await client.hold(channel);
		for (const since of [
			{ epoch: "another", offset },
			{ epoch, offset: "nonsense" },
			{ epoch: "", offset: "" },
			{ epoch, offset: "9".repeat(1_000) },
		]) {
			const reply = await client.subscribe(channel, since);
			// What makes no sense may be called invalid; what may be from elsewhere is not recovered.
			if (reply.ok) expect(reply).toMatchObject({ recovered: false, snapshot: { total: { scans: 0 } } });
			else expect(reply.error.code).toBe("invalid");
		}
		expect(await client.subscribe(channel, { epoch: "another", offset })).toMatchObject({ ok: true, recovered: false });
		expect(await client.subscribe(channel, { epoch, offset })).toMatchObject({ ok: true, recovered: true });
	});

	test("that was given up sends nothing more", async () => {
		const [code, witness] = [await running.code(), await running.code()];
		const client = await connect();
		await client.hold(`code:${code.id}`);
		await client.hold(`code:${witness.id}`);
		expect(await client.ask("unsubscribe", { channel: `code:${code.id}` })).toMatchObject({ ok: true });
		const before = client.updates(`code:${code.id}`).length + client.beats(`code:${code.id}`).length;
		await post({ code: code.id }, { code: witness.id });
		await until(
			() => client.updates(`code:${witness.id}`).length > 0 && client.beats(`code:${witness.id}`).length > 1,
			{ what: "the other channel to go on" },
		);
		expect(client.updates(`code:${code.id}`).length + client.beats(`code:${code.id}`).length).toBe(before);
	});
});

describe("presence", () => {
	test("counts connections, each once, within two seconds", async () => {
		const code = await running.code();
		const channel = `code:${code.id}`;
		const [one, two] = [await connect(), await connect()];
		const count = async (expected: number) => {
			const reply = () => one.ask<{ ok: boolean; count: number }>("presence", { channel });
			await until(async () => (await reply()).count === expected, {
				what: `${expected} connections`,
				timeoutMs: 2_000,
				everyMs: 100,
			});
			expect(await reply()).toEqual({ ok: true, count: expected });
		};
		await count(0);
		await one.hold(channel);
		await one.hold(channel);
		await count(1);
		await two.hold(channel);
		await count(2);
		two.socket.disconnect();
		await count(1);
		await one.ask("unsubscribe", { channel });
		await count(0);
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

describe("a feed", () => {
	test("gives every scan once, with what the contract says of it, to those who watch its code or all", async () => {
		const [code, other] = [await running.code({ slug: "feed-1" }), await running.code()];
		const client = await connect("/scans");
		await post({ code: code.id, id: "before" });
		await running.counted({ code: code.id });
		const reply = await client.hold(`feed:${code.id}`);
		expect(reply).toMatchObject({ recovered: false, snapshot: { scans: [{ id: "before" }] } });
		await client.hold("feed");
		const at = new Date(Date.now() - 5_000).toISOString();
		await post(
			{
				code: code.id,
				id: "f-1",
				at,
				country: "de",
				city: "Berlin",
				lat: 52.5,
				lon: 13.4,
				placement: "Wall",
				source: "qr",
				visitor: "v",
				userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
			},
			{ code: code.id, id: "f-2", userAgent: GOOGLEBOT, visitor: "v" },
			{ code: code.id, id: "f-1" },
			{ code: other.id, id: "f-3" },
		);
		const shown = (channel: string) => client.updates<FeedUpdate>(channel).flatMap(({ data }) => data.scans);
		await until(
			() => shown("feed").some(({ id }) => id === "f-3") && shown(`feed:${code.id}`).some(({ id }) => id === "f-2"),
			{ what: "the scans" },
		);
		expect(shown(`feed:${code.id}`).map(({ id }) => id)).toEqual(["f-1", "f-2"]);
		expect(shown("feed").map(({ id }) => id)).toEqual(["f-1", "f-2", "f-3"]);
		expect(shown("feed")[0]).toEqual({
			...{ id: "f-1", code: code.id, slug: "feed-1", at, country: "DE", city: "Berlin", lat: 52.5, lon: 13.4 },
			...{
				device: "desktop",
				os: "Linux",
				browser: "Firefox",
				placement: "wall",
				source: "qr",
				bot: false,
				first: true,
			},
		});
		expect(shown("feed")[1]).toMatchObject({ device: "bot", bot: true, first: false, source: "api" });
		follow(client, `feed:${code.id}`, reply);
	});

	test("shows the last fifty at first, and beyond fifty a second says how many it skipped", async () => {
		const code = await running.code();
		await post(...Array.from({ length: 70 }, (_, n) => ({ code: code.id, id: `old-${n}` })));
		await running.counted({ code: code.id });
		const client = await connect("/scans");
		const channel = `feed:${code.id}`;
		const reply = await client.hold(channel);
		expect((reply.snapshot as FeedUpdate).scans.map(({ id }) => id)).toEqual(
			Array.from({ length: 50 }, (_, n) => `old-${n + 20}`),
		);
		await post(...Array.from({ length: 900 }, (_, n) => ({ code: code.id, id: `new-${n}` })));
		const updates = () => client.updates<FeedUpdate>(channel).map(({ data }) => data);
		const seen = () => updates().reduce((sum, { scans, skipped = 0 }) => sum + scans.length + skipped, 0);
		await until(() => seen() === 900, { what: "900 scans to be shown or skipped" });
		const ids = updates().flatMap(({ scans }) => scans.map(({ id }) => id));
		expect(new Set(ids).size).toBe(ids.length);
		expect(ids.length).toBeLessThan(900);
		expect(ids.length).toBeGreaterThan(0);
		follow(client, channel, reply);
	});

	test("makes a client that comes back whole, each scan once", async () => {
		const code = await running.code();
		const channel = `feed:${code.id}`;
		const first = await connect("/scans");
		const since = await first.hold(channel);
		first.socket.disconnect();
		await post({ code: code.id, id: "missed-1" }, { code: code.id, id: "missed-2" });
		await running.counted({ code: code.id });
		const second = await connect("/scans");
		const back = await second.hold(channel, since);
		expect(back.recovered).toBe(true);
		const known = back.missed
			? back.missed.flatMap(({ data }) => (data as FeedUpdate).scans)
			: (back.snapshot as FeedUpdate).scans;
		await until(
			() => known.length + second.updates<FeedUpdate>(channel).flatMap(({ data }) => data.scans).length === 2,
			{ what: "both scans" },
		);
		const ids = [...known, ...second.updates<FeedUpdate>(channel).flatMap(({ data }) => data.scans)].map(
			({ id }) => id,
		);
		expect(ids).toEqual(["missed-1", "missed-2"]);
	});
});

describe("operators", () => {
	test("see health, jobs and the ledger as over HTTP", async () => {
		const client = await connect("/ops");
		for (const [channel, path] of [
			["health", "/health/ready"],
			["jobs", "/api/v1/jobs"],
			["ledger", "/api/v1/ledger"],
		] as const) {
			await until(
				async () => {
					const { snapshot } = await client.hold(channel);
					expect(snapshot).toEqual(await running.admin.get(path));
					return true;
				},
				{ what: `${channel} to be the same` },
			);
		}
		const code = await running.code();
		await post({ code: code.id });
		await until(() => client.updates<{ accepted: number }>("ledger").length > 0, { what: "the ledger to move" });
	});
});
