/**
 * Expects reads. A screen asks again some time after it was told of a scan: how long after, is learned from its last
 * reads, so that the answer can be made ready just before. A read that does not come ends the expectation.
 */

import type { Dependence } from "../contracts/cache.ts";

export interface ReadAheadOptions {
	/** How long before the expected read, ms. */
	readonly aheadMs: number;
	/** Reads further apart are not expected, ms. @defaultValue 90000 */
	readonly longestMs?: number;
	/** Keys of which reads are expected at most. @defaultValue 5000 */
	readonly maxKeys?: number;
	/** Answers made ready at a time; the others wait, and are not made ready once it is too late. @defaultValue 4 */
	readonly maxAtOnce?: number;
}

interface Watched {
	readonly depends: Dependence;
	readonly prepare: () => Promise<void>;
	readonly readAt: number;
	/** First scan since the last read; 0 before it. Epoch ms, as all times here. */
	movedAt: number;
	/** How long after the first scan the last reads came, ms, newest first. */
	lags: readonly number[];
	timer?: NodeJS.Timeout;
}

const LAGS_KEPT = 3;
/** A read so soon after the last one belongs to it: another screen's, ms. */
const SAME_MS = 50;

export class ReadAhead {
	readonly #options: Required<ReadAheadOptions>;
	/** The one not read for longest is first. */
	readonly #watched = new Map<string, Watched>();
	/** Keys by what moves them: an organisation, or one of its codes. */
	readonly #byMover = new Map<string, Set<string>>();
	readonly #due: { readonly watched: Watched; readonly expectedAt: number }[] = [];
	#preparing = 0;

	constructor(options: ReadAheadOptions) {
		this.#options = { longestMs: 90_000, maxKeys: 5_000, maxAtOnce: 4, ...options };
	}

	/**
	 * An answer was read whose range includes now.
	 *
	 * @param prepare makes it ready for the next read; never rejects
	 */
	read(key: string, depends: Dependence, prepare: () => Promise<void>, now: number): void {
		const known = this.#watched.get(key);
		if (known && now - known.readAt < SAME_MS) return;
		const lags = known ? lagsOf(known, now, this.#options.longestMs) : [];
		this.#forget(key);
		for (const mover of moversOf(depends)) {
			const keys = this.#byMover.get(mover);
			if (keys) keys.add(key);
			else this.#byMover.set(mover, new Set([key]));
		}
		this.#watched.set(key, { depends, prepare, readAt: now, movedAt: 0, lags });
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

	stop(): void {
		for (const { timer } of this.#watched.values()) clearTimeout(timer);
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
			const lag = Math.max(...watched.lags);
			// What is read sooner is kept alive by its readers.
			if (watched.lags.length === 0 || lag < this.#options.aheadMs) continue;
			watched.timer = setTimeout(() => this.#prepare(watched, now + lag), lag - this.#options.aheadMs);
			watched.timer.unref();
		}
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
