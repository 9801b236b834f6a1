/**
 * Follows the announcements of every partition and says, in order, what was counted: each commit exactly once, or that
 * some were missed. It proves nothing by hope: what is out of order is waited for a moment, and what a beat says must
 * have been announced but did not come is a gap. It knows nothing of channels.
 */

import type { Position, ScansCommitted, ScansPosition } from "../../contracts/events.ts";
import { Announcements, type Commit } from "./announcements.ts";
import type { Vector } from "./offset.ts";

/**
 * Why what is held cannot be continued: nothing was heard of the partition before, commits were missed, or the positions
 * themselves began anew.
 */
export type Break = "start" | "gap" | "reset";

export interface TrackerSink {
	/** The next commit of its partition; what is held already includes it. */
	commit(commit: Commit): void;
	/** The partition is now held at `position`, and not all that led there was seen. */
	broken(partition: number, position: Position, how: Break): void;
	/** Everything counted belongs to another epoch from now on; nothing is held any more. */
	epoch(epoch: string): void;
}

export interface TrackerOptions {
	readonly settleMs: number;
	readonly beatStaleMs: number;
}

interface Partition {
	held: Position;
	/** What was announced and cannot be applied yet. */
	readonly waiting: Announcements;
	/** The furthest position that is known to have been counted. */
	evidence: Position;
	/** Since when `evidence` is ahead of `held`, ms; 0 when it is not. */
	behindSince: number;
	/** When it was last said that nothing beyond what is held was counted, epoch ms. */
	verifiedAt: number;
	/** The last beat's position, its instant, and when it was heard; 0 before the first. */
	beatPosition: Position;
	beatSaidAt: number;
	beatAt: number;
	behindMs: number;
	/** Beats in a row, without a commit between them, that said less than is held. */
	lower: number;
}

/** More announcements than this are not waited for: the gap is taken at once. */
const MOST_WAITING = 256;
/** So many beats in a row below what is held mean that the log began anew, not that an old owner speaks late. */
const LOWER_BEATS = 3;
const EPOCHS_REMEMBERED = 16;

export class PartitionTracker {
	readonly #options: TrackerOptions;
	readonly #sink: TrackerSink;
	readonly #partitions = new Map<number, Partition>();
	readonly #retired = new Set<string>();
	#epoch = "";
	#held: Position[] = [];
	/** How many partitions there are at least, from what was read. */
	#expected = 0;

	constructor(options: TrackerOptions, sink: TrackerSink) {
		this.#options = options;
		this.#sink = sink;
	}

	/** Empty until anything was heard. */
	get epoch(): string {
		return this.#epoch;
	}

	/** What is held of every partition. */
	held(): Vector {
		return this.#held;
	}

	/**
	 * Makes an epoch that was read or heard the current one, unless it is one that was left before.
	 *
	 * @param partitions how many partitions a reading of this epoch named
	 * @returns whether it is the current one now
	 */
	meet(epoch: string, partitions = 0): boolean {
		if (epoch === this.#epoch) {
			this.#expected = Math.max(this.#expected, partitions);
			return true;
		}
		if (this.#retired.has(epoch)) return false;
		if (this.#epoch) this.#retired.add(this.#epoch);
		if (this.#retired.size > EPOCHS_REMEMBERED) this.#retired.delete(first(this.#retired));
		this.#epoch = epoch;
		this.#expected = partitions;
		this.#partitions.clear();
		this.#held = [];
		this.#sink.epoch(epoch);
		return true;
	}

	committed(part: ScansCommitted, now: number): void {
		if (!this.meet(part.epoch)) return;
		const partition = this.#open(part.partition, part.from);
		if (part.to < part.from) {
			// Positions only grow within a log: it began anew.
			this.#break(part.partition, partition, part.to, "reset");
			return;
		}
		if (part.to <= partition.held) return;
		const whole = partition.waiting.add(part);
		if (whole) this.#applyWaiting(part.partition, partition);
		partition.evidence = Math.max(partition.evidence, part.from, whole ? 0 : part.to);
		this.#settle(part.partition, partition, now);
	}

	position(beat: ScansPosition, now: number): void {
		if (!this.meet(beat.epoch)) return;
		const partition = this.#open(beat.partition, beat.position);
		partition.beatPosition = beat.position;
		partition.beatSaidAt = Math.min(beat.at, now);
		partition.beatAt = now;
		partition.behindMs = beat.behindMs;
		partition.lower = beat.position < partition.held ? partition.lower + 1 : 0;
		if (partition.lower >= LOWER_BEATS) this.#break(beat.partition, partition, beat.position, "reset");
		partition.evidence = Math.max(partition.evidence, beat.position);
		this.#settle(beat.partition, partition, now);
	}

	/** Takes as lost what was waited for long enough; to be called a few times a second. */
	check(now: number): void {
		for (const [id, partition] of this.#partitions) this.#settle(id, partition, now);
	}

	/** Epoch ms at which all partitions were last known to hold nothing more than is held; 0 when that was never. */
	verifiedAt(): number {
		let verifiedAt = Number.POSITIVE_INFINITY;
		for (const partition of this.#all()) verifiedAt = Math.min(verifiedAt, partition?.verifiedAt ?? 0);
		return Number.isFinite(verifiedAt) ? verifiedAt : 0;
	}

	/** How far counting is behind what was accepted, ms; null when a partition has not been heard of. */
	behindMs(now: number): number | null {
		let behind = 0;
		for (const partition of this.#all()) {
			if (!partition?.beatAt || now - partition.beatAt > this.#options.beatStaleMs) return null;
			behind = Math.max(behind, partition.behindMs);
		}
		return this.#partitions.size === 0 ? null : behind;
	}

	/** Every partition that there is, undefined where nothing was heard of it. */
	#all(): (Partition | undefined)[] {
		const length = Math.max(this.#held.length, this.#expected);
		return Array.from({ length }, (_, id) => this.#partitions.get(id));
	}

	#open(id: number, position: Position): Partition {
		let partition = this.#partitions.get(id);
		if (!partition) {
			partition = {
				held: position,
				waiting: new Announcements(),
				evidence: position,
				behindSince: 0,
				verifiedAt: 0,
				beatPosition: 0,
				beatSaidAt: 0,
				beatAt: 0,
				behindMs: 0,
				lower: 0,
			};
			this.#partitions.set(id, partition);
			// What led to the first position that is heard of was not seen.
			this.#break(id, partition, position, "start");
		}
		return partition;
	}

	#applyWaiting(id: number, partition: Partition): void {
		const { waiting } = partition;
		for (let next = waiting.takeFrom(partition.held); next; next = waiting.takeFrom(partition.held)) {
			this.#hold(id, partition, next.to);
			partition.lower = 0;
			this.#sink.commit(next);
		}
		waiting.dropUpTo(partition.held);
	}

	#settle(id: number, partition: Partition, now: number): void {
		while (partition.evidence > partition.held || partition.waiting.size > 0) {
			partition.behindSince ||= now;
			const patient = now - partition.behindSince < this.#options.settleMs && partition.waiting.size < MOST_WAITING;
			if (patient) return;
			const next = partition.waiting.earliest();
			const known = Math.max(partition.evidence, partition.waiting.furthest());
			const continues = next !== undefined && next > partition.held;
			// Without one to go on from, what waits is in pieces: all of it is behind the gap.
			if (!continues) partition.waiting.clear();
			this.#break(id, partition, continues ? next : known, "gap");
			this.#applyWaiting(id, partition);
			partition.behindSince = 0;
		}
		partition.behindSince = 0;
		// One lower beat was overtaken by a commit; more of them are of a log that began anew.
		if (partition.lower > 1 || partition.held < partition.beatPosition) return;
		partition.verifiedAt = Math.max(partition.verifiedAt, partition.beatSaidAt);
	}

	#break(id: number, partition: Partition, position: Position, how: Break): void {
		if (how === "reset") {
			partition.waiting.clear();
			partition.evidence = position;
			partition.verifiedAt = 0;
		}
		partition.lower = 0;
		partition.behindSince = 0;
		this.#hold(id, partition, position);
		partition.waiting.dropUpTo(position);
		this.#sink.broken(id, position, how);
	}

	#hold(id: number, partition: Partition, position: Position): void {
		partition.held = position;
		const held = this.#held.slice();
		while (held.length <= id) held.push(0);
		held[id] = position;
		this.#held = held;
	}
}

function first<T>(values: Iterable<T>): T {
	return values[Symbol.iterator]().next().value as T;
}
