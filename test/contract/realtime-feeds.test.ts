/*
 * "Realtime": feeds of scans, and what operators watch, tried with a Socket.IO client alone.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { FeedUpdate } from "../../contracts/live.ts";
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
