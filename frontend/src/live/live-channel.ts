/**
 * One subscribed channel: the place it holds, what it knows, and how fresh that is. It decides what a message means and
 * keeps no connection and no timer; whoever has those asks it whether to subscribe again.
 */
import type { Place, PositionBeat, Update } from "../../../contracts/live.ts";
import { type Accepted, judge, recoveryOf } from "./contiguity.ts";
import { type ConnectionState, type LinkState, stateOf } from "./freshness.ts";
import type { Reducer } from "./reducer.ts";

export interface LiveError {
	readonly code: string;
	readonly message: string;
}

/** What listeners of a channel are told. Instants are epoch ms on the server's clock. */
export interface ChannelView<View> {
	readonly channel: string;
	/** Kept, as it was last known, while the connection is away. */
	readonly data: View | undefined;
	readonly state: ConnectionState;
	readonly error: LiveError | undefined;
	/** When the data was last proven to be all that was counted. */
	readonly verifiedAt: number | undefined;
	/** When the data last changed. */
	readonly lastUpdateAt: number | undefined;
	readonly behindMs: number | null;
}

export type Listener<View> = (view: ChannelView<View>) => void;

export interface Surroundings {
	readonly link: LinkState;
	readonly error: LiveError | undefined;
	readonly now: number;
	readonly heartbeatMs: number;
}

/** A request for a channel; `since` is the place it asks from. */
export interface Asked {
	readonly since: Place | undefined;
	/** Epoch ms on the server's clock. */
	readonly at: number;
}

export class LiveChannel<Snapshot, Change extends Snapshot, View> {
	readonly name: string;
	readonly listeners = new Set<Listener<View>>();
	readonly #reducer: Reducer<Snapshot, Change, View>;
	#place: Place | undefined;
	#data: View | undefined;
	#asked: Asked | undefined;
	#mending: "asking" | "later" | undefined;
	#whole = false;
	#error: LiveError | undefined;
	#behind: { readonly ms: number | null; readonly heardAt: number } = { ms: null, heardAt: 0 };
	#verifiedAt: number | undefined;
	#proofAgeOnArrival = 0;
	#lastUpdateAt: number | undefined;
	#heardAt = 0;
	#told: ChannelView<View> | undefined;

	constructor(name: string, reducer: Reducer<Snapshot, Change, View>) {
		this.name = name;
		this.#reducer = reducer;
	}

	/** True while a request is under way or put off; messages that do not follow are then left to its reply. */
	get mending(): boolean {
		return this.#mending !== undefined;
	}

	get refused(): boolean {
		return this.#error !== undefined;
	}

	/** When the channel was last asked for; 0 when never. */
	get askedAt(): number {
		return this.#asked?.at ?? 0;
	}

	/** Notes that the channel is being asked for from the place it holds. */
	ask(now: number): Asked {
		this.#asked = { since: this.#place, at: now };
		this.#mending = "asking";
		this.#whole = false;
		this.#heardAt = now;
		return this.#asked;
	}

	/** Notes that the channel is not whole and will be asked for later. */
	putOff(): void {
		this.#mending = "later";
		this.#whole = false;
	}

	/** Takes the reply to a request. @returns false when it does not make the channel whole: ask again. */
	accept(asked: Asked, reply: Accepted<Snapshot | Change>, now: number): boolean {
		this.#heardAt = now;
		// A newer request is under way, and its reply covers this one.
		if (asked !== this.#asked || this.#mending !== "asking") return true;
		this.#mending = undefined;
		const recovery = recoveryOf(reply, asked.since, this.#place);
		if (recovery.kind === "gap") {
			// What is held cannot be mended from its place; asking without one always gives a snapshot.
			this.#place = undefined;
			return false;
		}
		if (recovery.kind === "replace") this.#data = this.#reducer.snapshot(this.#data, recovery.snapshot);
		else for (const { data } of recovery.updates) this.#add(data as Change);
		this.#place = { epoch: reply.epoch, offset: reply.offset };
		this.#whole = true;
		this.#lastUpdateAt ??= now;
		this.#prove(now, now);
		return true;
	}

	/** The server will not give this channel; it stays refused until the connection is made anew. */
	refuse(error: LiveError): void {
		this.#mending = undefined;
		this.#error = error;
	}

	/** The connection ended: nothing is under way and nothing is proven. */
	interrupt(): void {
		this.#mending = undefined;
		this.#whole = false;
		this.#error = undefined;
	}

	/** @returns false when the update shows a gap that no request is mending yet. */
	update(update: Update<Change>, now: number): boolean {
		this.#heardAt = now;
		const verdict = this.#judge(update);
		if (verdict === "follows") {
			this.#add(update.data);
			this.#place = { epoch: update.epoch, offset: update.offset };
			this.#lastUpdateAt = Date.parse(update.at);
			this.#prove(Math.max(this.#verifiedAt ?? 0, Date.parse(update.at)), now);
		}
		return verdict !== "gap" || this.mending;
	}

	/** @returns false when the beat shows a gap that no request is mending yet. */
	beat(beat: PositionBeat, now: number): boolean {
		this.#heardAt = now;
		const verdict = this.#judge(beat);
		if (verdict !== "gap") {
			this.#place = { epoch: beat.epoch, offset: beat.offset };
			this.#prove(Date.parse(beat.verifiedAt), now);
			this.#behind = { ms: beat.behindMs, heardAt: now };
		}
		return verdict !== "gap" || this.mending;
	}

	/** How long nothing was heard of this channel, ms. */
	silentFor(now: number): number {
		return now - this.#heardAt;
	}

	/** Tells the listeners what they may show now, if that changed. */
	tell(around: Surroundings): void {
		const view = this.view(around);
		const told = this.#told;
		this.#told = view;
		if (told && (Object.keys(view) as (keyof ChannelView<View>)[]).every((key) => told[key] === view[key])) return;
		for (const listener of [...this.listeners]) listener(view);
	}

	view({ link, error, now, heartbeatMs }: Surroundings): ChannelView<View> {
		// Beats may not come while updates do: what the last one said of the backlog is not true for ever.
		const behindMs = now - this.#behind.heardAt > 2 * heartbeatMs ? null : this.#behind.ms;
		return {
			channel: this.name,
			data: this.#data,
			state: stateOf({
				link: this.#error ? "down" : link,
				whole: this.#whole,
				hasData: this.#data !== undefined,
				behindMs,
				proofAgeMs: now - (this.#verifiedAt ?? now),
				proofAgeOnArrivalMs: this.#proofAgeOnArrival,
				heartbeatMs,
			}),
			error: error ?? this.#error,
			verifiedAt: this.#verifiedAt,
			lastUpdateAt: this.#lastUpdateAt,
			behindMs,
		};
	}

	#judge(message: Place & { readonly from: string }): "follows" | "known" | "gap" {
		return this.#place && this.#data !== undefined ? judge(this.#place, message) : "gap";
	}

	#add(data: Change): void {
		this.#data =
			this.#data === undefined ? this.#reducer.snapshot(undefined, data) : this.#reducer.update(this.#data, data);
	}

	#prove(verifiedAt: number, now: number): void {
		this.#verifiedAt = verifiedAt;
		this.#proofAgeOnArrival = now - verifiedAt;
	}
}
