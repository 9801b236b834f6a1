/**
 * What belongs to the reading of a channel's state that is under way: what it must cover, so that the channel can go on
 * from it, and what was announced since it began, to be added to it.
 */

import type { Position } from "../../contracts/events.ts";
import type { Slice } from "./live-channel.ts";
import { covers, join, type Vector } from "./offset.ts";

/** Slices kept while a reading is under way; beyond, only a reading that covers them all will do. */
const MOST_KEPT = 20_000;

export class ReadingUnderWay {
	#needed: Vector = [];
	#kept: Slice[] = [];
	/** It began before the log began anew. */
	#outdated = false;

	/** A reading begins. @param needed what is known to have been counted */
	begin(needed: Vector): void {
		this.#needed = needed;
		this.#kept = [];
		this.#outdated = false;
	}

	/** @param held what the node holds, the slice included */
	keep(slice: Slice, held: Vector): void {
		this.#kept.push(slice);
		if (this.#kept.length <= MOST_KEPT) return;
		this.#needed = held;
		this.#kept = [];
	}

	/** Commits of a partition up to `position` will not be kept. */
	require(partition: number, position: Position): void {
		const reached: number[] = Array(partition).fill(0);
		reached.push(position);
		this.#needed = join(this.#needed, reached);
	}

	/** The positions of a partition began anew. */
	outdate(): void {
		this.#outdated = true;
	}

	/** Nothing that was announced holds any more. */
	forget(): void {
		this.#needed = [];
		this.#kept = [];
	}

	/** Whether the channel can go on from a reading of these positions. */
	isMetBy(positions: Vector): boolean {
		return !this.#outdated && covers(positions, this.#needed);
	}

	/** What was announced since it began. */
	take(): readonly Slice[] {
		return this.#kept.splice(0);
	}
}
