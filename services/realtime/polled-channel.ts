/**
 * A channel of `/ops`: a small document that is read again while somebody watches, and sent whole when it has changed.
 * Its offsets count the changes this node has seen, under an epoch of this node's start.
 */

import type { Place, PositionBeat, SubscribeReply } from "../../contracts/live.ts";
import type { ChannelIdentity, LiveChannel, Outlet } from "./live-channel.ts";

export interface PolledChannelOptions {
	/** Between two readings while somebody watches, ms. */
	readonly everyMs: number;
	readonly patienceMs: number;
}

export class PolledChannel implements LiveChannel {
	readonly key: string;
	readonly organisation: string;
	readonly namespace: string;
	readonly name: string;
	readonly subscribers = new Set<string>();
	readonly #epoch: string;
	readonly #read: () => Promise<unknown>;
	readonly #outlet: Outlet;
	readonly #options: PolledChannelOptions;
	#offset = 0;
	#text = "";
	#data: unknown;
	#readAt = 0;
	#askedAt = 0;
	#beatAt = 0;
	#reading: Promise<void> | undefined;

	constructor(
		identity: ChannelIdentity & { readonly key: string },
		epoch: string,
		read: () => Promise<unknown>,
		outlet: Outlet,
		options: PolledChannelOptions,
	) {
		this.key = identity.key;
		this.organisation = identity.organisation;
		this.namespace = identity.namespace;
		this.name = identity.name;
		this.#epoch = epoch;
		this.#read = read;
		this.#outlet = outlet;
		this.#options = options;
	}

	/** Reads now and sends what has changed. */
	refresh(): Promise<void> {
		this.#askedAt = Date.now();
		this.#reading ??= this.#readOnce().finally(() => {
			this.#reading = undefined;
		});
		return this.#reading;
	}

	async prepare(): Promise<boolean> {
		if (Date.now() - this.#readAt > this.#options.everyMs) {
			let timer: NodeJS.Timeout | undefined;
			const patience = new Promise<void>((resolve) => {
				timer = setTimeout(resolve, this.#options.patienceMs);
			});
			await Promise.race([this.refresh(), patience]);
			clearTimeout(timer);
		}
		return this.#offset > 0;
	}

	answer(since: Place | undefined): Exclude<SubscribeReply, { ok: false }> {
		const known = since?.epoch === this.#epoch && /^\d+$/.test(since.offset) && Number(since.offset) <= this.#offset;
		return { ok: true, channel: this.name, ...this.#place(), recovered: known, snapshot: this.#data };
	}

	beat(now: number, connections?: readonly string[]): void {
		if (!connections) this.#beatAt = now;
		const behindMs = now - this.#readAt <= 3 * this.#options.everyMs ? 0 : null;
		const verifiedAt = new Date(this.#readAt).toISOString();
		const beat: PositionBeat = {
			channel: this.name,
			...this.#place(),
			from: String(this.#offset),
			verifiedAt,
			behindMs,
		};
		this.#outlet.position(this, beat, connections);
	}

	sweep(now: number, beatMs: number): void {
		if (this.subscribers.size > 0 && now - this.#askedAt >= this.#options.everyMs) void this.refresh();
		if (now - this.#beatAt >= beatMs) this.beat(now);
	}

	close(): void {
		this.subscribers.clear();
	}

	async #readOnce(): Promise<void> {
		const beganAt = Date.now();
		let data: unknown;
		try {
			data = await this.#read();
		} catch {
			// Beats say how old the last reading is.
			return;
		}
		this.#readAt = beganAt;
		const text = JSON.stringify(data);
		if (text === this.#text) return;
		this.#text = text;
		this.#data = data;
		const from = String(this.#offset++);
		const at = new Date(beganAt).toISOString();
		this.#outlet.update(this, { channel: this.name, ...this.#place(), from, at, data });
	}

	#place(): Place {
		return { epoch: this.#epoch, offset: String(this.#offset) };
	}
}
