/** Exactly once: whatever is repeated, lost, refused or broken off, the numbers are those of the scans. */

import { expect } from "vitest";
import type { IngestedPart, ReadMessage, ScanStore } from "../../../platform/store/scan-store.ts";
import { NOON, Producer, read, scan } from "../scans.ts";
import { Feeder } from "./feeder.ts";
import type { ProvideStore } from "./provided.ts";
import { selection, storeTest } from "./with-store.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOTHING = { accepted: 0, stored: 0, duplicate: 0, dropped: {}, missing: 0 };

async function scansOf(store: ScanStore): Promise<number> {
	return (await store.counts(selection({ bots: true }))).value.scans;
}

export function ingestCases(provide: ProvideStore): void {
	storeTest(provide, "the books say what was applied of each producer, beside the ledger's sums", async (store) => {
		const [first, second] = [await Feeder.claim(store, 0), await Feeder.claim(store, 1)];
		await first.feed([scan(), scan(), scan({ organisation: "other.$" })]);
		await second.feed([scan()]);
		first.producer.message([scan()]);
		await first.feed([scan()]);
		const producers = ["gateway-0", "gateway-1", "unknown"];
		const books = await store.books({ organisation: "acme", producers, to: NOON });
		expect(books).toMatchObject({ positions: { 0: 2, 1: 1 }, value: { sums: NOTHING } });
		expect(books.value.applied).toEqual({ "gateway-0": 4, "gateway-1": 1 });
		const { value } = await store.books({ organisation: "other.$", producers: ["gateway-0"] });
		expect(value).toEqual({ sums: { ...NOTHING, accepted: 1, stored: 1 }, applied: { "gateway-0": 1 } });
	});

	storeTest(provide, "stored scans are counted, announced with totals, and balance the ledger", async (store) => {
		const feeder = await Feeder.claim(store);
		const scans = [scan({ visitor: "v" }), scan({ visitor: "v", bot: true }), scan({ code: "flyer" })];
		const applied = await feeder.feed(scans);
		expect(applied).toMatchObject({ partition: 0, from: 0, to: 1, stored: 3, duplicate: 0, missing: 0, dropped: 0 });
		expect(applied.scans).toEqual(scans.map((stored, index) => ({ ...stored, first: index === 0 })));
		const codes = Object.fromEntries(applied.codes.map(({ code, total }) => [code, total]));
		expect(codes).toEqual({
			poster: { scans: 1, visitors: 1, bots: 1 },
			flyer: { scans: 1, visitors: 0, bots: 0 },
		});
		const again = await feeder.feed([scan()]);
		expect(again.codes[0]).toMatchObject({ scans: 1, total: { scans: 2, visitors: 1, bots: 1 } });
		expect(await store.ledger({ organisation: "acme" })).toEqual({ ...NOTHING, accepted: 4, stored: 4 });
	});

	storeTest(provide, "a batch repeated after a crash changes nothing", async (store, provided) => {
		const feeder = await Feeder.claim(store);
		const message = feeder.producer.message([scan({ visitor: "v" }), scan()]);
		await feeder.apply([message]);
		const reborn = await provided.open();
		const next = await Feeder.claim(reborn, 0, feeder.producer);
		expect(next.position).toBe(1);
		const applied = await next.apply([message, feeder.producer.message([scan()])]);
		expect(applied).toMatchObject({ stored: 1, duplicate: 0 });
		expect((await reborn.counts(selection())).value).toEqual({ scans: 3, visitors: 1, bots: 0 });
		expect(await reborn.ledger({ organisation: "acme" })).toEqual({ ...NOTHING, accepted: 3, stored: 3 });
	});

	storeTest(provide, "a partition read again from the log's first message counts nothing twice", async (store) => {
		const feeder = await Feeder.claim(store);
		const messages = [1, 2, 3].map(() => feeder.producer.message([scan(), scan()]));
		await feeder.apply(messages);
		const applied = await feeder.apply([], { log: "another", messages: read(messages, 0) });
		expect(applied).toMatchObject({ from: 3, to: 3, stored: 0, duplicate: 0, missing: 0 });
		expect(await scansOf(store)).toBe(6);
		expect((await store.partitions())[0]?.identity).toEqual({ log: "another", producer: "gateway-0", number: 3 });
	});

	storeTest(provide, "the first of scans with one id is stored, the others are duplicates", async (store) => {
		const feeder = await Feeder.claim(store);
		const applied = await feeder.feed([scan({ id: "a", ownId: true }), scan({ id: "a", ownId: true })]);
		expect(applied).toMatchObject({ stored: 1, duplicate: 1 });
		const later = await feeder.feed([scan({ id: "a", ownId: true, code: "flyer" }), scan({ id: "b" })]);
		expect(later.scans.map(({ id }) => id)).toEqual(["b"]);
		// A batch given up by a time-out comes again under another producer: the gateway's own ids tell.
		const other = new Producer("gateway-reborn");
		const repeated = await feeder.apply([other.message([scan({ id: "b" })])]);
		expect(repeated).toMatchObject({ stored: 0, duplicate: 1 });
		expect(await store.ledger({ organisation: "acme" })).toEqual({ ...NOTHING, accepted: 5, stored: 2, duplicate: 3 });
	});

	storeTest(provide, "a client's id is one scan whatever its code, month or partition", async (store) => {
		const first = await Feeder.claim(store, 0);
		const second = await Feeder.claim(store, 1);
		await first.feed([scan({ id: "a", ownId: true })]);
		const other = [scan({ id: "a", ownId: true, code: "flyer", at: NOON - 30 * DAY })];
		expect(await second.feed(other)).toMatchObject({ stored: 0, duplicate: 1 });
		expect(await second.feed([scan({ id: "a", ownId: true, organisation: "bolt" })])).toMatchObject({ stored: 1 });
	});

	storeTest(provide, "one id in two partitions of one transaction is stored once", async (store) => {
		const first = await Feeder.claim(store, 0);
		const second = await Feeder.claim(store, 1);
		const parts = [first, second].map((feeder) =>
			feeder.part([feeder.producer.message([scan({ id: "a", ownId: true })])]),
		);
		const applied = await store.ingest(parts);
		expect(applied.map(({ stored, duplicate }) => [stored, duplicate])).toEqual([
			[1, 0],
			[0, 1],
		]);
		expect(await scansOf(store)).toBe(1);
	});

	storeTest(provide, "holes are counted as missing in the hour in which they show", async (store, provided) => {
		const feeder = await Feeder.claim(store);
		await feeder.feed([scan()]);
		feeder.producer.message([scan(), scan()]);
		const reborn = await Feeder.claim(await provided.open(), 0, feeder.producer);
		const applied = await reborn.feed([scan()], NOON + HOUR);
		expect(applied).toMatchObject({ stored: 1, missing: 2 });
		const stranger = new Producer("stranger");
		stranger.message([scan(), scan()]);
		expect(await reborn.apply([stranger.message([scan()], NOON + HOUR)])).toMatchObject({ missing: 2 });
		const organisation = "acme";
		expect(await store.ledger({ organisation })).toEqual({ ...NOTHING, accepted: 7, stored: 3, missing: 4 });
		expect(await store.ledger({ organisation, from: NOON + HOUR })).toEqual({
			...NOTHING,
			accepted: 6,
			stored: 2,
			missing: 4,
		});
		expect(await store.ledger({ organisation, to: NOON })).toEqual(NOTHING);
	});

	storeTest(
		provide,
		"malformed messages, refused and impossible scans are dropped and hold nothing up",
		async (store) => {
			const feeder = await Feeder.claim(store);
			const lost = feeder.producer.message([scan(), scan()]);
			const message = feeder.producer.message([
				scan({ id: "bad", ownId: true }),
				{ ...scan(), at: Number.NaN },
				scan({ id: "good" }),
			]);
			const messages: ReadMessage[] = [
				{ kind: "malformed", position: 1, reason: "checksum", data: new TextEncoder().encode(lost.producer) },
				...read([message], 1),
			];
			const applied = await feeder.apply([], { messages, refused: { bad: "too odd" } });
			expect(applied).toMatchObject({ to: 2, stored: 1, dropped: 2, missing: 2 });
			expect(await store.ledger({ organisation: "acme" })).toEqual({
				accepted: 5,
				stored: 1,
				duplicate: 0,
				dropped: { "too odd": 1, invalid: 1 },
				missing: 2,
			});
		},
	);

	storeTest(provide, "a malformed message last is known at its position", async (store) => {
		const feeder = await Feeder.claim(store);
		await feeder.feed([scan()]);
		const messages: ReadMessage[] = [{ kind: "malformed", position: 2, reason: "checksum", data: new Uint8Array(3) }];
		await feeder.apply([], { messages });
		const [partition] = await store.partitions();
		expect(partition).toMatchObject({ position: 2, identity: { log: "log", producer: "", number: 0 } });
	});

	storeTest(provide, "a visitor counts once a code and UTC day, over batches and crashes", async (store, provided) => {
		const feeder = await Feeder.claim(store);
		await feeder.feed([
			scan({ visitor: "v" }),
			scan({ visitor: "v", code: "flyer" }),
			scan({ visitor: "w", bot: true }),
		]);
		const reborn = await Feeder.claim(await provided.open(), 0, feeder.producer);
		const applied = await reborn.feed([
			scan({ visitor: "v", at: NOON - 11 * HOUR }),
			scan({ visitor: "v", at: NOON + 12 * HOUR }),
			scan({ visitor: "w" }),
			scan(),
		]);
		expect(applied.scans.map(({ first }) => first)).toEqual([false, true, true, false]);
		expect((await store.counts(selection())).value).toEqual({ scans: 6, visitors: 4, bots: 1 });
	});

	storeTest(provide, "two parts, one refused: nothing of either is applied", async (store) => {
		const first = await Feeder.claim(store, 0);
		const second = await Feeder.claim(store, 1);
		const good = first.part([first.producer.message([scan({ visitor: "v" })])]);
		const bad = second.part([second.producer.message([scan()])]);
		await expect(store.ingest([good, { ...bad, from: 7 }])).rejects.toMatchObject({ type: "claim_lost" });
		expect(await scansOf(store)).toBe(0);
		expect(await store.ledger({ organisation: "acme" })).toEqual(NOTHING);
		expect((await store.partitions()).map(({ position }) => position)).toEqual([0, 0]);
		const applied = await store.ingest([good, bad]);
		expect(applied.map(({ stored }: IngestedPart) => stored)).toEqual([1, 1]);
		expect((await store.counts(selection())).value.visitors).toBe(1);
	});

	storeTest(provide, "a rehearsal leaves nothing behind, and fails as ingest would", async (store) => {
		const feeder = await Feeder.claim(store);
		const batch = feeder.part([feeder.producer.message([scan({ visitor: "v" })])]);
		await store.rehearse([batch]);
		await expect(store.rehearse([{ ...batch, from: 7 }])).rejects.toMatchObject({ type: "claim_lost" });
		expect(await scansOf(store)).toBe(0);
		const [applied] = await store.ingest([batch]);
		expect(applied).toMatchObject({ stored: 1, duplicate: 0 });
		expect((await store.counts(selection())).value).toEqual({ scans: 1, visitors: 1, bots: 0 });
	});
}
