/**
 * Watches codes with `maxScans` while scans are counted. Announcements of commits may be lost: a jump of a partition's
 * position is noticed, and the counts are then asked for instead of waited for.
 */

import type { RoutableCode } from "../../contracts/code.ts";
import type { Position, ScansCommitted, ScansPosition } from "../../contracts/events.ts";

/** A partition: up to where announcements were heard, and the parts heard of one that comes in several. */
interface Heard {
	position: Position;
	parts: { readonly to: Position; readonly numbers: Set<number> } | undefined;
}

export class ScanLimits {
	readonly #limits = new Map<string, number>();
	readonly #heard = new Map<number, Heard>();
	#stale = true;

	/** True when counts may have been missed since `refreshed`; so it is at first. */
	get stale(): boolean {
		return this.#stale;
	}

	/** From here on counts are heard; called before they are asked for. */
	refreshed(): void {
		this.#stale = false;
	}

	/** Something was missed: what was asked for could not be had. */
	missed(): void {
		this.#stale = true;
	}

	/** Keeps an eye on a code as long as it has a limit that is not reached. */
	watch({ id, maxScans, usedUp, deleted }: RoutableCode): void {
		if (maxScans === undefined || usedUp || deleted) this.#limits.delete(id);
		else this.#limits.set(id, maxScans);
	}

	/** The watched codes that a commit brought to their limit, with their scans. */
	reachedBy(commit: ScansCommitted): { code: string; scans: number }[] {
		this.#hear(commit);
		return commit.codes
			.filter(({ code, total }) => total.scans >= (this.#limits.get(code) ?? Number.POSITIVE_INFINITY))
			.map(({ code, total }) => ({ code, scans: total.scans }));
	}

	/** A partition that stands further than its announcements has commits that nobody announced. */
	heardOf({ partition, position }: ScansPosition): void {
		const heard = this.#of(partition, position);
		if (position > heard.position) {
			heard.position = position;
			this.#stale = true;
		}
	}

	#hear({ partition, from, to, part, parts }: ScansCommitted): void {
		const heard = this.#of(partition, from);
		if (from > heard.position) this.#stale = true;
		if (heard.parts?.to !== to) heard.parts = { to, numbers: new Set() };
		heard.parts.numbers.add(part);
		if (heard.parts.numbers.size === parts) heard.position = Math.max(heard.position, to);
	}

	#of(partition: number, position: Position): Heard {
		let heard = this.#heard.get(partition);
		if (!heard) {
			heard = { position, parts: undefined };
			this.#heard.set(partition, heard);
		}
		return heard;
	}
}
