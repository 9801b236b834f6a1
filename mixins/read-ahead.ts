/**
 * Expects reads. A screen asks again some time after it was told of a scan: how long after, is learned from its last
 * reads, and before it has any from those of its like, so that the answer can be made ready just before; so is at which
 * time of the minute its like are asked for. A read that does not come ends the expectation.
 */

import { LRUCache } from "lru-cache";
import type { Dependence } from "../contracts/cache.ts";
import { ClockHabits } from "./clock-habits.ts";

export interface ReadAheadOptions {
	/** How long before the expected read, ms. */
	readonly aheadMs: number;
	/** How old an answer that was made ready may be when it is read, ms. */
	readonly liveMs: number;
	/** Reads further apart are not expected, ms. @defaultValue 90000 */
	readonly longestMs?: number;
	/** Keys of which reads are expected at most. @defaultValue 5000 */
	readonly maxKeys?: number;
	/** Answers made ready at a time; the others wait, and are not made ready once it is too late. @defaultValue 4 */
	readonly maxAtOnce?: number;
}

/** A read of an answer, and how to make it ready for the next. */
export interface ExpectedRead {
	readonly key: string;
	/** Names what is alike: such reads are expected to be asked for again after about the same time. */
	readonly like: string;
	readonly depends: Dependence;
	/** Never rejects. */
	readonly prepare: () => Promise<void>;
}

interface Watched extends ExpectedRead {
	readonly readAt: number;
	/** First scan since the last read; 0 before it. Epoch ms, as all times here. */
	movedAt: number;
	/** How long after the first scan the last reads came, ms, newest first. */
	lags: readonly number[];
	timer?: NodeJS.Timeout;
	clock?: NodeJS.Timeout;
}

const LAGS_KEPT = 3;
const LEAST_EARLY_MS = 300;
const MOST_LIKES = 1_000;
/** A read so soon after the last one belongs to it: another screen's, ms. */
const SAME_MS = 50;

export class ReadAhead {
	readonly #options: Required<ReadAheadOptions>;
	/** The one not read for longest is first. */
	readonly #watched = new Map<string, Watched>();
	/** Keys by what moves them: an organisation, or one of its codes. */
	readonly #byMover = new Map<string, Set<string>>();
	readonly #habits = new ClockHabits();
	/** The last lag of reads that are alike, ms. */
	readonly #usual = new LRUCache<string, number>({ max: MOST_LIKES });
	readonly #due: { readonly watched: Watched; readonly expectedAt: number }[] = [];
	#preparing = 0;

	constructor(options: ReadAheadOptions) {
		this.#options = { longestMs: 90_000, maxKeys: 5_000, maxAtOnce: 4, ...options };
	}

	/** An answer was read whose range includes now. */
	read(read: ExpectedRead, now: number): void {
		const { key, depends, like } = read;
		this.#habits.read(like, now);
		const known = this.#watched.get(key);
		if (known && now - known.readAt < SAME_MS) return;
		const lags = known ? lagsOf(known, now, this.#options.longestMs) : [];
		if (lags[0] !== undefined && lags !== known?.lags) this.#usual.set(like, lags[0]);
		this.#forget(key);
		for (const mover of moversOf(depends)) {
			const keys = this.#byMover.get(mover);
			if (keys) keys.add(key);
			else this.#byMover.set(mover, new Set([key]));
		}
		const watched: Watched = { ...read, readAt: now, movedAt: 0, lags };
		this.#watched.set(key, watched);
		this.#byClock(watched, now);
		for (const oldest of this.#watched.keys()) {
			if (this.#watched.size <= this.#options.maxKeys) break;
			this.#forget(oldest);
		}
	}

	/** Scans of these codes of an organisation were counted. */
	moved(organisation: string, codes: Iterable<string>, now: number): void {
		this.#move(moverOf(organisation), now);
		for (const code of codes) this.#move(moverOf(organisation, code), now);
	}

	/** Whether, as far as its last reads tell, nobody asks for it again within a time after a scan, ms. */
	restsFor(key: string, ms: number): boolean {
		const lags = this.#watched.get(key)?.lags ?? [];
		return lags.length > 0 && Math.min(...lags) > ms;
	}

	stop(): void {
		for (const { timer, clock } of this.#watched.values()) {
			clearTimeout(timer);
			clearTimeout(clock);
		}
		this.#watched.clear();
		this.#byMover.clear();
		this.#due.length = 0;
	}

	#move(mover: string, now: number): void {
		const keys = this.#byMover.get(mover);
		if (!keys) return;
		// Each waits for its next read from now on.
		this.#byMover.delete(mover);
		for (const key of keys) {
			const watched = this.#watched.get(key);
			if (!watched || watched.movedAt) continue;
			watched.movedAt = now;
			const lag = watched.lags.length > 0 ? Math.max(...watched.lags) : this.#usual.get(watched.like);
			// What is read sooner is kept alive by its readers.
			if (lag === undefined || lag < this.#options.aheadMs) continue;
			watched.timer = setTimeout(() => this.#prepare(watched, now + lag), lag - this.#options.aheadMs);
			watched.timer.unref();
		}
	}

	#byClock(watched: Watched, now: number): void {
		const { aheadMs } = this.#options;
		const next = this.#habits.next(watched.like, now, 2 * aheadMs);
		if (!next) return;
		// Many are due at once: as early as the answer is still young enough for the last who asks.
		const early = Math.min(aheadMs, Math.max(LEAST_EARLY_MS, this.#options.liveMs - (next.last - next.first)));
		watched.clock = setTimeout(() => this.#prepare(watched, next.last), next.first - early - now);
		watched.clock.unref();
	}

	#prepare(watched: Watched, expectedAt: number): void {
		this.#due.push({ watched, expectedAt });
		if (this.#preparing < this.#options.maxAtOnce) void this.#work();
	}

	async #work(): Promise<void> {
		this.#preparing++;
		for (let next = this.#due.shift(); next; next = this.#due.shift()) {
			if (Date.now() < next.expectedAt) await next.watched.prepare();
		}
		this.#preparing--;
	}

	#forget(key: string): void {
		const watched = this.#watched.get(key);
		if (!watched) return;
		clearTimeout(watched.timer);
		clearTimeout(watched.clock);
		this.#watched.delete(key);
		for (const mover of moversOf(watched.depends)) {
			const keys = this.#byMover.get(mover);
			keys?.delete(key);
			if (keys?.size === 0) this.#byMover.delete(mover);
		}
	}
}

/** One read after a long pause says nothing of the next. */
function lagsOf({ movedAt, lags }: Watched, now: number, longestMs: number): readonly number[] {
	if (!movedAt) return lags;
	const lag = now - movedAt;
	return lag > longestMs ? [] : [lag, ...lags].slice(0, LAGS_KEPT);
}

function moversOf({ organisation, codes }: Dependence): string[] {
	return codes ? codes.map((code) => moverOf(organisation, code)) : [moverOf(organisation)];
}

function moverOf(organisation: string, code = ""): string {
	return `${organisation}\0${code}`;
}
