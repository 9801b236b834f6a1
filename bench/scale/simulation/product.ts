/*
 * The clustered product as a network of queues: gateways → lanes, one message in flight for each gateway and partition → the
 * event log → owners (partition p belongs to scans process p mod n), one transaction at a time each → MongoDB → realtime
 * nodes, all of which hear of every transaction. Times go in, throughput and what is at its limit come out.
 */
import { Clock } from "./clock.ts";
import { Gateway, type Scan } from "./gateway.ts";
import { LiveNode } from "./live-node.ts";
import { type Message, Owner } from "./owner.ts";
import { exponential, seeded } from "./random.ts";
import { Station } from "./station.ts";
import type { ServiceTimes } from "./times.ts";

export interface Deployment {
	readonly gateways: number;
	readonly scans: number;
	readonly realtimes: number;
	readonly partitions: number;
	/** Transactions that MongoDB works on at once. */
	readonly mongoCores: number;
	/** Of each realtime node. */
	readonly connections: number;
	/** @see LiveNodeOptions */
	readonly updatesPerSecond: number;
	/** The part of a core that each process of the three actors is held to. @defaultValue 1 */
	readonly part?: number;
}

export type Demand =
	/** Requests at random, as many a second whatever becomes of them. */
	| { readonly kind: "open"; readonly perSecond: number }
	/** So many clients of each gateway, each of which asks again when it was answered. */
	| { readonly kind: "closed"; readonly clients: number }
	/** Scans that are in the log from the beginning, in messages of that size. */
	| { readonly kind: "backlog"; readonly scans: number; readonly perMessage: number };

export interface Outcome {
	/** A second, over what was measured. */
	readonly accepted: number;
	readonly counted: number;
	readonly delivered: number;
	/** Scans that a message held in the mean, and a transaction. */
	readonly scansPerMessage: number;
	readonly scansPerCommit: number;
	/** From a request to its durable scan, and to its count, ms. */
	readonly durableMs: { readonly p50: number; readonly p99: number };
	readonly countedMs: { readonly p50: number; readonly p99: number };
	/**
	 * How busy each resource was, from 0 to 1; of equals, the busiest. `transactions` is for how much of the time a scans
	 * process had its transaction under way: it has one at a time.
	 */
	readonly busy: Readonly<Record<"gateway" | "log" | "scans" | "transactions" | "mongo" | "realtime", number>>;
	/** Scans that were behind at the end. */
	readonly behind: number;
}

export interface Run {
	readonly deployment: Deployment;
	readonly demand: Demand;
	readonly times: ServiceTimes;
	readonly seed: number;
	/** Simulated seconds before it is measured, and while. @defaultValue 1, 3 */
	readonly warmUpS?: number;
	readonly forS?: number;
}

/** Runs it; the same run always comes to the same. */
export function simulate({ deployment, demand, times, seed, warmUpS = 1, forS = 3 }: Run): Outcome {
	const { partitions, part = 1, connections, updatesPerSecond } = deployment;
	const clock = new Clock();
	const random = seeded(seed);
	const many = <T>(count: number, make: () => T) => Array.from({ length: count }, make);
	const tally = new Tally();
	const log = new Station(clock);
	const mongo = new Station(clock, { servers: deployment.mongoCores });
	const nodes = many(deployment.realtimes, () => new LiveNode({ clock, times, part, connections, updatesPerSecond }));
	const onCommitted = (messages: readonly Message[], scans: number) => {
		tally.committed(clock.now, messages, scans);
		for (const node of nodes) node.hear(scans);
	};
	const owners = many(deployment.scans, () => new Owner({ clock, times, part, mongo, onCommitted }));
	const ownerOf = (partition: number) => owners[partition % owners.length] as Owner;
	const onMessage = (partition: number, scans: readonly Scan[]) => {
		tally.durable(clock.now, scans);
		ownerOf(partition).deliver({ scans: scans.length, arrivals: scans.map(({ at }) => at) });
	};
	const gateways = many(deployment.gateways, () => new Gateway({ clock, times, partitions, part, log, onMessage }));
	const partition = () => Math.floor(random() * partitions);

	if (demand.kind === "backlog") {
		for (let scans = 0, at = 0; scans < demand.scans; scans += demand.perMessage, at++) {
			ownerOf(at % partitions).deliver({ scans: demand.perMessage, arrivals: [] });
		}
	} else if (demand.kind === "open") {
		const arrive = () => {
			const gateway = gateways[Math.floor(random() * gateways.length)] as Gateway;
			gateway.request({ partition: partition(), at: clock.now });
			clock.after(exponential(1e6 / demand.perSecond, random), arrive);
		};
		arrive();
	} else {
		const ask = (gateway: Gateway) =>
			gateway.request({ partition: partition(), at: clock.now, answered: () => ask(gateway) });
		for (const gateway of gateways) for (let n = 0; n < demand.clients; n++) ask(gateway);
	}

	clock.runUntil(warmUpS * 1e6);
	const loops = { gateway: gateways, scans: owners, realtime: nodes };
	for (const each of [log, mongo, ...owners, ...[...gateways, ...nodes].map(({ loop }) => loop)]) each.forget();
	tally.begin();
	const before = nodes.reduce((sum, { delivered }) => sum + delivered, 0);
	clock.runUntil((warmUpS + forS) * 1e6);
	const busiest = (name: keyof typeof loops) => Math.max(0, ...loops[name].map(({ loop }) => loop.busy));
	return {
		...tally.outcome(forS),
		delivered: (nodes.reduce((sum, { delivered }) => sum + delivered, 0) - before) / forS,
		busy: {
			...{ gateway: busiest("gateway"), log: log.busy, scans: busiest("scans") },
			transactions: Math.max(0, ...owners.map(({ committing }) => committing)),
			...{ mongo: mongo.busy, realtime: busiest("realtime") },
		},
		behind: owners.reduce((sum, { behind }) => sum + behind, 0),
	};
}

/** What happened while it was measured. */
class Tally {
	#on = false;
	#messages = 0;
	#commits = 0;
	#accepted = 0;
	#counted = 0;
	readonly #durableMs: number[] = [];
	readonly #countedMs: number[] = [];

	begin(): void {
		this.#on = true;
	}

	durable(now: number, scans: readonly Scan[]): void {
		if (!this.#on) return;
		this.#messages++;
		this.#accepted += scans.length;
		for (const { at } of scans) this.#durableMs.push((now - at) / 1_000);
	}

	committed(now: number, messages: readonly Message[], scans: number): void {
		if (!this.#on) return;
		this.#commits++;
		this.#counted += scans;
		for (const { arrivals } of messages) for (const at of arrivals) this.#countedMs.push((now - at) / 1_000);
	}

	outcome(forS: number): Omit<Outcome, "delivered" | "busy" | "behind"> {
		return {
			accepted: this.#accepted / forS,
			counted: this.#counted / forS,
			scansPerMessage: this.#accepted / Math.max(1, this.#messages),
			scansPerCommit: this.#counted / Math.max(1, this.#commits),
			durableMs: quantiles(this.#durableMs),
			countedMs: quantiles(this.#countedMs),
		};
	}
}

function quantiles(values: number[]): { p50: number; p99: number } {
	const sorted = Float64Array.from(values).sort();
	const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
	return { p50: at(0.5), p99: at(0.99) };
}
