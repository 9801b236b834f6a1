import fc from "fast-check";
import { expect, test } from "vitest";
import type { AcceptedScan } from "../../contracts/scan.ts";
import type { ScanMessage } from "../../platform/log/message.ts";
import { CountingModel } from "./counting-model.ts";
import { NOON, Producer, part, scan } from "./scans.ts";

const anyScan: fc.Arbitrary<Partial<AcceptedScan>> = fc.record({
	id: fc.integer({ min: 0, max: 25 }).map((n) => `s${n}`),
	organisation: fc.constantFrom("acme", "bolt"),
	code: fc.constantFrom("one", "two"),
	at: fc.integer({ min: -100, max: 100 }).map((quarters) => NOON + quarters * 900_000),
	bot: fc.boolean(),
	visitor: fc.constantFrom(undefined, "v", "w"),
	country: fc.constantFrom(undefined, "A", "B", "C", "__proto__", "(other)"),
});

/** Messages of three producers in one partition, some of them lost on the way. */
const sequences = fc
	.array(
		fc.record({
			producer: fc.nat(2),
			scans: fc.array(anyScan, { maxLength: 6 }),
			lost: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
		}),
		{ maxLength: 14 },
	)
	.map((sent) => {
		const producers = [new Producer("g0"), new Producer("g1"), new Producer("g2")];
		return sent.flatMap(({ producer, scans, lost }): ScanMessage[] => {
			const message = (producers[producer] as Producer).message(scans.map(scan));
			return lost ? [] : [message];
		});
	});

function sums({ scans, buckets, totals, ledger, revisions }: CountingModel) {
	return { scans, buckets, totals, ledger, revisions };
}

test("however messages are cut into batches and repeated, the sums are the same", () => {
	fc.assert(
		fc.property(
			sequences,
			fc.array(fc.record({ take: fc.integer({ min: 1, max: 4 }), back: fc.nat(3) })),
			(messages, cuts) => {
				const once = new CountingModel(2);
				once.ingest(part(messages));
				const cut = new CountingModel(2);
				let next = 0;
				for (const { take, back } of [...cuts, { take: messages.length, back: messages.length }]) {
					const start = Math.max(0, next - back);
					cut.ingest(part(messages.slice(start, next + take), { from: start }));
					next = Math.min(messages.length, next + take);
				}
				expect(sums(cut)).toEqual(sums(once));
			},
		),
		{ numRuns: 300 },
	);
});

test("whatever is lost, repeated or duplicate, the ledger balances", () => {
	fc.assert(
		fc.property(sequences, (messages) => {
			const model = new CountingModel();
			model.ingest(part(messages));
			const sum = (name: string) =>
				[...model.ledger].reduce((total, [key, n]) => total + (key.endsWith(` ${name}`) ? n : 0), 0);
			expect(sum("stored") + sum("duplicate") + sum("missing")).toBe(sum("accepted"));
			expect(sum("stored")).toBe(model.scans.size);
		}),
		{ numRuns: 300 },
	);
});
