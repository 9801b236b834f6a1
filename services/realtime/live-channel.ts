/** What channels, their contents and those who carry their messages know of each other. */

import type { CodeDelta, Position } from "../../contracts/events.ts";
import type { Place, PositionBeat, SubscribeReply, Update } from "../../contracts/live.ts";
import type { FeedScan } from "../../contracts/scan.ts";
import type { Vector } from "./offset.ts";

export interface ChannelIdentity {
	readonly organisation: string;
	readonly namespace: string;
	readonly name: string;
}

/** A channel as those see it who hold it, whatever it shows. */
export interface LiveChannel extends ChannelIdentity {
	readonly key: string;
	/** Connections of this node that hold it. */
	readonly subscribers: Set<string>;
	/** Resolves to whether `answer` can serve a subscriber that was at `since`. */
	prepare(since: Place | undefined): Promise<boolean>;
	/** Whoever gets the answer must get every later update. */
	answer(since: Place | undefined, now: number): Exclude<SubscribeReply, { ok: false }>;
	/** Says where the channel stands, to all subscribers or to some. */
	beat(now: number, connections?: readonly string[]): void;
	sweep(now: number, beatMs: number): void;
	close(): void;
}

/** Where the messages of channels go. */
export interface Outlet {
	update(channel: LiveChannel, update: Update): void;
	position(channel: LiveChannel, beat: PositionBeat, connections?: readonly string[]): void;
}

/** What a channel asks of the node it lives on. */
export interface LiveSource {
	/** What the node holds of every partition. */
	held(): Vector;
	/** Whether an epoch that was read is the current one; it is made so unless it was left before. */
	meet(epoch: string, partitions: number): boolean;
	verifiedAt(): number;
	behindMs(now: number): number | null;
	/** Waits for a turn to read; the result ends it. */
	turn(): Promise<() => void>;
	/** A reading failed; it will be tried again. */
	failed(key: string, error: unknown): void;
}

/** What one commit of a partition added to one channel. */
export interface Slice {
	readonly partition: number;
	readonly from: Position;
	readonly to: Position;
	readonly deltas: CodeDelta[];
	readonly scans: FeedScan[];
	/** Scans that the source left out of `scans`. */
	skipped: number;
}

/** What a channel shows: pure state, which knows nothing of places, subscribers or time but what it is told. */
export interface Content<Reading, Data> {
	/** True when there is something to send. */
	readonly pending: boolean;
	/**
	 * Takes a reading as the truth.
	 *
	 * @param anew true when nothing of before holds
	 * @returns false when what was sent before cannot be continued by an update
	 */
	load(reading: Reading, positions: Vector, now: number, anew: boolean): boolean;
	/** Adds a commit. @returns false when it contradicts what is held */
	apply(slice: Slice, now: number): boolean;
	/** Follows the clock. @returns true when the state must be read again */
	roll(now: number): boolean;
	/** What is to be sent now; from then on it is part of `snapshot`. */
	take(now: number): Data;
	/** The state as it was last taken. */
	snapshot(): Data | object;
	/** What was taken since a place, `snapshot` when that says it all, or `unproven`. */
	missed(since: Vector): readonly Data[] | "snapshot" | "unproven";
}
