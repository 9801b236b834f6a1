/**
 * Whether every commit was heard of. Announcements may be lost; their positions show it: one that does not continue what
 * was heard, or a beat that stays ahead of it, means that something changed unheard, and what is older is not believed.
 */

import type { Position, Positions, ScansCommitted, ScansPosition } from "../../contracts/events.ts";

interface Partition {
	/** What was heard of completely. */
	held: Position;
	/** The announcement whose parts are coming in. */
	coming?: { readonly from: Position; readonly to: Position; missing: number };
	/** Position of the last beat: what it names must have been heard of by the next. */
	beat: Position;
	/** When that was so, epoch ms; 0 before the first. */
	beatAt: number;
	/** How far counting was behind then, ms. */
	behindMs: number;
}

export class Hearing {
	readonly #partitions = new Map<number, Partition>();
	#epoch = "";
	#since: number;
	#beginnings = 0;

	constructor(now: number) {
		this.#since = now;
	}

	/** Every commit since this instant was heard of, epoch ms. */
	get since(): number {
		return this.#since;
	}

	/** How often something was lost: also twice within a millisecond. */
	get beginnings(): number {
		return this.#beginnings;
	}

	/** Until when everything that was counted was heard of, epoch ms; undefined while that is not known. */
	get until(): number | undefined {
		const all = [...this.#partitions.values()];
		const known = all.length > 0 && all.every(({ beat, held, coming }) => beat <= held && !coming);
		return known ? Math.min(...all.map(({ beatAt }) => beatAt)) : undefined;
	}

	/** What was heard of, also of an announcement of which parts are yet to come. */
	get positions(): Positions {
		return Object.fromEntries([...this.#partitions].map(([id, { held, coming }]) => [id, coming?.to ?? held]));
	}

	/** Whether everything up to `applied` was heard of, and nobody knows of more. */
	covers(applied: Positions): boolean {
		return (
			this.until !== undefined &&
			Object.entries(applied).every(([id, position]) => (this.#partitions.get(Number(id))?.held ?? -1) >= position)
		);
	}

	/** How far counting was behind when it was last told, ms. */
	get behindMs(): number {
		return Math.max(0, ...[...this.#partitions.values()].map(({ behindMs }) => behindMs));
	}

	/** Whether an epoch is the present one. */
	isOf(epoch: string): boolean {
		return epoch === this.#epoch;
	}

	/** @returns whether it is news: false for one that came before */
	committed(part: ScansCommitted, now: number): boolean {
		const partition = this.#of(part.epoch, part.partition, part.from, now);
		if (part.to <= partition.held && part.to >= part.from) return false;
		if (partition.coming?.from !== part.from || partition.coming.to !== part.to) {
			// Another begins before all of the last one came, or one that does not follow what was heard.
			if (partition.coming || part.from !== partition.held) this.#lost(partition, now);
			partition.coming = { from: part.from, to: part.to, missing: part.parts };
		}
		partition.coming.missing--;
		if (partition.coming.missing > 0) return true;
		partition.held = part.to;
		partition.coming = undefined;
		return true;
	}

	position({ epoch, partition: id, position, behindMs, at }: ScansPosition, now: number): void {
		const partition = this.#of(epoch, id, position, now);
		// A beat may overtake the announcement of the commit that it names, but not by a whole beat.
		if (partition.beat > partition.held) {
			this.#lost(partition, now);
			partition.held = partition.beat;
		}
		// The log began anew.
		if (position < partition.held && position < partition.beat) {
			this.#lost(partition, now);
			partition.held = position;
		}
		partition.beat = position;
		partition.beatAt = Math.min(at, now);
		partition.behindMs = behindMs;
	}

	#of(epoch: string, id: number, position: Position, now: number): Partition {
		if (epoch !== this.#epoch) {
			this.#partitions.clear();
			this.#epoch = epoch;
			this.#begin(now);
		}
		let partition = this.#partitions.get(id);
		if (!partition) {
			// What came before the first word of a partition was not heard.
			partition = { held: position, beat: position, beatAt: 0, behindMs: 0 };
			this.#partitions.set(id, partition);
			this.#begin(now);
		}
		return partition;
	}

	#lost(partition: Partition, now: number): void {
		partition.coming = undefined;
		this.#begin(now);
	}

	#begin(now: number): void {
		this.#since = now;
		this.#beginnings++;
	}
}
