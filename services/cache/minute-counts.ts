/**
 * Scans of the last minutes by organisation and by code, counted from what is announced, so that asking often and for many
 * codes reads no store. What is not whole, because something was missed or counting began too late for it, is not told;
 * what the store says of it once is then counted on from the very positions that it was true at.
 */

import { DATED_AHEAD_MS, type MinuteCount, type StoredMinutes } from "../../contracts/cache.ts";
import type { CodeDelta, Position, Positions, ScansCommitted } from "../../contracts/events.ts";
import { POLICIES } from "./policies.ts";

const MINUTE_MS = 60_000;
/** What the store was asked for has come by then, ms. */
const STORE_MS = 5_000;
/** Organisations and codes counted at most: beyond it counting begins anew. */
const MOST_SUBJECTS = 200_000;

type Minutes = Map<number, number>;

/** An organisation, or one of its codes. */
interface Subject {
	/** Scans without bots by first instant of their minute, epoch ms. */
	minutes: Minutes;
	/** What the store said: it is whole from a minute on, and holds everything up to these positions. */
	stored?: { readonly from: number; readonly positions: Positions };
	/** What is announced while the store is asked, from positions on that its answer is not older than. */
	asking?: { readonly at: number; readonly base: Positions; readonly heard: Heard[] };
}

interface Heard {
	readonly partition: number;
	readonly to: Position;
	readonly minute: number;
	readonly scans: number;
}

export class MinuteCounts {
	readonly #subjects = new Map<string, Subject>();
	/** From when everything is counted, epoch ms. */
	#since: number;
	#beginnings = 0;
	#forgetAt = 0;

	/** @param since from when everything is heard of, epoch ms */
	constructor(since: number) {
		this.#since = since;
	}

	/**
	 * Everything is heard of since an instant, epoch ms; what was counted before another beginning is worth nothing.
	 *
	 * @param beginnings how many there were
	 */
	heardSince(since: number, beginnings: number): void {
		if (beginnings === this.#beginnings) return;
		this.#beginnings = beginnings;
		this.#beginAnew(since);
	}

	counted({ organisation, code, minutes }: CodeDelta, at: Pick<ScansCommitted, "partition" | "to">, now: number): void {
		this.#bound(now);
		for (const [start, scans] of Object.entries(minutes)) {
			for (const key of [keyOf(organisation), keyOf(organisation, code)]) {
				this.#add(key, { partition: at.partition, to: at.to, minute: Number(start), scans });
			}
		}
	}

	/**
	 * The minutes from one on that have scans, of codes their sum; undefined when not all of them were counted wholly.
	 *
	 * @param from its first instant, epoch ms
	 * @param codes all of the organisation's when absent
	 */
	from(from: number, organisation: string, codes?: readonly string[]): readonly MinuteCount[] | undefined {
		const sums: Minutes = new Map();
		for (const key of codes ? codes.map((code) => keyOf(organisation, code)) : [keyOf(organisation)]) {
			const subject = this.#subjects.get(key);
			const since = Math.min(this.#since + DATED_AHEAD_MS, subject?.stored?.from ?? Number.POSITIVE_INFINITY);
			if (from < since) return undefined;
			for (const [at, scans] of subject?.minutes ?? []) if (at >= from) sums.set(at, (sums.get(at) ?? 0) + scans);
		}
		return [...sums].map(([at, scans]) => ({ at, scans })).sort((a, b) => a.at - b.at);
	}

	/**
	 * The store will be asked for the minutes of an organisation or a code.
	 *
	 * @param base what was heard of
	 */
	asking(organisation: string, code: string | undefined, base: Positions, now: number): void {
		this.#bound(now);
		const subject = this.#of(keyOf(organisation, code));
		if (!subject.asking || now - subject.asking.at > STORE_MS) subject.asking = { at: now, base, heard: [] };
	}

	/** Goes on from what the store said, if nothing was missed since it was asked: tells whether. */
	resume({ organisation, code, from, positions, minutes }: StoredMinutes): boolean {
		const subject = this.#subjects.get(keyOf(organisation, code));
		if (!subject?.asking) return false;
		const { base, heard } = subject.asking;
		subject.asking = undefined;
		if (Object.entries(base).some(([partition, position]) => (positions[Number(partition)] ?? 0) < position))
			return false;
		subject.stored = { from, positions };
		subject.minutes = new Map(minutes.map(({ at, scans }) => [at, scans]));
		for (const delta of heard) count(subject, delta);
		return true;
	}

	#add(key: string, delta: Heard): void {
		const subject = this.#of(key);
		count(subject, delta);
		subject.asking?.heard.push(delta);
	}

	#of(key: string): Subject {
		return this.#subjects.getOrInsertComputed(key, () => ({ minutes: new Map() }));
	}

	#bound(now: number): void {
		if (now >= this.#forgetAt) this.#forget(now);
		if (this.#subjects.size > MOST_SUBJECTS) this.#beginAnew(now);
	}

	#beginAnew(since: number): void {
		this.#subjects.clear();
		this.#since = since;
	}

	#forget(now: number): void {
		const before = now - POLICIES.minutes.keepMs;
		this.#forgetAt = now + MINUTE_MS;
		for (const [key, subject] of this.#subjects) {
			for (const minute of subject.minutes.keys()) if (minute < before) subject.minutes.delete(minute);
			// What is whole without the store's word needs it no more.
			if (subject.stored && before >= this.#since + DATED_AHEAD_MS) subject.stored = undefined;
			if (subject.asking && now - subject.asking.at > STORE_MS) subject.asking = undefined;
			if (subject.minutes.size === 0 && !subject.stored && !subject.asking) this.#subjects.delete(key);
		}
	}
}

/** Adds what is not in what the store said. */
function count({ minutes, stored }: Subject, { partition, to, minute, scans }: Heard): void {
	if (stored && to <= (stored.positions[partition] ?? 0)) return;
	minutes.set(minute, (minutes.get(minute) ?? 0) + scans);
}

function keyOf(organisation: string, code = ""): string {
	return `${organisation}\0${code}`;
}
