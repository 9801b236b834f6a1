/*
 * "Realtime": channels of numbers, their places and their recovery, and presence, tried with a Socket.IO client alone.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Summary } from "../../contracts/analytics.ts";
import type { AnalyticsState, AnalyticsUpdate } from "../../contracts/live.ts";
import { until } from "../harness/product.ts";
import { type Credential, follow, LiveClient } from "./live-client.ts";
import { ADMIN_KEY, type Running, startRunning } from "./running.ts";

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
