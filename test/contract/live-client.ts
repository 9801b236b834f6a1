/*
 * A client of "Realtime" as anybody could write it from the contract: socket.io-client, and a record of everything that came in
 * the order in which it came, acknowledgements among it.
 */
import { io, type Socket } from "socket.io-client";
import { expect } from "vitest";
import type { Bye, Namespace, Place, PositionBeat, SubscribeReply, Update, Welcome } from "../../contracts/live.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { until } from "../harness/product.ts";

export interface Credential {
	readonly token?: unknown;
	readonly cookie?: string;
	readonly origin?: string;
}

export interface Came {
	readonly event: string;
	readonly data: unknown;
}

export type Acknowledged = Exclude<SubscribeReply<unknown>, { ok: false }>;

export class LiveClient {
	readonly came: Came[] = [];
	readonly socket: Socket;
	/** Why it was disconnected, if it was. */
	disconnected: string | undefined;

	constructor(url: string, namespace: Namespace | string, { token, cookie, origin }: Credential) {
		this.socket = io(url + namespace, {
			transports: ["websocket"],
			forceNew: true,
			reconnection: false,
			auth: token === undefined ? {} : { token },
			extraHeaders: { ...(cookie && { cookie }), ...(origin && { origin }) },
		});
		this.socket.onAny((event: string, data: unknown) => this.came.push({ event, data }));
		this.socket.on("disconnect", (reason) => {
			this.disconnected = reason;
		});
		atEndOfFile(async () => this.socket.disconnect());
	}

	/** The welcome, or what the namespace refused the connection with. */
	async connected(): Promise<Welcome> {
		const refused = new Promise<never>((_, reject) => this.socket.once("connect_error", reject));
		const welcome = until(() => this.all<Welcome>("welcome")[0], { what: "a welcome" });
		welcome.catch(() => undefined);
		return Promise.race([welcome, refused]);
	}

	/** Emits and gives the acknowledgement, which is recorded as `ack`. */
	ask<T = unknown>(event: string, ...payload: unknown[]): Promise<T> {
		return new Promise((resolve, reject) => {
			const overdue = setTimeout(() => reject(new Error(`${event} was not acknowledged`)), 10_000);
			this.socket.emit(event, ...payload, (reply: T) => {
				clearTimeout(overdue);
				this.came.push({ event: "ack", data: reply });
				resolve(reply);
			});
		});
	}

	subscribe(channel: string, since?: Place): Promise<SubscribeReply<unknown>> {
		return this.ask("subscribe", since ? { channel, since } : { channel });
	}

	/** Subscribes to a channel that is there. */
	async hold(channel: string, since?: Place): Promise<Acknowledged> {
		const reply = await this.subscribe(channel, since);
		if (!reply.ok) throw new Error(`${channel} was refused: ${JSON.stringify(reply)}`);
		return reply;
	}

	all<T>(event: string): T[] {
		return this.came.filter((it) => it.event === event).map(({ data }) => data as T);
	}

	updates<Data>(channel: string): Update<Data>[] {
		return this.all<Update<Data>>("update").filter((update) => update.channel === channel);
	}

	beats(channel: string): PositionBeat[] {
		return this.all<PositionBeat>("position").filter((beat) => beat.channel === channel);
	}

	/** The farewell, once the connection is gone too. */
	async ended(timeoutMs = 10_000): Promise<Bye | undefined> {
		await until(() => this.disconnected !== undefined, { what: "the connection to end", timeoutMs });
		return this.all<Bye>("bye")[0];
	}
}

/** Holds that every update follows the one before, from the acknowledged place on; the place that it ends at. */
export function follow(client: LiveClient, channel: string, from: Place): Place {
	let { epoch, offset } = from;
	for (const { event, data } of client.came) {
		const it = data as { channel?: string; from: string; offset: string; epoch: string };
		if (it.channel !== channel || (event !== "update" && event !== "position")) continue;
		expect(it).toMatchObject({ epoch, from: offset });
		({ epoch, offset } = it);
	}
	return { epoch, offset };
}
