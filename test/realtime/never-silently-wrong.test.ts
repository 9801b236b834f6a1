import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ScansCommitted } from "../../contracts/events.ts";
import { CountsListener, FeedListener } from "./listener.ts";
import { DirectNode } from "./nodes.ts";
import { Truth } from "./truth.ts";

const PARTITIONS = 2;
const CODES = ["poster", "flyer", "sticker", "box"];
/** As a code's scans are always in one partition. */
const partitionOf = (code: number) => code % PARTITIONS;

/** How one of the two nodes gets an announcement. */
type Fate = "told" | "lost" | "twice" | "late" | "in parts" | "half lost";
const fate = fc.constantFrom<Fate[]>("told", "told", "told", "lost", "twice", "late", "in parts", "half lost");

type Step =
	| { do: "count"; code: number; scans: number; bots: number; fates: [Fate, Fate] }
	| { do: "beat"; heard: [boolean, boolean] }
	| { do: "wait"; ms: number }
	| { do: "stall"; client: number }
	| { do: "move"; client: number }
	| { do: "reading"; node: number; fails: boolean; ms: number; old: number };

const step: fc.Arbitrary<Step> = fc.oneof(
	{
		weight: 8,
		arbitrary: fc.record({
			do: fc.constant("count" as const),
			code: fc.nat(CODES.length - 1),
			scans: fc.nat(4),
			bots: fc.nat(1),
			fates: fc.tuple(fate, fate),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({ do: fc.constant("beat" as const), heard: fc.tuple(fc.boolean(), fc.boolean()) }),
	},
	{ weight: 4, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(400) }) },
	{ weight: 1, arbitrary: fc.record({ do: fc.constant("stall" as const), client: fc.nat(3) }) },
	{ weight: 2, arbitrary: fc.record({ do: fc.constant("move" as const), client: fc.nat(3) }) },
	{
		weight: 2,
		arbitrary: fc.record({
			do: fc.constant("reading" as const),
			node: fc.nat(1),
			fails: fc.constantFrom(false, false, true),
			ms: fc.nat(100),
			old: fc.nat(2),
		}),
	},
);

interface Client {
	readonly namespace: string;
	readonly channel: string;
	readonly code: string | undefined;
	readonly listener: CountsListener | FeedListener;
	node: number;
	connection: string;
	busy: boolean;
}

class World {
	readonly truth = new Truth(PARTITIONS);
	readonly nodes = [new DirectNode("a", this.truth), new DirectNode("b", this.truth)] as const;
	readonly late: { node: DirectNode; part: ScansCommitted }[] = [];
	readonly clients: Client[] = [
		{ namespace: "/analytics", channel: "org", code: undefined, listener: new CountsListener() },
		{ namespace: "/analytics", channel: "code:poster", code: "poster", listener: new CountsListener() },
		{ namespace: "/scans", channel: "feed", code: undefined, listener: new FeedListener() },
		{ namespace: "/scans", channel: "feed:flyer", code: "flyer", listener: new FeedListener() },
	].map((client) => ({ ...client, node: 0, connection: "", busy: false }));

	async start(): Promise<void> {
		for (const client of this.clients) this.join(client);
		await this.pass(0);
	}

	async take(step: Step): Promise<void> {
		const client = "client" in step ? (this.clients[step.client] as Client) : undefined;
		if (step.do === "count") this.count(step);
		if (step.do === "beat") for (const [i, node] of this.nodes.entries()) if (step.heard[i]) this.beat(node);
		if (step.do === "wait") await this.pass(step.ms);
		if (step.do === "reading") {
			const node = this.nodes[step.node] as DirectNode;
			node.unreadable = step.fails;
			node.readingMs = step.ms;
			node.oldReadings = step.old;
		}
		if (step.do === "stall" && client) {
			const { stalled } = this.nodes[client.node] as DirectNode;
			if (!stalled.delete(client.connection)) stalled.add(client.connection);
		}
		if (step.do === "move" && client && !client.busy) {
			this.nodes[client.node]?.leave(client.connection);
			client.node = 1 - client.node;
			this.join(client);
		}
		await this.pass(0);
		this.check();
	}

	/** Everything that was late or lost is noticed by beats, and every client subscribes until it is whole. */
	async settle(): Promise<void> {
		for (const node of this.nodes) {
			node.unreadable = false;
			node.readingMs = 0;
			node.oldReadings = 0;
			node.stalled.clear();
		}
		for (const { node, part } of this.late.splice(0)) node.live.channels.committed(part);
		for (let second = 0; second < 8; second++) {
			for (const node of this.nodes) this.beat(node);
			await this.pass(1_000);
			this.check();
		}
	}

	private count({ code, scans, bots, fates }: Extract<Step, { do: "count" }>): void {
		const announcement = this.truth.commit(partitionOf(code), [{ code: CODES[code] as string, scans, bots }]);
		for (const [i, node] of this.nodes.entries()) this.tell(node, announcement, fates[i] as Fate);
	}

	private tell(node: DirectNode, whole: ScansCommitted, fate: Fate): void {
		const tell = (part: ScansCommitted) => node.live.channels.committed(part);
		const parts = [
			{ ...whole, parts: 2, feed: [] },
			{ ...whole, part: 1, parts: 2, codes: [] },
		];
		if (fate === "told" || fate === "twice") tell(whole);
		if (fate === "twice") tell(whole);
		if (fate === "late") this.late.push({ node, part: whole });
		if (fate === "in parts") for (const part of parts.toReversed()) tell(part);
		if (fate === "half lost") tell(parts[0] as ScansCommitted);
		if (fate === "told") {
			const index = this.late.findIndex((entry) => entry.node === node);
			for (const entry of index < 0 ? [] : this.late.splice(index, 1)) tell(entry.part);
		}
	}

	private beat(node: DirectNode): void {
		for (let partition = 0; partition < PARTITIONS; partition++)
			node.live.channels.position(this.truth.beat(partition));
	}

	private async pass(ms: number): Promise<void> {
		await vi.advanceTimersByTimeAsync(ms);
		for (const client of this.clients) {
			if (!client.listener.gap || client.busy) continue;
			client.busy = true;
			void this.nodes[client.node]?.again(client.connection).finally(() => {
				client.busy = false;
			});
		}
		await vi.advanceTimersByTimeAsync(0);
	}

	private join(client: Client): void {
		client.busy = true;
		const node = this.nodes[client.node] as DirectNode;
		const joining = node.join(client.namespace, client.channel, client.listener);
		client.connection = joining.connection;
		void joining.answered.then((ok) => {
			client.busy = false;
			client.listener.gap ||= !ok;
		});
	}

	check(): void {
		for (const { listener, code } of this.clients) {
			if (!listener.place) continue;
			if (listener instanceof CountsListener) {
				expect(listener.total).toEqual(this.truth.counts(listener.vector, code));
				expect(listener.said).toEqual(listener.total);
				expect(listener.byCountry).toBe(listener.sinceSnapshot);
			} else {
				const ids = listener.scans.map(({ id }) => id);
				expect(new Set(ids).size).toBe(ids.length);
				const before = new Set(this.truth.scans(listener.since, code).map(({ id }) => id));
				const due = this.truth.scans(listener.vector, code).filter(({ id }) => !before.has(id));
				expect(listener.scans.length + listener.skipped).toBe(due.length);
				expect(due.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
			}
		}
	}
}

describe("a screen is never silently wrong", () => {
	beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 10, 23, 12) }));
	afterEach(() => void vi.useRealTimers());

	test("whatever is lost, late, doubled or cut, on whichever node: what a client holds is the truth at its place", async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
				const world = new World();
				try {
					await world.start();
					for (const step of steps) await world.take(step);
					await world.settle();
					for (const { listener, code } of world.clients) {
						expect(listener.gap).toBe(false);
						const whole = world.truth.positions.findLastIndex((position) => position > 0);
						expect(listener.vector).toEqual(world.truth.positions.slice(0, Math.max(whole, 0) + 1));
						if (listener instanceof CountsListener) expect(listener.total).toEqual(world.truth.counts(undefined, code));
					}
				} finally {
					for (const node of world.nodes) node.stop();
				}
			}),
			{ numRuns: 300 },
		);
	}, 120_000);
});
