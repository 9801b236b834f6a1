/**
 * What `feed` and `feed:ID` of `/scans` show: scans one by one, every one once up to a rate, beyond it a sample and how
 * many it skipped. It remembers the last ones with their places, so that who returns is given exactly what was missed.
 */

import type { FeedReading, Position } from "../../contracts/events.ts";
import type { FeedUpdate } from "../../contracts/live.ts";
import type { FeedScan } from "../../contracts/scan.ts";
import type { Content, Slice } from "./live-channel.ts";
import { covers, type Vector } from "./offset.ts";
import { TokenBucket } from "./rate.ts";

export interface FeedContentOptions {
	readonly feedPerSecond: number;
	readonly feedHistory: number;
	readonly feedSnapshot: number;
}

interface Entry {
	readonly partition: number;
	readonly to: Position;
	readonly scans: readonly FeedScan[];
	readonly skipped: number;
}

export class FeedContent implements Content<FeedReading, FeedUpdate> {
	readonly #options: FeedContentOptions;
	readonly #bucket: TokenBucket;
	#pending: Entry[] = [];
	#history: Entry[] = [];
	#remembered = 0;
	/** The history holds everything after this place. */
	#since: Position[] = [];
	/** The newest scans that were taken, newest last. */
	#newest: readonly FeedScan[] = [];

	constructor(options: FeedContentOptions) {
		this.#options = options;
		this.#bucket = new TokenBucket(options.feedPerSecond, options.feedPerSecond);
	}

	get pending(): boolean {
		return this.#pending.length > 0;
	}

	/** Which of the scans read were sent before cannot be told, so a reading always begins anew. */
	load(reading: FeedReading, positions: Vector): boolean {
		this.#pending = [];
		this.#history = [];
		this.#remembered = 0;
		this.#since = [...positions];
		this.#newest = reading.scans.slice(-this.#options.feedSnapshot);
		return false;
	}

	apply({ partition, to, scans, skipped }: Slice, now: number): boolean {
		if (scans.length === 0 && skipped === 0) return true;
		const allowed = this.#bucket.take(scans.length, now);
		const shown = sample(scans, allowed);
		this.#pending.push({ partition, to, scans: shown, skipped: skipped + scans.length - shown.length });
		return true;
	}

	roll(): boolean {
		return false;
	}

	take(): FeedUpdate {
		const entries = this.#pending;
		this.#pending = [];
		const update = merge(entries);
		if (update.scans.length > 0) {
			this.#newest = [...this.#newest, ...update.scans].slice(-this.#options.feedSnapshot);
		}
		this.#remember(entries);
		return update;
	}

	snapshot(): FeedUpdate {
		return { scans: this.#newest };
	}

	missed(since: Vector): readonly FeedUpdate[] | "unproven" {
		if (!covers(since, this.#since)) return "unproven";
		const entries = this.#history.filter(({ partition, to }) => to > (since[partition] ?? 0));
		return entries.length === 0 ? [] : [merge(entries)];
	}

	#remember(entries: readonly Entry[]): void {
		for (const entry of entries) {
			this.#history.push(entry);
			this.#remembered += weight(entry);
		}
		let forgotten = 0;
		while (this.#remembered > this.#options.feedHistory) {
			const entry = this.#history[forgotten++] as Entry;
			this.#remembered -= weight(entry);
			while (this.#since.length <= entry.partition) this.#since.push(0);
			this.#since[entry.partition] = Math.max(this.#since[entry.partition] as number, entry.to);
		}
		if (forgotten > 0) this.#history.splice(0, forgotten);
	}
}

/** An entry without scans takes room too. */
const weight = (entry: Entry) => Math.max(1, entry.scans.length);

function merge(entries: readonly Entry[]): FeedUpdate {
	const scans = entries.flatMap((entry) => entry.scans);
	const skipped = entries.reduce((sum, entry) => sum + entry.skipped, 0);
	return skipped > 0 ? { scans, skipped } : { scans };
}

/** `count` of the scans, evenly spread, in their order. */
function sample(scans: readonly FeedScan[], count: number): readonly FeedScan[] {
	if (count >= scans.length) return scans;
	return Array.from({ length: count }, (_, index) => scans[Math.floor((index * scans.length) / count)] as FeedScan);
}
