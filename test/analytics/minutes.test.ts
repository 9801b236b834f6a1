/*
 * The minutes of the last half hour, asked of analytics beside a real cache, counting, log and store: whose numbers they
 * are, and that they are right at once whatever was lost.
 */
import { Redis } from "ioredis";
import type { ServiceSchema } from "moleculer";
import { describe, expect, test } from "vitest";
import { encodeMessage } from "../../platform/log/message.ts";
import type { Platform } from "../../platform/platform.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import analytics from "../../services/analytics/analytics.service.ts";
import cache from "../../services/cache/cache.service.ts";
import codes from "../../services/codes/codes.service.ts";
import scans from "../../services/scans/scans.service.ts";
import { runActor } from "../harness/actor.ts";
import { until } from "../harness/product.ts";
import { realServer } from "../harness/servers.ts";
import { Producer, scan } from "../store/scans.ts";

const ORGANISATION = "acme";

/** The actors that counting takes, in one process; how often the store was read for an answer is told. */
async function startActors(env: Readonly<Record<string, string>>) {
	let reads = 0;
	const watched = (store: ScanStore): ScanStore =>
		new Proxy(store, {
			get(target, name: keyof ScanStore) {
				const method = target[name] as ((...params: unknown[]) => unknown) | undefined;
				return (
					method &&
					((...params: unknown[]) => {
						if (["minutes", "live", "answer", "counts"].includes(name)) reads++;
						return method.apply(target, params);
					})
				);
			},
		});
	const seen = (platform: Platform): Platform => ({
		...platform,
		store: async () => watched(await platform.store()),
	});
	const actor = await runActor((platform) => analytics(seen(platform)) as ServiceSchema, { env });
	const { broker, platform } = actor;
	const kept = cache(platform) as unknown as ServiceSchema;
	await Promise.all([
		broker.createService(kept),
		broker.createService(codes(platform) as unknown as ServiceSchema),
		broker.createService(scans(platform) as unknown as ServiceSchema),
	]);
	await broker.waitForServices(["cache", "codes", "scans"]);

	await actor.tell("gateway.report", {
		...{ node: "gateway", at: Date.now(), accepted: {}, pending: 0, spooled: 0, leaving: true },
	});

	const producer = new Producer("gateway");
	const log = await platform.log();
	let asked = 0;
	return {
		reads: () => reads,
		code: (name: string) =>
			actor.call("codes.create", { organisation: ORGANISATION, code: { url: "https://example.org/", name }, by: "me" }),
		/** Accepted, and not necessarily counted. */
		async scanned(code: string, differences: object = {}) {
			await log.append(
				0,
				encodeMessage(producer.message([scan({ code, at: Date.now(), ...differences })], Date.now())),
			);
		},
		/** Asks so that no answer that is kept is for it. */
		async ask(query: { codes?: string[]; bots?: boolean } = {}) {
			const from = new Date(++asked).toISOString();
			const { answer } = await actor.call("analytics.minutes", {
				organisation: ORGANISATION,
				query: { ...query, from, tz: "UTC" },
			});
			const sum = answer.minutes.reduce((all, { scans }) => all + scans, 0);
			return { sum, source: answer.coverage.source, complete: answer.complete };
		},
		/** Something that was told did not arrive. */
		async missed() {
			const store = await platform.store();
			const partition = { partition: 0, position: 1_000_000, logEnd: 1_000_000, behindMs: 0, at: Date.now() };
			for (let n = 0; n < 2; n++) await actor.tell("scans.position", { epoch: await store.epoch(), ...partition });
		},
		/** The process of the cache is another. */
		async restartCache() {
			const running = broker.getLocalService("cache");
			if (running) await broker.destroyService(running);
			platform.metrics.clear();
			broker.createService(cache(platform) as unknown as ServiceSchema);
			await broker.waitForServices("cache");
		},
	};
}

describe.each(["the embedded store", "MongoDB"])("the last minutes, with %s", (store) => {
	async function start() {
		const redis = await realServer("redis");
		const mongo = store === "MongoDB" ? await realServer("mongo") : undefined;
		const actors = await startActors({ REDIS_URL: redis.url, ...(mongo && { MONGO_URL: mongo.url }) });
		const [a, b] = [await actors.code("a"), await actors.code("b")];
		for (const { id } of [a, a, a, b, b]) await actors.scanned(id);
		await actors.scanned(b.id, { bot: true });
		let stored = 0;
		/** Asks until counters answer: until then, and whoever answers, what is said to be complete is right. */
		const told = (sum: number, query?: Parameters<typeof actors.ask>[0]) =>
			until(
				async () => {
					const before = actors.reads();
					const answer = await actors.ask(query);
					if (answer.complete) expect(answer.sum).toBe(sum);
					const counted = answer.source === "counters";
					expect([answer.complete || !counted, actors.reads() - before]).toEqual([true, counted ? 0 : 1]);
					if (!counted) stored++;
					return counted;
				},
				{ what: "the counters to answer" },
			);
		return { ...actors, a, b, redis, told, stored: () => stored };
	}

	test("are told without reading the store, also at once after a scan", { timeout: 60_000 }, async () => {
		const { ask, told, stored, scanned, a, b } = await start();
		await told(5);
		await told(2, { codes: [b.id] });
		const before = stored();
		for (let n = 1; n <= 20; n++) {
			await scanned(a.id);
			await told(5 + n);
		}
		await told(2, { codes: [b.id] });
		// One whose counting takes long is not waited for.
		expect(stored() - before).toBeLessThan(20);
		// What counters do not know, the store does.
		expect(await ask({ bots: true })).toEqual({ sum: 26, source: "raw", complete: true });
		expect(await ask({ codes: [a.id, b.id] })).toEqual({ sum: 25, source: "raw", complete: true });
	});

	test("are right at once after a loss, and told by counters again", { timeout: 60_000 }, async () => {
		const { ask, told, scanned, a, redis, restartCache, missed } = await start();
		await told(5);
		const direct = new Redis(redis.url);
		await direct.flushall();
		direct.disconnect();
		await told(5);
		for (const lose of [restartCache, missed]) {
			await lose();
			expect(await ask()).toEqual({ sum: 5, source: "raw", complete: true });
			await told(5);
		}
		await scanned(a.id);
		await told(6);
	});
});
