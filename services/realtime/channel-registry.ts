/**
 * The channels of this node: opened when somebody asks for one, fed by what partitions announce, flushed by the tick,
 * swept by the clock, and dropped when nobody has held them for a while. It knows where channels get their state, and
 * nothing of connections.
 */

import { randomUUID } from "node:crypto";
import type { FeedReading, ScansCommitted, ScansPosition, StateReading } from "../../contracts/events.ts";
import type { Check, Health } from "../../contracts/health.ts";
import { AnalyticsContent } from "./analytics-channel.ts";
import type { Commit } from "./announcements.ts";
import { Channel } from "./channel.ts";
import { FeedContent } from "./feed-channel.ts";
import type { ChannelIdentity, LiveChannel, LiveSource, Outlet } from "./live-channel.ts";
import type { RealtimeOptions } from "./options.ts";
import { type Break, PartitionTracker } from "./partition-tracker.ts";
import { PolledChannel } from "./polled-channel.ts";
import { slicesOf } from "./slices.ts";
import { Turns } from "./turns.ts";

/** Where the state of channels is read. */
export interface Sources {
	state(organisation: string, code?: string): Promise<StateReading>;
	feed(organisation: string, code: string | undefined, limit: number): Promise<FeedReading>;
	jobs(): Promise<unknown>;
	ledger(organisation: string): Promise<unknown>;
	/** @throws when no gateway answers */
	health(): Promise<unknown>;
	/** A reading failed; it is tried again. */
	failed(channel: string, error: unknown): void;
	/** Commits of a partition up to a position were not heard of; what shows them is read again. */
	missed(partition: number, position: number, how: Exclude<Break, "start">): void;
}

/** A channel that commits feed, whatever it shows. */
type Fed = Pick<Channel<never, unknown>, "apply" | "broken" | "epochChanged" | "reload" | "dueAt" | "flush"> &
	LiveChannel;

/** Behind by more than this, or not known to be, subscribers are told at once that the screen is not live, ms. */
const LATE_MS = 1_000;
/** Jobs say when they change; read all the same, because such a message may be lost, ms. */
const JOBS_EVERY_MS = 5_000;
const COMPLAIN_EVERY_MS = 5_000;
/** Within this everybody has heard of a change of an organisation, ms. */
const HEARD_MS = 2_000;

export class ChannelRegistry {
	readonly #options: RealtimeOptions & { readonly heartbeatMs: number };
	readonly #sources: Sources;
	readonly #outlet: Outlet;
	readonly #tracker: PartitionTracker;
	readonly #turns: Turns;
	readonly #channels = new Map<string, LiveChannel>();
	readonly #fed = new Map<string, Fed>();
	readonly #emptySince = new Map<string, number>();
	readonly #dirty = new Set<Fed>();
	readonly #reloads = new Set<NodeJS.Timeout>();
	readonly #epochOfNode = randomUUID();
	#tick: NodeJS.Timeout | undefined;
	#sweep: NodeJS.Timeout | undefined;
	#current = false;
	#complainedAt = 0;

	constructor(options: RealtimeOptions & { readonly heartbeatMs: number }, sources: Sources, outlet: Outlet) {
		this.#options = options;
		this.#sources = sources;
		this.#outlet = outlet;
		this.#turns = new Turns(options.readings);
		this.#tracker = new PartitionTracker(options, {
			commit: (commit) => this.#commit(commit),
			broken: (partition, position, how) => {
				if (how !== "start") sources.missed(partition, position, how);
				for (const channel of this.#fed.values()) channel.broken(partition, position, how);
			},
			epoch: () => {
				for (const channel of this.#fed.values()) channel.epochChanged();
			},
		});
	}

	get size(): number {
		return this.#channels.size;
	}

	start(): void {
		this.#sweep = setInterval(() => this.sweep(Date.now()), this.#sweepMs());
	}

	stop(): void {
		clearInterval(this.#sweep);
		clearTimeout(this.#tick);
		this.#tick = undefined;
		for (const reload of this.#reloads) clearTimeout(reload);
		for (const channel of this.#channels.values()) channel.close();
		this.#channels.clear();
		this.#fed.clear();
		this.#dirty.clear();
	}

	/** The channel of that name, which begins to load when it is new. The caller has checked the name and the right to it. */
	open(identity: ChannelIdentity): LiveChannel {
		const key = channelKey(identity);
		let channel = this.#channels.get(key);
		if (!channel) {
			channel = this.#make({ ...identity, key });
			this.#channels.set(key, channel);
			this.#emptySince.set(key, Date.now());
		}
		return channel;
	}

	/** What presence counts a channel under, on every node. */
	keyOf(identity: ChannelIdentity): string {
		return channelKey(identity);
	}

	find(identity: ChannelIdentity): LiveChannel | undefined {
		return this.#channels.get(channelKey(identity));
	}

	/** How many connections of this node hold each channel that is held. */
	counts(): Record<string, number> {
		const held = [...this.#channels.values()].filter((channel) => channel.subscribers.size > 0);
		return Object.fromEntries(held.map((channel) => [channel.key, channel.subscribers.size]));
	}

	committed(part: ScansCommitted): void {
		const now = Date.now();
		this.#tracker.committed(part, now);
		this.#flushDue(now);
	}

	position(beat: ScansPosition): void {
		const now = Date.now();
		this.#tracker.position(beat, now);
		this.#flushDue(now);
	}

	/**
	 * Reads an organisation's channels anew, because what its days are has changed; and once more when everybody must
	 * have heard of it, those who read included.
	 */
	reload(organisation: string): void {
		const read = () => {
			for (const channel of this.#fed.values()) if (channel.organisation === organisation) channel.reload();
		};
		read();
		const again = setTimeout(() => {
			this.#reloads.delete(again);
			read();
		}, HEARD_MS);
		this.#reloads.add(again);
	}

	/** Reads the channels of that name anew where they are watched. */
	refreshJobs(): void {
		for (const channel of this.#channels.values()) {
			if (channel instanceof PolledChannel && channel.name === "jobs" && channel.subscribers.size > 0) {
				void channel.refresh();
			}
		}
	}

	/** What the clock alone brings: gaps that were waited for, rollovers, beats, channels that nobody holds. */
	sweep(now: number): void {
		this.#tracker.check(now);
		const beatMs = Math.max(0, this.#options.heartbeatMs - this.#sweepMs());
		const behind = this.#tracker.behindMs(now);
		const current = behind !== null && behind <= LATE_MS;
		for (const channel of this.#channels.values()) {
			channel.sweep(now, current === this.#current ? beatMs : 0);
			if (this.#isForgotten(channel, now)) this.#drop(channel);
		}
		this.#current = current;
		for (const channel of this.#fed.values()) if (channel.dueAt(0) !== undefined) this.#dirty.add(channel);
		this.#flushDue(now);
	}

	/** An outage fails every channel many times: it is told every few seconds. */
	#complain(key: string, error: unknown): void {
		const now = Date.now();
		if (now - this.#complainedAt < COMPLAIN_EVERY_MS) return;
		this.#complainedAt = now;
		this.#sources.failed(key, error);
	}

	#sweepMs(): number {
		return Math.min(this.#options.sweepMs, this.#options.heartbeatMs / 4);
	}

	#make(identity: ChannelIdentity & { readonly key: string }): LiveChannel {
		const { organisation, namespace, name, key } = identity;
		if (namespace === "/ops") {
			const everyMs = name === "jobs" ? JOBS_EVERY_MS : this.#options.pollMs;
			const options = { everyMs, patienceMs: this.#options.patienceMs };
			return new PolledChannel(identity, this.#epochOfNode, this.#reader(identity), this.#outlet, options);
		}
		const code = codeOfChannel(name);
		const channel: Fed =
			namespace === "/analytics"
				? new Channel(
						identity,
						this.#source,
						new AnalyticsContent(code !== undefined, this.#options),
						() => this.#sources.state(organisation, code),
						this.#outlet,
						this.#options,
					)
				: new Channel(
						identity,
						this.#source,
						new FeedContent(this.#options),
						() => this.#sources.feed(organisation, code, this.#options.feedSnapshot),
						this.#outlet,
						this.#options,
					);
		this.#fed.set(key, channel);
		return channel;
	}

	/** What channels ask of the node. */
	readonly #source: LiveSource = {
		held: () => this.#tracker.held(),
		meet: (epoch, partitions) => this.#tracker.meet(epoch, partitions),
		verifiedAt: () => this.#tracker.verifiedAt(),
		behindMs: (now) => this.#tracker.behindMs(now),
		turn: () => this.#turns.take(),
		failed: (key, error) => this.#complain(key, error),
	};

	#reader({ organisation, name }: ChannelIdentity): () => Promise<unknown> {
		if (name === "jobs") return () => this.#sources.jobs();
		if (name === "ledger") return () => this.#sources.ledger(organisation);
		return () => this.#sources.health().catch(() => this.#ownHealth());
	}

	/** As this node sees it while no gateway answers: whether those who count are heard of, and how far behind they are. */
	#ownHealth(): Health {
		const behindMs = this.#tracker.behindMs(Date.now());
		const scans: Check =
			behindMs === null
				? { status: "away", detail: "not heard of" }
				: { status: behindMs > LATE_MS ? "degraded" : "ok" };
		return { status: "degraded", checks: { gateway: { status: "away", detail: "no gateway answers" }, scans } };
	}

	#commit(commit: Commit): void {
		const now = Date.now();
		for (const [channel, slice] of slicesOf(commit, (identity) => this.#fed.get(channelKey(identity)))) {
			channel.apply(slice, now);
			this.#dirty.add(channel);
		}
	}

	#flushDue(now: number): void {
		let next = Number.POSITIVE_INFINITY;
		for (const channel of this.#dirty) {
			const due = channel.dueAt(this.#options.tickMs);
			if (due !== undefined && due > now) {
				next = Math.min(next, due);
				continue;
			}
			this.#dirty.delete(channel);
			if (due !== undefined) channel.flush(now);
		}
		if (this.#tick || next === Number.POSITIVE_INFINITY) return;
		this.#tick = setTimeout(() => {
			this.#tick = undefined;
			this.#flushDue(Date.now());
		}, next - now);
	}

	#isForgotten(channel: LiveChannel, now: number): boolean {
		if (channel.subscribers.size > 0) {
			this.#emptySince.delete(channel.key);
			return false;
		}
		const since = this.#emptySince.get(channel.key) ?? now;
		this.#emptySince.set(channel.key, since);
		return now - since > this.#options.lingerMs;
	}

	#drop(channel: LiveChannel): void {
		channel.close();
		this.#channels.delete(channel.key);
		this.#emptySince.delete(channel.key);
		const fed = this.#fed.get(channel.key);
		if (fed) this.#dirty.delete(fed);
		this.#fed.delete(channel.key);
	}
}

/** Names a channel among all organisations. */
function channelKey({ namespace, organisation, name }: ChannelIdentity): string {
	return `${namespace} ${organisation} ${name}`;
}

/** The code that `code:ID` and `feed:ID` are of. */
export function codeOfChannel(name: string): string | undefined {
	const colon = name.indexOf(":");
	return colon < 0 ? undefined : name.slice(colon + 1);
}
