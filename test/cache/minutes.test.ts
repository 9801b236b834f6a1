import { afterEach, expect, test, vi } from "vitest";
import type { MinuteReading } from "../../contracts/cache.ts";
import { type CacheNode, commitOf, ORGANISATION, startCacheNode } from "./cache-node.ts";

const MINUTE_MS = 60_000;
const STORED = [{ at: "2026-01-01T00:00:00.000Z", scans: 77 }];

let position = 0;

/** A node beside a store that has counted 77, which only who asks it can know. */
async function startNode(): Promise<CacheNode> {
	const node = await startCacheNode();
	const live = () => ({ answer: { minutes: STORED, asOf: new Date().toISOString() }, cache: "miss" });
	node.broker.createService({ name: "analytics", actions: { live } });
	position = 0;
	return node;
}

async function scanned(node: CacheNode, code: string, scans: number): Promise<void> {
	const now = Date.now();
	const commit = commitOf(code, now, position, ++position);
	const minutes = { [now - (now % MINUTE_MS)]: scans };
	await node.tell("scans.committed", { ...commit, codes: commit.codes.map((delta) => ({ ...delta, minutes })) });
}

const beat = (node: CacheNode) =>
	node.tell("scans.position", {
		...{ epoch: "epoch", partition: 0, position, logEnd: position, behindMs: 0, at: Date.now() },
	});

/** Minutes pass in which the node listens. */
function pass(minutes: number): void {
	vi.setSystemTime(Date.now() + minutes * MINUTE_MS);
}

const read = (node: CacheNode, code?: string) => node.call("cache.minutes", { organisation: ORGANISATION, code });
const sum = ({ minutes }: MinuteReading) => minutes.reduce((all, { scans }) => all + scans, 0);

afterEach(() => void vi.useRealTimers());

test("the last minutes are read from the store until all of them were counted, then from what is announced", async () => {
	vi.useFakeTimers({ toFake: ["Date"] });
	const node = await startNode();
	await beat(node);
	await scanned(node, "a", 2);
	expect(await read(node)).toMatchObject({ source: "store", minutes: STORED });
	pass(36);
	await scanned(node, "a", 3);
	await scanned(node, "b", 4);
	await beat(node);
	const all = await read(node);
	expect(all).toMatchObject({ source: "counters", asOf: new Date().toISOString() });
	expect(all.minutes).toHaveLength(30);
	expect(all.minutes.at(-1)).toEqual({ at: new Date(Date.now() - (Date.now() % MINUTE_MS)).toISOString(), scans: 7 });
	expect(sum(all)).toBe(7);
	expect(sum(await read(node, "a"))).toBe(3);
	expect(sum(await read(node, "none"))).toBe(0);
	pass(29);
	await beat(node);
	expect(sum(await read(node))).toBe(7);
	pass(1);
	await beat(node);
	expect(sum(await read(node))).toBe(0);
});

test("no number is wrong when an announcement was lost, comes twice, or nobody speaks any more", async () => {
	vi.useFakeTimers({ toFake: ["Date"] });
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
	expect(await read(node)).toMatchObject({ source: "counters" });
	expect(sum(await read(node))).toBe(1);
	// A beat that is ahead of what was heard may be followed by its announcement.
	position++;
	await beat(node);
	expect((await read(node)).source).toBe("store");
	position--;
	await scanned(node, "a", 5);
	await beat(node);
	expect(await read(node)).toMatchObject({ source: "counters" });
	expect(sum(await read(node))).toBe(6);
	vi.setSystemTime(Date.now() + 3_000);
	expect((await read(node)).source).toBe("store");
	await beat(node);
	expect((await read(node)).source).toBe("counters");
	// One is lost: from now on the store is asked, until the minutes are whole again.
	position++;
	await scanned(node, "a", 1);
	await beat(node);
	expect((await read(node)).source).toBe("store");
	pass(36);
	await beat(node);
	expect((await read(node)).source).toBe("counters");
});
