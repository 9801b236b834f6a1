/**
 * The WebSocket manager: who is connected to this node, with which credential, and which channels each holds. Socket.IO's
 * handlers and the actor's actions both go through it; it speaks to sockets through a port and knows nothing of them.
 * What a connection may do is bounded here: channels, events, and how long it may take nothing.
 */

import type { Credential } from "../../contracts/account.ts";
import type { Bye, PresenceReply, RealtimeErrorCode, RealtimeFailure, SubscribeReply } from "../../contracts/live.ts";
import type { Admission } from "./admission.ts";
import { type ChannelRegistry, codeOfChannel } from "./channel-registry.ts";
import type { LiveChannel } from "./live-channel.ts";
import type { RealtimeOptions } from "./options.ts";
import { Orderly } from "./orderly.ts";
import { TokenBucket } from "./rate.ts";
import { failure, isChannel, readChannel, readSubscribe } from "./requests.ts";

/** The sockets. */
export interface Port {
	send(namespace: string, connections: readonly string[], event: string, payload: unknown): void;
	/** For how long a connection has taken nothing of what waits for it, ms. */
	stalledMs(namespace: string, connection: string): number;
	/** @param returns whether the client should come back by itself */
	close(namespace: string, connection: string, returns: boolean): void;
}

/** What the manager asks of the rest of the product. */
export interface ConnectionSources {
	/** Whether the organisation has a code of that id. */
	hasCode(organisation: string, code: string): Promise<boolean>;
	/** How many connections of other nodes hold a channel. */
	elsewhere(key: string): number;
}

interface Connection {
	readonly id: string;
	readonly namespace: string;
	credential: Credential;
	readonly token: string;
	readonly channels: Map<string, LiveChannel>;
	/** Subscriptions and their ends, one after the other for each channel. */
	readonly requests: Orderly;
	readonly events: TokenBucket;
	/** Channels of which something could not be sent. */
	readonly missed: Set<LiveChannel>;
}

type Reply<T> = (reply: T) => void;
type Done = { readonly ok: true } | RealtimeFailure;

/** What a client that was sent away should wait before it comes back, ms. */
const RETRY_AFTER_MS = 1_000;

export class ConnectionManager {
	readonly #options: RealtimeOptions;
	readonly #port: Port;
	readonly #registry: ChannelRegistry;
	readonly #admission: Admission;
	readonly #sources: ConnectionSources;
	readonly #connections = new Map<string, Connection>();

	constructor(
		options: RealtimeOptions,
		port: Port,
		registry: ChannelRegistry,
		admission: Admission,
		sources: ConnectionSources,
	) {
		this.#options = options;
		this.#port = port;
		this.#registry = registry;
		this.#admission = admission;
		this.#sources = sources;
	}

	get size(): number {
		return this.#connections.size;
	}

	get isFull(): boolean {
		return this.#connections.size >= this.#options.maxConnections;
	}

	/** Takes a connection in, or gives one that is there another credential. */
	connect(id: string, namespace: string, credential: Credential, token?: string): void {
		const known = this.#connections.get(id);
		if (known) {
			known.credential = credential;
			return;
		}
		const { eventsPerSecond, eventBurst } = this.#options;
		this.#connections.set(id, {
			id,
			namespace,
			credential,
			token: token ?? "",
			channels: new Map(),
			requests: new Orderly(),
			events: new TokenBucket(eventsPerSecond, eventBurst),
			missed: new Set(),
		});
	}

	/** Whether a connection of that namespace is here. */
	has(id: string, namespace: string): boolean {
		return this.#connections.get(id)?.namespace === namespace;
	}

	/** Sends a connection away, with a word if it can still be delivered. @returns false when it is not here */
	disconnect(id: string, reason: Bye["reason"]): boolean {
		return this.#dismiss([id], reason) === 1;
	}

	/** A connection has ended. */
	ended(id: string): void {
		for (const channel of this.#connections.get(id)?.channels.values() ?? []) channel.subscribers.delete(id);
		this.#connections.delete(id);
	}

	/** Counts an event of a connection. @returns false when it was one too many, and the connection is gone */
	count(id: string): boolean {
		const connection = this.#connections.get(id);
		if (!connection) return false;
		if (connection.events.take(1, performance.now()) === 1) return true;
		this.disconnect(id, "limit");
		return false;
	}

	/** Subscribes as asked; `reply` is called once, before any later update is sent. */
	async subscribe(id: string, payload: unknown, reply: Reply<SubscribeReply>): Promise<void> {
		const connection = this.#connections.get(id);
		if (!connection) return;
		const request = readSubscribe(payload);
		if (!request) return reply(failure("invalid"));
		const { channel: name, since } = request;
		if (!isChannel(connection.namespace, name)) return reply(failure("unknown_channel"));
		if (this.#holdsTooMany(connection, name)) return reply(failure("too_many_channels"));
		await connection.requests.next(name, async () => {
			const channel = await this.#channelFor(connection, name);
			if (typeof channel === "string") return reply(failure(channel));
			if (!(await channel.prepare(since))) return reply(failure("overloaded"));
			// Nothing is awaited between the answer and the place in the channel, so no update comes between them.
			if (!this.#connections.has(id)) return;
			const now = Date.now();
			reply(channel.answer(since, now));
			connection.channels.set(name, channel);
			connection.missed.delete(channel);
			channel.subscribers.add(id);
			channel.beat(now, [id]);
		});
	}

	async unsubscribe(id: string, payload: unknown, reply: Reply<Done>): Promise<void> {
		const connection = this.#connections.get(id);
		const name = readChannel(payload);
		if (!connection) return;
		if (name === undefined) return reply(failure("invalid"));
		await connection.requests.next(name, async () => {
			const channel = connection.channels.get(name);
			channel?.subscribers.delete(id);
			connection.channels.delete(name);
			if (channel) connection.missed.delete(channel);
			reply(channel || isChannel(connection.namespace, name) ? { ok: true } : failure("unknown_channel"));
		});
	}

	/** How many connections hold a channel, on all nodes. */
	presence(id: string, payload: unknown, reply: Reply<PresenceReply>): void {
		const connection = this.#connections.get(id);
		const name = readChannel(payload);
		if (!connection) return;
		if (name === undefined) reply(failure("invalid"));
		else if (!isChannel(connection.namespace, name)) reply(failure("unknown_channel"));
		else reply({ ok: true, count: this.#countOf(connection, name) });
	}

	/**
	 * Sends an event to everybody here who holds a channel, or to some of them. Who does not take what waits for it is
	 * left out, and told where the channel stands when it does again.
	 *
	 * @returns to how many it was sent
	 */
	broadcast(channel: LiveChannel, event: string, payload: unknown, only?: readonly string[]): number {
		const takers: string[] = [];
		for (const id of only ?? channel.subscribers) {
			const connection = this.#connections.get(id);
			if (!connection) continue;
			if (this.#port.stalledMs(channel.namespace, id) < this.#options.stallMs) takers.push(id);
			else connection.missed.add(channel);
		}
		this.#port.send(channel.namespace, takers, event, payload);
		return takers.length;
	}

	/** What time brings: clients that take nothing are sent away, others told what they missed, expired ones ended. */
	sweep(now: number): void {
		const expired: string[] = [];
		for (const { id, namespace, credential, missed } of this.#connections.values()) {
			if (credential.expiresAt !== undefined && credential.expiresAt <= now) expired.push(id);
			const stalledMs = this.#port.stalledMs(namespace, id);
			if (stalledMs >= this.#options.slowMs) this.disconnect(id, "slow");
			else if (stalledMs < this.#options.stallMs && missed.size > 0) {
				const channels = [...missed];
				missed.clear();
				for (const channel of channels) channel.beat(now, [id]);
			}
		}
		if (expired.length > 0) this.#dismiss(expired, "revoked");
	}

	/** Ends the connections of a credential that has ended. */
	revoke(organisation: string, credential: string): void {
		const ended: string[] = [];
		for (const connection of this.#connections.values()) {
			const { id, organisation: ofOrganisation } = connection.credential;
			if (ofOrganisation === organisation && id === credential) ended.push(connection.id);
		}
		this.#dismiss(ended, "revoked");
	}

	/** Proves every credential again; who cannot prove it any more is sent away. Nobody is when accounts cannot answer. */
	async revalidate(): Promise<void> {
		const byToken = Map.groupBy(this.#connections.values(), ({ token }) => token);
		byToken.delete("");
		for (const [token, connections] of byToken) {
			const credential = await this.#admission.authenticate(token).catch(() => undefined);
			if (credential === undefined) return;
			const ids = connections.map(({ id }) => id);
			if (credential === null) this.#dismiss(ids, "revoked");
			else for (const connection of connections) connection.credential = credential;
		}
	}

	/** Sends everybody away, each to come back at its own moment. */
	drain(): void {
		this.#dismiss([...this.#connections.keys()], "draining");
	}

	#dismiss(ids: readonly string[], reason: Bye["reason"]): number {
		const leaving = ids.flatMap((id) => this.#connections.get(id) ?? []);
		for (const { id, namespace } of leaving) {
			const retryAfterMs = reason === "draining" ? Math.round(Math.random() * this.#options.returnMs) : RETRY_AFTER_MS;
			this.#port.send(namespace, [id], "bye", { reason, retryAfterMs } satisfies Bye);
		}
		for (const { id, namespace } of leaving) {
			this.ended(id);
			this.#port.close(namespace, id, reason === "draining" || reason === "slow");
		}
		return leaving.length;
	}

	async #channelFor(connection: Connection, name: string): Promise<LiveChannel | RealtimeErrorCode> {
		const { namespace } = connection;
		const { organisation } = connection.credential;
		const identity = { namespace, organisation, name };
		const open = this.#registry.find(identity);
		const code = codeOfChannel(name);
		if (open || code === undefined) return open ?? this.#registry.open(identity);
		try {
			if (!(await this.#sources.hasCode(organisation, code))) return "unknown_channel";
		} catch {
			return "overloaded";
		}
		return this.#registry.open(identity);
	}

	#countOf({ namespace, credential: { organisation } }: Connection, name: string): number {
		const identity = { namespace, organisation, name };
		const here = this.#registry.find(identity)?.subscribers.size ?? 0;
		return here + this.#sources.elsewhere(this.#registry.keyOf(identity));
	}

	#holdsTooMany({ channels, requests }: Connection, name: string): boolean {
		const names = new Set([...channels.keys(), ...requests.names()]);
		return !names.has(name) && names.size >= this.#options.maxChannels;
	}
}
