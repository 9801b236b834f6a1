/* An actor that uses the mixin, with a real cache node beside it or none at all. */
import { type Context, ServiceBroker, type ServiceSchema } from "moleculer";
import { describe, expect, test } from "vitest";
import type { CacheTier } from "../../contracts/analytics.ts";
import { AHEAD_MS } from "../../contracts/cache.ts";
import { CodedError, codeOf } from "../../contracts/errors.ts";
import { type CachedMethods, cached, type Loaded } from "../../mixins/cached.ts";
import type { RunningServer } from "../../scripts/servers/start.ts";
import { until } from "../../scripts/servers/until.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { realServer } from "../harness/servers.ts";
import { ORGANISATION, startCacheNode } from "./cache-node.ts";

type Load = () => Promise<Partial<Loaded<unknown>>>;
type Reply = { value: unknown; tier: CacheTier };

/** Asks for answers; how they are loaded is the test's. */
function reader(load: Load): ServiceSchema {
	return {
		name: "reader",
		mixins: [cached()],
		actions: {
			read: {
				handler(ctx: Context<{ key: string }>) {
					return (this as unknown as CachedMethods).cached(ctx, {
						key: ctx.params.key,
						like: "question",
						refusal: { organisation: ORGANISATION, codes: [ctx.params.key] },
						load: async () => ({
							...{ value: null, kind: "open", asOf: Date.now(), depends: { organisation: ORGANISATION } },
							...(await load()),
						}),
					});
				},
			},
		},
	};
}

async function startReader(load: Load, redis?: RunningServer) {
	const node = await startCacheNode(redis ? { REDIS_URL: redis.url } : {});
	node.broker.createService(reader(load));
	await node.broker.waitForServices("reader");
	return {
		...node,
		ask: (key: string) => node.broker.call("reader.read", { key }) as Promise<Reply>,
	};
}

/** A load that ends when the test says so. */
function heldLoad() {
	const held: ((value: unknown) => void)[] = [];
	return {
		load: () => new Promise<{ value: unknown }>((resolve) => held.push((value) => resolve({ value }))),
		get waiting() {
			return held.length;
		},
		release: (value: unknown) => held.shift()?.(value),
	};
}

describe("answers through the cache", () => {
	test("are loaded once for all who ask meanwhile, and then come from the cache", async () => {
		const held = heldLoad();
		const { ask } = await startReader(held.load);
		const all = Array.from({ length: 20 }, () => ask("k"));
		await until(() => held.waiting > 0, { what: "a load" });
		held.release("loaded");
		for (const reply of await Promise.all(all)) expect(reply).toEqual({ value: "loaded", tier: "miss" });
		expect(held.waiting).toBe(0);
		expect(await ask("k")).toEqual({ value: "loaded", tier: "l1" });
	});

	test("are loaded once by two processes that share Redis", async () => {
		const redis = await realServer("redis");
		const held = heldLoad();
		const [one, other] = [await startReader(held.load, redis), await startReader(held.load, redis)];
		const all = Array.from({ length: 20 }, (_, n) => (n % 2 ? one : other).ask("k"));
		await until(() => held.waiting > 0, { what: "a load" });
		held.release("loaded");
		for (const { value } of await Promise.all(all)) expect(value).toBe("loaded");
		expect(held.waiting).toBe(0);
	});

	test("are served as they were while a stale one is counted again, and nobody waits for it", async () => {
		const held = heldLoad();
		const { ask, count } = await startReader(held.load);
		const first = ask("k");
		await until(() => held.waiting > 0, { what: "a load" });
		held.release("old");
		await first;
		await count("a", Date.now());
		await until(async () => (await ask("k")).tier === "stale" && held.waiting === 1, {
			what: "it to be counted again",
		});
		expect(await ask("k")).toEqual({ value: "old", tier: "stale" });
		held.release("new");
		await until(async () => (await ask("k")).value === "new", { what: "the new answer", timeoutMs: 1_000 });
	});

	test("that are refused are remembered as refused, until a code of that name appears", async () => {
		let exists = false;
		let loads = 0;
		const { ask, tell } = await startReader(async () => {
			loads++;
			if (!exists) throw new CodedError("not_found", "no such code", { errors: [{ path: "code", message: "none" }] });
			return { value: "there" };
		});
		for (let n = 0; n < 5; n++) {
			const error = await ask("new-slug").catch((thrown: unknown) => thrown);
			expect(codeOf(error)).toBe("not_found");
			expect(error).toMatchObject({ data: { errors: [{ path: "code" }] }, message: "no such code" });
		}
		expect(loads).toBe(1);
		exists = true;
		const code = { id: "code_1", slug: "new-slug", organisation: ORGANISATION, url: "https://example.com" };
		await tell("codes.changed", {
			code: { ...code, active: true, usedUp: false, rules: [], variants: [], version: 1 },
		});
		expect((await ask("new-slug")).value).toBe("there");
	});

	test("that failed to load are loaded again by the next who asks", async () => {
		let fails = true;
		const { ask } = await startReader(async () => {
			if (fails) throw new CodedError("unavailable", "the store is away");
			return { value: "there" };
		});
		await expect(ask("k")).rejects.toThrow("away");
		fails = false;
		expect(await ask("k")).toEqual({ value: "there", tier: "miss" });
	});

	test("that a screen asks for again and again after each scan are ready before it does", async () => {
		let loads = 0;
		const { ask, count } = await startReader(async () => ({ value: ++loads }));
		const lag = 2 * AHEAD_MS + 200;
		/** A scan is counted, and a while later the screen asks. */
		const round = async () => {
			await count("a", Date.now());
			const heard = performance.now();
			await until(() => performance.now() - heard >= lag, { what: "the screen's turn" });
			return ask("k");
		};
		expect((await ask("k")).tier).toBe("miss");
		expect((await round()).tier).toBe("miss");
		for (let n = 0; n < 2; n++) expect((await round()).tier).not.toBe("miss");
		// Nobody asks any more: after the next scan it is made ready once, and never again.
		await count("a", Date.now());
		const before = loads;
		await until(() => loads > before, { what: "the last preparation", timeoutMs: lag });
		for (let n = 0; n < 3; n++) await count("a", Date.now());
		const heard = performance.now();
		await until(() => performance.now() - heard > lag, { what: "the next turn" });
		expect(loads).toBe(before + 1);
	});
});

describe("without a cache", () => {
	test("answers are loaded all the same, once for all who ask meanwhile", async () => {
		const held = heldLoad();
		const broker = new ServiceBroker({ logger: false });
		broker.createService(reader(held.load));
		await broker.start();
		atEndOfFile(() => broker.stop());
		const all = Array.from({ length: 10 }, () => broker.call("reader.read", { key: "k" }) as Promise<Reply>);
		await until(() => held.waiting > 0, { what: "a load" });
		held.release("loaded");
		const degraded = { value: "loaded", tier: "miss", degraded: true };
		for (const reply of await Promise.all(all)) expect(reply).toEqual(degraded);
		expect(held.waiting).toBe(0);
	});

	test("that does not answer, nobody waits for it once that is known", async () => {
		const broker = new ServiceBroker({ logger: false });
		const never = new Promise<never>(() => undefined);
		broker.createService({
			name: "cache",
			actions: { getCachedAnalytics: () => never, cacheAnalyticsData: () => never },
		});
		broker.createService(reader(async () => ({ value: "loaded" })));
		await broker.start();
		atEndOfFile(() => broker.stop());
		const ask = () => broker.call("reader.read", { key: "k" });
		for (let n = 0; n < 4; n++) expect(await ask()).toEqual({ value: "loaded", tier: "miss", degraded: true });
		const begun = performance.now();
		for (let n = 0; n < 20; n++) await ask();
		expect(performance.now() - begun).toBeLessThan(20 * 20);
	});
});
