import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import type { MinuteReading } from "../../contracts/cache.ts";
import type { CodeDelta } from "../../contracts/events.ts";
import { MinuteCounts } from "../../services/cache/minute-counts.ts";
import { type CacheNode, commitOf, ORGANISATION, startCacheNode } from "./cache-node.ts";

const MINUTE_MS = 60_000;
const HALF_HOUR_MS = 29 * MINUTE_MS;

let position = 0;

async function startNode(): Promise<CacheNode> {
	vi.useFakeTimers({ toFake: ["Date"], now: Math.ceil(Date.now() / MINUTE_MS) * MINUTE_MS + 10_000 });
	position = 0;
	return startCacheNode();
}

async function scanned(node: CacheNode, code: string, scans: number): Promise<void> {
	const commit = commitOf(code, Date.now(), position, ++position);
	const minutes = { [present()]: scans };
	await node.tell("scans.committed", { ...commit, codes: commit.codes.map((delta) => ({ ...delta, minutes })) });
}

const beat = (node: CacheNode) =>
	node.tell("scans.position", {
		...{ epoch: "epoch", partition: 0, position, logEnd: position, behindMs: 0, at: Date.now() },
	});

const present = () => Date.now() - (Date.now() % MINUTE_MS);
const firstMinute = () => present() - HALF_HOUR_MS;

/** Minutes pass in which the node listens. */
function pass(minutes: number): void {
	vi.setSystemTime(Date.now() + minutes * MINUTE_MS);
}

/** Time to wait for an announcement passes at once. */
async function read(node: CacheNode, ...codes: string[]): Promise<MinuteReading> {
	const reading = node.call("cache.minutes", {
		...{ organisation: ORGANISATION, from: firstMinute(), applied: { 0: position } },
		...(codes.length > 0 && { codes }),
	});
	const waits = setTimeout(() => vi.setSystemTime(Date.now() + 150), 20);
	return reading.finally(() => clearTimeout(waits));
}

const sum = (reading: MinuteReading) =>
	reading.state === "counted" ? reading.minutes.reduce((all, { scans }) => all + scans, 0) : reading.state;

const stored = (node: CacheNode, scans: number, at = position, epoch = "epoch") =>
	node.call("cache.resumeMinutes", {
		...{ organisation: ORGANISATION, epoch, positions: { 0: at }, from: firstMinute() },
		minutes: scans === 0 ? [] : [{ at: present() - MINUTE_MS, scans }],
	});

afterEach(() => void vi.useRealTimers());

test("the last minutes are not told until all of them were counted, then by organisation and by code", async () => {
	const node = await startNode();
	await beat(node);
	await scanned(node, "a", 2);
	expect(sum(await read(node))).toBe("unknown");
	pass(36);
	await scanned(node, "a", 3);
	await scanned(node, "b", 4);
	await beat(node);
	const all = await read(node);
	expect(all).toEqual({ state: "counted", minutes: [{ at: present(), scans: 7 }], positions: { 0: position } });
	expect(sum(await read(node, "a"))).toBe(3);
	expect(sum(await read(node, "a", "b"))).toBe(7);
	expect(sum(await read(node, "none"))).toBe(0);
	pass(29);
	await beat(node);
	expect(sum(await read(node))).toBe(7);
	pass(1);
	await beat(node);
	expect(sum(await read(node))).toBe(0);
});

test("no number is wrong when an announcement was lost, comes twice, or nobody speaks any more", async () => {
	const node = await startNode();
	await beat(node);
	pass(40);
	await scanned(node, "a", 1);
	await beat(node);
	expect(sum(await read(node))).toBe(1);
	// The same once more.
	position--;
	await scanned(node, "a", 1);
	await beat(node);
	expect(sum(await read(node))).toBe(1);
	// What was appended and is not announced is not in them, whether or not a beat told of it.
	position++;
	expect(sum(await read(node))).toBe("unknown");
	await beat(node);
	expect(sum(await read(node))).toBe("unknown");
	position--;
	await scanned(node, "a", 5);
	await beat(node);
	expect(sum(await read(node))).toBe(6);
	vi.setSystemTime(Date.now() + 3_000);
	expect(sum(await read(node))).toBe("unknown");
	await beat(node);
	expect(sum(await read(node))).toBe(6);
	// One is lost: from now on nothing is told, until the minutes are whole again.
	position++;
	await scanned(node, "a", 1);
	await beat(node);
	expect(sum(await read(node))).toBe("unknown");
	pass(36);
	await beat(node);
	expect(sum(await read(node))).toBe(0);
});

test("after a loss the store's word is counted on from where it was true, whatever was heard meanwhile", async () => {
	const node = await startNode();
	await beat(node);
	expect(await read(node)).toEqual({ state: "unknown", node: node.broker.nodeID });
	// Of what is heard while the store is asked, the first two are in its answer, and the third is not.
	for (const scans of [1, 2, 4]) await scanned(node, "a", scans);
	expect(await stored(node, 100, position - 1)).toEqual({ resumed: true });
	await beat(node);
	expect(sum(await read(node))).toBe(104);
	await scanned(node, "b", 8);
	expect(sum(await read(node))).toBe(112);
	expect(sum(await read(node, "a"))).toBe("unknown");
	pass(29);
	await beat(node);
	expect(sum(await read(node))).toBe(12);
});

test("the store's word is not taken when it is of before, of another epoch, or something was missed since it was asked", async () => {
	const node = await startNode();
	await scanned(node, "a", 1);
	await beat(node);
	expect(await stored(node, 1)).toEqual({ resumed: false });
	await read(node);
	expect(await stored(node, 1, position, "another")).toEqual({ resumed: false });
	expect(await stored(node, 1, position - 1)).toEqual({ resumed: false });
	await read(node);
	position++;
	await scanned(node, "a", 1);
	expect(await stored(node, 3)).toEqual({ resumed: false });
	await read(node);
	expect(await stored(node, 3)).toEqual({ resumed: true });
	await beat(node);
	expect(sum(await read(node))).toBe(3);
});

/** What happens in the order in which the node hears of it; the store is ahead by what is not yet announced. */
const happening = fc.oneof(
	{ weight: 4, arbitrary: fc.record({ commit: fc.nat(2), code: fc.constantFrom("a", "b"), scans: fc.nat(5) }) },
	{ weight: 4, arbitrary: fc.constant("announced" as const) },
	fc.constant("asked" as const),
	fc.constant("read" as const),
	fc.constant("answered" as const),
);

test("whenever the store is asked and its answer comes, nothing is counted twice and nothing is left out", () => {
	fc.assert(
		fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
			const counts = new MinuteCounts(1_000_000 * MINUTE_MS);
			const from = 1_000_000 * MINUTE_MS - HALF_HOUR_MS;
			const held: Record<number, number> = { 0: 0, 1: 0, 2: 0 };
			const positions: Record<number, number> = { 0: 0, 1: 0, 2: 0 };
			const unheard: { partition: number; to: number; delta: CodeDelta }[] = [];
			let [scans, heard] = [0, 0];
			let resumed = false;
			let snapshot: { scans: number; positions: Record<number, number> } | undefined;
			for (const one of [...happenings, ...unheardRest(happenings)]) {
				if (typeof one === "object") {
					const partition = one.commit;
					const to = (positions[partition] ?? 0) + 1;
					positions[partition] = to;
					scans += one.scans;
					const none = { scans: 0, visitors: 0, bots: 0 };
					const minutes = { [from]: one.scans };
					const delta = { organisation: "o", code: one.code, ...none, total: none, quarters: {}, minutes, by: {} };
					unheard.push({ partition, to, delta });
				} else if (one === "announced") {
					const next = unheard.shift();
					if (!next) continue;
					counts.counted(next.delta, next, from);
					held[next.partition] = next.to;
					heard += next.delta.minutes[from] ?? 0;
				} else if (one === "asked") {
					counts.asking("o", undefined, { ...held }, from);
					snapshot = undefined;
				} else if (one === "read") {
					snapshot = { scans, positions: { ...positions } };
				} else if (snapshot) {
					const minutes = [{ at: from, scans: snapshot.scans }];
					const stored = { organisation: "o", epoch: "e", positions: snapshot.positions, from, minutes };
					resumed = counts.resume(stored) || resumed;
				}
			}
			expect(heard).toBe(scans);
			const counted = counts.from(from, "o");
			expect(counted === undefined).toBe(!resumed);
			if (counted) expect(counted.reduce((sum, minute) => sum + minute.scans, 0)).toBe(scans);
		}),
		{ numRuns: 500 },
	);
});

/** All that was not announced is, at last. */
function unheardRest(happenings: readonly unknown[]): "announced"[] {
	return happenings.filter((one) => typeof one === "object").map(() => "announced");
}
