/**
 * What was announced of one partition and cannot be continued with yet: parts are gathered until an announcement is whole,
 * and whole ones wait for the one before them. Whether to go on waiting is the tracker's to say.
 */

import type { Position, ScansCommitted } from "../../contracts/events.ts";

/** An announcement whose parts have all come. */
export type Commit = Pick<ScansCommitted, "partition" | "from" | "to" | "codes" | "feed" | "skipped">;

interface Gathering {
	readonly from: Position;
	readonly to: Position;
	readonly parts: (ScansCommitted | undefined)[];
	missing: number;
}

export class Announcements {
	/** By their positions. */
	readonly #gatherings = new Map<string, Gathering>();

	get size(): number {
		return this.#gatherings.size;
	}

	/** @returns whether all parts of its announcement have come */
	add(part: ScansCommitted): boolean {
		const gathering = this.#gatherings.getOrInsertComputed(keyOf(part), () => ({
			from: part.from,
			to: part.to,
			parts: new Array(part.parts).fill(undefined),
			missing: part.parts,
		}));
		if (part.part < gathering.parts.length && !gathering.parts[part.part]) {
			gathering.parts[part.part] = part;
			gathering.missing--;
		}
		return gathering.missing === 0;
	}

	/** Takes out the whole one that goes on from `position`. */
	takeFrom(position: Position): Commit | undefined {
		for (const [key, gathering] of this.#gatherings) {
			if (gathering.missing > 0 || gathering.from !== position) continue;
			this.#gatherings.delete(key);
			return merge(gathering);
		}
		return undefined;
	}

	/** Where the earliest whole one begins. */
	earliest(): Position | undefined {
		let earliest: Position | undefined;
		for (const { from, missing } of this.#gatherings.values()) {
			if (missing === 0 && (earliest === undefined || from < earliest)) earliest = from;
		}
		return earliest;
	}

	/** The furthest position that is announced, 0 when nothing waits. */
	furthest(): Position {
		let furthest = 0;
		for (const { to } of this.#gatherings.values()) furthest = Math.max(furthest, to);
		return furthest;
	}

	/** Forgets what leads no further than `position`. */
	dropUpTo(position: Position): void {
		for (const [key, { to }] of this.#gatherings) {
			if (to <= position) this.#gatherings.delete(key);
		}
	}

	clear(): void {
		this.#gatherings.clear();
	}
}

const keyOf = ({ from, to }: { from: Position; to: Position }) => `${from}:${to}`;

function merge({ from, to, parts }: Gathering): Commit {
	const all = parts as [ScansCommitted, ...ScansCommitted[]];
	const [{ partition, codes, feed, skipped }] = all;
	if (all.length === 1) return { partition, from, to, codes, feed, skipped };
	const left: Record<string, number> = {};
	for (const part of all) {
		for (const [code, count] of Object.entries(part.skipped)) left[code] = (left[code] ?? 0) + count;
	}
	return { partition, from, to, codes: all.flatMap((p) => p.codes), feed: all.flatMap((p) => p.feed), skipped: left };
}
