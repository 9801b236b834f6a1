/** One writer a partition: what an older claim, or a position that is not the store's, would write is refused. */

import { expect } from "vitest";
import { NOON, Producer, scan } from "../scans.ts";
import { Feeder } from "./feeder.ts";
import type { ProvideStore } from "./provided.ts";
import { selection, storeTest } from "./with-store.ts";

export function claimCases(provide: ProvideStore): void {
	storeTest(provide, "a claimed partition is listed with its owner, and each claim is higher", async (store) => {
		expect(await store.partitions()).toEqual([]);
		const first = await store.claim(2, "one");
		expect(first).toMatchObject({ partition: 2, position: 0, owner: "one" });
		expect(first.identity).toBeUndefined();
		const second = await store.claim(2, "two");
		expect(second.claim).toBeGreaterThan(first.claim);
		expect(await store.partitions()).toEqual([second]);
	});

	storeTest(
		provide,
		"a new owner goes on where the old one stopped, and the old one is refused",
		async (store, provided) => {
			const old = await Feeder.claim(store);
			await old.feed([scan()]);
			const other = await provided.open();
			const young = await Feeder.claim(other, 0, old.producer);
			expect((await other.partitions())[0]).toMatchObject({
				position: 1,
				identity: { log: "log", producer: "gateway-0", number: 1 },
			});
			const message = old.producer.message([scan()]);
			await expect(old.apply([message])).rejects.toMatchObject({ type: "claim_lost" });
			expect(await young.apply([message])).toMatchObject({ from: 1, to: 2, stored: 1 });
			await expect(old.apply([message])).rejects.toMatchObject({ type: "claim_lost" });
			expect((await store.counts(selection())).value.scans).toBe(2);
		},
	);

	storeTest(
		provide,
		"a commit given again because its answer was lost is refused, and nothing goes back",
		async (store) => {
			const feeder = await Feeder.claim(store);
			const answerLost = feeder.part([feeder.producer.message([scan()])]);
			await store.ingest([answerLost]);
			await expect(store.ingest([answerLost])).rejects.toMatchObject({ type: "claim_lost" });
			const again = await Feeder.claim(store, 0, feeder.producer);
			const overtaken = again.part([feeder.producer.message([scan()])]);
			await again.feed([scan()]);
			await again.feed([scan()]);
			await expect(store.ingest([overtaken])).rejects.toMatchObject({ type: "claim_lost" });
			expect((await store.counts(selection())).positions).toEqual({ 0: 3 });
		},
	);

	storeTest(
		provide,
		"an owner that returns under a new claim knows what the other applied meanwhile",
		async (store, provided) => {
			const producer = new Producer("gateway");
			const a = await Feeder.claim(store, 0, producer);
			await a.feed([scan({ country: "A" })]);
			const b = await Feeder.claim(await provided.open(), 0, producer);
			const message = producer.message([scan({ country: "B" })]);
			await b.apply([message]);
			const again = await Feeder.claim(store, 0, producer);
			expect(await again.apply([message, producer.message([scan()])])).toMatchObject({ stored: 1, missing: 0 });
			expect((await store.counts(selection())).value.scans).toBe(3);
		},
	);

	storeTest(provide, "of two owners that apply at the same time, each message counts once", async (store, provided) => {
		const producer = new Producer("gateway");
		const messages = Array.from({ length: 30 }, () => producer.message([scan({ visitor: "v" }), scan()]));
		const stores = [store, await provided.open()];
		await Promise.all(
			stores.map(async (own) => {
				for (;;) {
					const { position, claim } = await own.claim(0, "owner");
					if (position >= messages.length) return;
					try {
						for (let from = position; from < messages.length; from++) {
							const message = messages[from] as (typeof messages)[number];
							const read = [{ kind: "scans" as const, position: from + 1, message }];
							await own.ingest([{ partition: 0, claim, log: "log", from, messages: read }]);
						}
					} catch (error) {
						expect(error).toMatchObject({ type: "claim_lost" });
					}
				}
			}),
		);
		expect((await store.counts(selection())).value).toEqual({ scans: 60, visitors: 1, bots: 0 });
		expect(await store.ledger({ organisation: "acme" })).toMatchObject({ accepted: 60, stored: 60, duplicate: 0 });
	});

	storeTest(provide, "what is read says at which positions and epoch it was true", async (store, provided) => {
		const first = await Feeder.claim(store, 0);
		const second = await Feeder.claim(store, 1);
		await first.feed([scan()]);
		await second.feed([scan()]);
		await second.feed([scan()]);
		const epoch = await store.epoch();
		const reading = await store.counts(selection());
		expect(reading).toMatchObject({ epoch, positions: { 0: 1, 1: 2 }, capped: false });
		const day = { dayStart: NOON, dayEnd: NOON + 86_400_000, minute: NOON };
		expect(await store.state({ organisation: "acme", ...day })).toMatchObject({ epoch, positions: { 0: 1, 1: 2 } });
		expect(await store.recent({ organisation: "acme", limit: 9 })).toMatchObject({ epoch, positions: { 0: 1, 1: 2 } });
		const other = await provided.open();
		expect(await other.epoch()).toBe(epoch);
		const renewed = await other.renewEpoch();
		expect(renewed).not.toBe(epoch);
		expect(await store.epoch()).toBe(renewed);
		expect((await store.counts(selection())).epoch).toBe(renewed);
	});

	storeTest(provide, "values and positions agree while scans are committed", async (store) => {
		const feeder = await Feeder.claim(store);
		let writing = true;
		const writer = (async () => {
			for (let batch = 0; batch < 40; batch++) await feeder.feed([scan({ country: "DE" }), scan()]);
			writing = false;
		})();
		const day = { dayStart: NOON, dayEnd: NOON + 86_400_000, minute: NOON };
		while (writing) {
			const counts = await store.counts(selection());
			expect(counts.value.scans).toBe(2 * (counts.positions[0] ?? 0));
			const state = await store.state({ organisation: "acme", ...day });
			const n = 2 * (state.positions[0] ?? 0);
			expect(state.value).toMatchObject({ total: { scans: n }, today: { scans: n }, minute: n });
			const countries = await store.breakdown(selection(), "country");
			for (const { scans } of countries.value) expect(scans).toBe(countries.positions[0]);
		}
		await writer;
		expect((await store.counts(selection())).positions).toEqual({ 0: 40 });
	});
}
