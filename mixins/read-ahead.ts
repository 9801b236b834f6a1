/**
 * Expects reads. A screen asks again some time after it was told of a scan, which is the first after its last read: how
 * long after is learned, of each answer and of those that are alike, so that the answer can be made ready just before,
 * for each of the screens that look at it. So is at which time of the minute its like are asked for. A read that does not
 * come ends the expectation.
 */

import type { Dependence } from "../contracts/cache.ts";
import { ClockHabits } from "./clock-habits.ts";
import { ScanHabits } from "./scan-habits.ts";

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

/** The first scan after a read: whoever read asks again some time after it. Epoch ms, as all times here. */
interface Told {
	readonly at: number;
	timer?: NodeJS.Timeout;
}

interface Watched {
	/** The last one. */
	read: ExpectedRead;
	readAt: number;
	/** Whether there was no scan since the last read. */
	waits: boolean;
	/** Oldest first. */
	told: Told[];
	clock?: NodeJS.Timeout;
}

const LEAST_EARLY_MS = 300;
/** A read so soon after the last one belongs to it: another screen's, ms. */
const SAME_MS = 50;
const MOST_TOLD = 16;
/** So many within this time are a crowd's, ms. */
const CROWDED_MS = 8_000;
/** So long after a read all that came with it have come, and tell when in the minute that was, ms. */
const SETTLED_MS = 2_000;

export class ReadAhead {
	readonly #options: Required<ReadAheadOptions>;
	/** The one not read for longest is first. */
	readonly #watched = new Map<string, Watched>();
	/** Keys by what moves them: an organisation, or one of its codes. */
	readonly #byMover = new Map<string, Set<string>>();
	readonly #clockHabits = new ClockHabits();
	readonly #scanHabits = new ScanHabits();
	readonly #due: { readonly watched: Watched; readonly expectedAt: number }[] = [];
	#preparing = 0;

	constructor(options: ReadAheadOptions) {
		this.#options = { longestMs: 90_000, maxKeys: 5_000, maxAtOnce: 4, ...options };
	}

	/** An answer was read whose range includes now. */
	read(read: ExpectedRead, now: number): void {
		const { key, depends, like } = read;
		this.#clockHabits.read(like, now);
		const known = this.#watched.get(key);
		if (known && now - known.readAt < SAME_MS) return;
		if (known) {
			this.#learn(known, now);
			this.#unlist(known);
		}
		const watched: Watched = known ?? { read, readAt: now, waits: true, told: [] };
		Object.assign(watched, { read, readAt: now, waits: true });
		this.#watched.delete(key);
		this.#watched.set(key, watched);
		for (const mover of moversOf(depends)) {
			const keys = this.#byMover.get(mover);
			if (keys) keys.add(key);
			else this.#byMover.set(mover, new Set([key]));
		}
		if (!watched.clock) this.#byClock(watched);
		for (const [oldest, { readAt }] of this.#watched) {
			if (this.#watched.size <= this.#options.maxKeys && now - readAt < this.#options.longestMs) break;
			this.#forget(oldest);
		}
	}

	/** Scans of these codes of an organisation were counted. */
	moved(organisation: string, codes: Iterable<string>, now: number): void {
		this.#move(moverOf(organisation), now);
		for (const code of codes) this.#move(moverOf(organisation, code), now);
	}

	/** Whether, as far as is known, somebody will ask for it again, but nobody within so many ms from now. */
	restsFor(key: string, ms: number, now: number): boolean {
		const watched = this.#watched.get(key);
		const lag = watched && this.#scanHabits.usual(watched.read.like);
		if (!watched || lag === undefined || lag <= ms) return false;
		return !watched.told.some(({ at }) => at + lag > now + SAME_MS && at + lag <= now + ms);
	}

	stop(): void {
		for (const key of this.#watched.keys()) this.#forget(key);
		this.#due.length = 0;
	}

	/** After which scans a read may have come. */
	#learn({ told, read }: Watched, now: number): void {
		const lags = told.map(({ at }) => now - at).filter((lag) => lag <= this.#options.longestMs);
		// Where very many look, every time would explain their reads; they keep the answer alive themselves.
		if (told.length < MOST_TOLD || (lags[0] ?? 0) > CROWDED_MS) this.#scanHabits.read(read.like, lags);
	}

	#move(mover: string, now: number): void {
		const keys = this.#byMover.get(mover);
		if (!keys) return;
		// Each waits for its next read from now on.
		this.#byMover.delete(mover);
		for (const key of keys) {
			const watched = this.#watched.get(key);
			if (!watched?.waits) continue;
			watched.waits = false;
			const told: Told = { at: now };
			watched.told.push(told);
			if (watched.told.length > MOST_TOLD) clearTimeout(watched.told.shift()?.timer);
			const lag = this.#scanHabits.usual(watched.read.like);
			// What is read sooner is kept alive by its readers.
			if (lag === undefined || lag < this.#options.aheadMs) continue;
			told.timer = setTimeout(() => this.#prepare(watched, now + lag), lag - this.#options.aheadMs);
			told.timer.unref();
		}
	}

	/** Once all who read together have read. */
	#byClock(watched: Watched): void {
		watched.clock = setTimeout(() => {
			const { aheadMs, liveMs } = this.#options;
			const now = Date.now();
			const next = this.#clockHabits.next(watched.read.like, now, 2 * aheadMs);
			watched.clock = undefined;
			if (!next) return;
			// Many are due at once: as early as the answer is still young enough for the last who asks.
			const early = Math.min(aheadMs, Math.max(LEAST_EARLY_MS, liveMs - (next.last - next.first)));
			const due = () => {
				watched.clock = undefined;
				this.#prepare(watched, next.last);
			};
			watched.clock = setTimeout(due, next.first - early - now);
			watched.clock.unref();
		}, SETTLED_MS);
		watched.clock.unref();
	}

	#prepare(watched: Watched, expectedAt: number): void {
		this.#due.push({ watched, expectedAt });
		if (this.#preparing < this.#options.maxAtOnce) void this.#work();
	}

	async #work(): Promise<void> {
		this.#preparing++;
		for (let next = this.#due.shift(); next; next = this.#due.shift()) {
			if (Date.now() < next.expectedAt) await next.watched.read.prepare();
		}
		this.#preparing--;
	}

	#forget(key: string): void {
		const watched = this.#watched.get(key);
		if (!watched) return;
		for (const { timer } of watched.told) clearTimeout(timer);
		clearTimeout(watched.clock);
		this.#watched.delete(key);
		this.#unlist(watched);
	}

	#unlist({ read: { key, depends } }: Watched): void {
		for (const mover of moversOf(depends)) {
			const keys = this.#byMover.get(mover);
			keys?.delete(key);
			if (keys?.size === 0) this.#byMover.delete(mover);
		}
	}
}

function moversOf({ organisation, codes }: Dependence): string[] {
	return codes ? codes.map((code) => moverOf(organisation, code)) : [moverOf(organisation)];
}

function moverOf(organisation: string, code = ""): string {
	return `${organisation}\0${code}`;
}
