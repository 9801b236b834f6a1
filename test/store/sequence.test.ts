import { expect, test } from "vitest";
import { type ProducerMemory, type Sequenced, sequence } from "../../platform/store/sequence.ts";
import { NOON, Producer, part, read, scan } from "./scans.ts";

const HOUR = 3_600_000;
const nothing = () => undefined;

function memoryOf(sequenced: Sequenced): (producer: string) => ProducerMemory | undefined {
	return (producer) => sequenced.producers.find((change) => change.producer === producer);
}

test("messages in order are applied and their scans accepted, none missing", () => {
	const gateway = new Producer("g1");
	const messages = [gateway.message([scan(), scan()]), gateway.message([scan({ organisation: "bolt" })])];
	const sequenced = sequence(part(messages), nothing, NOON);
	expect(sequenced.candidates).toHaveLength(3);
	expect(sequenced.acceptances).toEqual([
		{ organisation: "acme", hour: NOON, accepted: 2, missing: 0 },
		{ organisation: "bolt", hour: NOON, accepted: 1, missing: 0 },
	]);
	expect(sequenced.producers).toEqual([
		{ producer: "g1", number: 2, totals: { acme: 2, bolt: 1 }, changed: { acme: 2, bolt: 1 }, at: NOON },
	]);
	expect(sequenced).toMatchObject({ to: 2, identity: { log: "log", producer: "g1", number: 2 } });
});

test("a message that was applied is skipped whole, also within one batch", () => {
	const gateway = new Producer("g1");
	const message = gateway.message([scan()]);
	const once = sequence(part([message, message]), nothing, NOON);
	expect(once.candidates).toHaveLength(1);
	const again = sequence(part([message], { from: 2 }), memoryOf(once), NOON);
	expect(again.candidates).toEqual([]);
	expect(again.acceptances).toEqual([]);
	expect(again.producers).toEqual([]);
	expect(again.to).toBe(3);
});

test("a hole counts the scans that never came as accepted and missing, by organisation and hour of acceptance", () => {
	const gateway = new Producer("g1");
	const first = gateway.message([scan()]);
	gateway.message([scan(), scan(), scan({ organisation: "bolt" })]);
	const third = gateway.message([scan()], NOON + HOUR);
	const fourth = gateway.message([scan({ organisation: "bolt" })], NOON + HOUR);
	const sequenced = sequence(part([first, third, fourth]), nothing, NOON);
	expect(sequenced.acceptances).toEqual([
		{ organisation: "acme", hour: NOON, accepted: 1, missing: 0 },
		{ organisation: "acme", hour: NOON + HOUR, accepted: 3, missing: 2 },
		{ organisation: "bolt", hour: NOON + HOUR, accepted: 2, missing: 1 },
	]);
});

test("a producer never seen before whose first message is not number 1 left a hole behind", () => {
	const gateway = new Producer("g1");
	gateway.message([scan(), scan()]);
	const second = gateway.message([scan()]);
	const sequenced = sequence(part([second]), nothing, NOON);
	expect(sequenced.acceptances).toEqual([{ organisation: "acme", hour: NOON, accepted: 3, missing: 2 }]);
});

test("a malformed message is a dead letter, and the next message tells how many scans were in it", () => {
	const gateway = new Producer("g1");
	const lost = gateway.message([scan(), scan()]);
	const next = gateway.message([scan()]);
	const data = new Uint8Array([1, 2, 3]);
	const [, second] = read([lost, next]);
	const sequenced = sequence(
		part([], { messages: [{ kind: "malformed", position: 1, reason: "checksum", data }, second as never] }),
		nothing,
		NOON,
	);
	expect(sequenced.malformed).toEqual([{ partition: 0, position: 1, reason: "checksum", data }]);
	expect(sequenced.acceptances).toEqual([{ organisation: "acme", hour: NOON, accepted: 3, missing: 2 }]);
});

test("running totals that contradict the scans never make the ledger lose balance", () => {
	const message = { producer: "g1", number: 1, acceptedAt: NOON, totals: { acme: 1 }, scans: [scan(), scan()] };
	const sequenced = sequence(part([message]), nothing, NOON);
	expect(sequenced.acceptances).toEqual([{ organisation: "acme", hour: NOON, accepted: 2, missing: 0 }]);
	expect(sequenced.producers[0]?.totals).toEqual({ acme: 2 });
});

test("nothing read changes nothing", () => {
	const sequenced = sequence(part([], { from: 7 }), nothing, NOON);
	expect(sequenced).toMatchObject({ to: 7, identity: undefined, producers: [], candidates: [], acceptances: [] });
});

test("organisations named like an object's own members are counted like any other", () => {
	const gateway = new Producer("g1");
	const names = ["__proto__", "constructor", "toString"];
	const messages = names.map((organisation) => gateway.message([scan({ organisation })]));
	const first = sequence(part(messages), nothing, NOON);
	const more = names.map((organisation) => gateway.message([scan({ organisation })]));
	const second = sequence(part(more, { from: 3 }), memoryOf(first), NOON);
	for (const { acceptances } of [first, second]) {
		expect(acceptances).toEqual(names.map((organisation) => ({ organisation, hour: NOON, accepted: 1, missing: 0 })));
	}
});
