/**
 * Expects reads. A screen asks again some time after it was told of a scan, which is the first after its last read, or some
 * time after that read itself: how long after is learned, of each answer and of those that are alike, so that the answer
 * can be made ready just before, for each of the screens that look at it. A read that does not come ends the expectation.
 */

import type { Dependence } from "../contracts/cache.ts";
import { type Habit, LagHabits } from "./lag-habits.ts";

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

/** A read of an answer, and how to make it ready for the next. */
export interface ExpectedRead {
	readonly key: string;
	/** Names what is alike: such reads are expected to be asked for again after about the same time. */
	readonly like: string;
	readonly depends: Dependence;
	/** Never rejects. */
	readonly prepare: () => Promise<void>;
}

/** After what a read may come: the first scan that was told of after the last read, or that read. */
type Since = "told" | "read";

/** One of these. Epoch ms, as all times here. */
interface Mark {
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
	readonly marks: Readonly<Record<Since, Mark[]>>;
}

/** When a read is expected: so long after what. */
interface Expected extends Habit {
	readonly since: Since;
}

/** A read so soon after the last one belongs to it: another screen's, ms. */
const SAME_MS = 50;
/** So many reads of one answer are remembered: those of as many screens. */
const MOST_MARKS = { told: 16, read: 256 } as const;
/** After so many things every time would explain a read. */
const MOST_EXPLAINING = 16;
/** Scans that explain this share of what is explained by reads are as good: without a scan nobody asks again. */
const AS_GOOD = 0.9;
/** So many scans within this time are a crowd's, ms. */
const CROWDED_MS = 8_000;

export class ReadAhead {
	readonly #options: Required<ReadAheadOptions>;
	/** The one not read for longest is first. */
	readonly #watched = new Map<string, Watched>();
	/** Keys by what moves them: an organisation, or one of its codes. */
	readonly #byMover = new Map<string, Set<string>>();
	readonly #habits: Readonly<Record<Since, LagHabits>> = { told: new LagHabits(), read: new LagHabits() };
	readonly #due: { readonly watched: Watched; readonly expectedAt: number }[] = [];
	#preparing = 0;

	constructor(options: ReadAheadOptions) {
		this.#options = { longestMs: 90_000, maxKeys: 5_000, maxAtOnce: 4, ...options };
	}

	/** An answer was read whose range includes now. */
	read(read: ExpectedRead, now: number): void {
		const { key, depends } = read;
		const known = this.#watched.get(key);
		if (known && now - known.readAt < SAME_MS) return;
		if (known) {
			this.#learn(known, now);
			this.#unlist(known);
		}
		const watched: Watched = known ?? { read, readAt: now, waits: true, marks: { told: [], read: [] } };
		Object.assign(watched, { read, readAt: now, waits: true });
		this.#watched.delete(key);
		this.#watched.set(key, watched);
		for (const mover of moversOf(depends)) {
			const keys = this.#byMover.get(mover);
			if (keys) keys.add(key);
			else this.#byMover.set(mover, new Set([key]));
		}
		this.#mark(watched, "read", now);
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
		const habit = watched && this.#habit(watched.read.like);
		if (!watched || !habit || habit.lagMs <= ms) return false;
		const { since, lagMs } = habit;
		return !watched.marks[since].some(({ at }) => at + lagMs > now + SAME_MS && at + lagMs <= now + ms);
	}

	stop(): void {
		for (const key of this.#watched.keys()) this.#forget(key);
		this.#due.length = 0;
	}

	/** After what a read may have come. */
	#learn({ marks: { told, read }, read: { like } }: Watched, now: number): void {
		const lagsSince = (marks: readonly Mark[]) =>
			marks.map(({ at }) => now - at).filter((lag) => lag <= this.#options.longestMs);
		const [sinceTold, sinceRead] = [lagsSince(told), lagsSince(read)];
		const before = this.#habit(like);
		// Where very many look, every time would explain their reads; they keep the answer alive themselves.
		if (told.length < MOST_EXPLAINING || (sinceTold[0] ?? 0) > CROWDED_MS) this.#habits.told.read(like, sinceTold);
		if (sinceRead.length < MOST_EXPLAINING) this.#habits.read.read(like, sinceRead);
		const habit = this.#habit(like);
		if (!habit || habit.since === before?.since) return;
		for (const watched of this.#watched.values()) {
			if (watched.read.like !== like) continue;
			for (const mark of watched.marks[habit.since]) this.#expect(watched, mark, habit, now);
		}
	}

	/** What explains most reads that are alike; scans, where they are as good. */
	#habit(like: string): Expected | undefined {
		const sinceTold = this.#habits.told.usual(like);
		const sinceRead = this.#habits.read.usual(like);
		if (sinceRead && (sinceTold?.share ?? 0) < AS_GOOD * sinceRead.share) return { since: "read", ...sinceRead };
		return sinceTold && { since: "told", ...sinceTold };
	}

	#mark(watched: Watched, since: Since, now: number): void {
		const marks = watched.marks[since];
		const mark: Mark = { at: now };
		marks.push(mark);
		const oldest = now - this.#options.longestMs;
		while (marks.length > MOST_MARKS[since] || (marks[0] as Mark).at < oldest) clearTimeout(marks.shift()?.timer);
		const habit = this.#habit(watched.read.like);
		if (habit?.since === since) this.#expect(watched, mark, habit, now);
	}

	/** Expects the read that comes after this. What is read sooner than it can be made ready is kept alive by its readers. */
	#expect(watched: Watched, mark: Mark, { lagMs }: Expected, now: number): void {
		const expectedAt = mark.at + lagMs;
		const waitMs = expectedAt - this.#options.aheadMs - now;
		if (mark.timer || waitMs < 0) return;
		mark.timer = setTimeout(() => this.#prepare(watched, expectedAt), waitMs);
		mark.timer.unref();
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
			this.#mark(watched, "told", now);
		}
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
		for (const { timer } of [...watched.marks.told, ...watched.marks.read]) clearTimeout(timer);
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
