/**
 * Moleculer's NATS transporter for processes that must start and go on without NATS. A broker whose NATS is away starts
 * alone; as soon as NATS is there its process joins the cluster, and does so again after every loss. While there is no
 * connection, requests fail at once and events are dropped: nothing is kept to be sent when it is no longer true.
 */

import { setTimeout as delay } from "node:timers/promises";
import { Transporters } from "moleculer";
import type { NatsConnection } from "nats";
import { natsCredentials } from "./nats-credentials.ts";

export interface ClusterTransporterOptions {
	/** Addresses of NATS servers of one cluster, with user and password where they need them. */
	readonly servers: readonly string[];
	/** Between two attempts to connect, ms. @defaultValue 250 */
	readonly reconnectDelayMs?: number;
}

const CONNECT_TIMEOUT_MS = 1_500;
/** A connection on which the server is silent for two of these is dead. */
const PING_INTERVAL_MS = 2_000;
/** Longest that a stop waits for what was said last to be sent, ms. */
const FLUSH_TIMEOUT_MS = 1_000;
const EVENT = "EVENT";

type Prepublished = Parameters<InstanceType<typeof Transporters.NATS>["prepublish"]>[0];

export class ClusterTransporter extends Transporters.NATS {
	/** The broker's: subscribes (or, after a loss, says who it is again) and asks who else is there. */
	declare afterConnect: (wasReconnect: boolean) => Promise<void>;
	declare client: NatsConnection | null;
	readonly #servers: readonly string[];
	readonly #reconnectDelayMs: number;
	readonly #topics: { readonly command: string; readonly nodeId: string | undefined }[] = [];
	readonly #closing = new AbortController();
	#staying: Promise<void> = Promise.resolve();
	#awayBecause = "";

	constructor({ servers, reconnectDelayMs = 250 }: ClusterTransporterOptions) {
		super({});
		this.#servers = servers;
		this.#reconnectDelayMs = reconnectDelayMs;
	}

	/** Resolves when the broker may start: connected, or after the first attempt failed. */
	override connect(): Promise<void> {
		const started = Promise.withResolvers<void>();
		this.#staying = this.#stayConnected(started.resolve);
		return started.promise;
	}

	override async disconnect(): Promise<void> {
		this.#closing.abort();
		const { client } = this;
		if (client && !client.isClosed()) {
			const flushed = client.flush().catch(() => undefined);
			await Promise.race([flushed, delay(FLUSH_TIMEOUT_MS, undefined, { ref: false })]);
			await client.close();
		}
		await this.#staying;
	}

	override async subscribe(command: string, nodeId?: string): Promise<void> {
		this.#topics.push({ command, nodeId });
		this.#listen(command, nodeId);
	}

	override async prepublish(packet: Prepublished): Promise<void> {
		if (!this.connected && packet.type === EVENT) return;
		return super.prepublish(packet);
	}

	override async send(topic: string, data: Buffer): Promise<void> {
		if (!this.client || this.client.isClosed()) return;
		this.client.publish(topic, data);
	}

	/** Holds one connection after the other until it is told to disconnect. */
	async #stayConnected(started: () => void): Promise<void> {
		const { signal } = this.#closing;
		let known = false;
		while (!signal.aborted) {
			try {
				await this.#beConnected(known, () => {
					known = true;
					started();
				});
			} catch (error) {
				this.#isAway((error as Error).message);
			}
			if (!known) {
				// The broker goes on as it would with a connection; nobody is told and nobody answers.
				await this.afterConnect(false);
				known = true;
				started();
			}
			await delay(this.#reconnectDelayMs, undefined, { signal }).catch(() => undefined);
		}
	}

	/** Returns when the connection has ended. @throws when there is none. */
	async #beConnected(known: boolean, onJoined: () => void): Promise<void> {
		const { connect } = await import("nats");
		const client = await connect({
			...natsCredentials(this.#servers),
			servers: [...this.#servers],
			reconnect: false,
			timeout: CONNECT_TIMEOUT_MS,
			pingInterval: PING_INTERVAL_MS,
			maxPingOut: 2,
			noAsyncTraces: true,
			name: `scanpulse-${this.nodeID}`,
		});
		this.client = client;
		try {
			if (this.#closing.signal.aborted) return;
			for (const { command, nodeId } of this.#topics) this.#listen(command, nodeId);
			this.logger.info("NATS is there");
			this.#awayBecause = "";
			await this.onConnected(known);
			onJoined();
			const error = await client.closed();
			if (!this.#closing.signal.aborted) this.#isAway(error ? error.message : "the connection was lost");
		} finally {
			this.connected = false;
			this.client = null;
			await client.close();
		}
	}

	#listen(command: string, nodeId: string | undefined): void {
		if (!this.client || this.client.isClosed()) return;
		this.client.subscribe(this.getTopicName(command, nodeId), {
			callback: (error, { data }) => {
				if (error) return;
				try {
					void this.receive(command, Buffer.from(data));
				} catch (failure) {
					// Thrown on, it would end the connection.
					this.logger.error(`A message (${command}) could not be taken`, failure);
				}
			},
		});
	}

	#isAway(reason: string): void {
		if (this.#awayBecause === reason) return;
		this.#awayBecause = reason;
		this.logger.warn(`NATS is away, this process goes on alone: ${reason}`);
	}
}
