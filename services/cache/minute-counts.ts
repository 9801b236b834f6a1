/**
 * Scans of the last minutes by organisation and by code, counted from what is announced, so that asking often and for many
 * codes reads no store. A minute is counted wholly from when nothing was missed and no scan that is dated ahead can have
 * come before; until all of them are, there is no answer.
 */

import type { MinuteReading } from "../../contracts/cache.ts";
import type { CodeDelta } from "../../contracts/events.ts";
import { POLICIES } from "./policies.ts";

const MINUTE_MS = 60_000;
const MINUTES = 30;
/** A scan may be dated so far ahead, ms: gateways accept no more. */
const DATED_AHEAD_MS = 5 * MINUTE_MS;
/** Organisations and codes counted at most: beyond it counting begins anew. */
const MOST_SUBJECTS = 200_000;

export class MinuteCounts {
	/** Scans without bots by first instant of their minute, by subject. */
	readonly #subjects = new Map<string, Map<number, number>>();
	#since: number;
	#forgetAt = 0;

	/** @param since from when everything is heard of, epoch ms */
	constructor(since: number) {
		this.#since = since;
	}

	/** Everything is heard of since an instant, epoch ms; what was counted before a later one is worth nothing. */
	heardSince(since: number): void {
		if (since <= this.#since) return;
		this.#subjects.clear();
		this.#since = since;
	}

	counted({ organisation, code, minutes }: CodeDelta, now: number): void {
		if (now >= this.#forgetAt) this.#forget(now);
		for (const [start, scans] of Object.entries(minutes)) {
			this.#add(subjectOf(organisation), Number(start), scans);
			this.#add(subjectOf(organisation, code), Number(start), scans);
		}
		if (this.#subjects.size > MOST_SUBJECTS) this.heardSince(now);
	}

	/** The last 30 minutes up to the present one, or undefined when not all of them were counted wholly. */
	lastHalfHour(organisation: string, code: string | undefined, now: number): MinuteReading["minutes"] | undefined {
		const first = now - (now % MINUTE_MS) - (MINUTES - 1) * MINUTE_MS;
		if (first < this.#since + DATED_AHEAD_MS) return undefined;
		const counts = this.#subjects.get(subjectOf(organisation, code));
		return Array.from({ length: MINUTES }, (_, index) => {
			const at = first + index * MINUTE_MS;
			return { at: new Date(at).toISOString(), scans: counts?.get(at) ?? 0 };
		});
	}

	#add(subject: string, minute: number, scans: number): void {
		const minutes = this.#subjects.get(subject) ?? new Map<number, number>();
		this.#subjects.set(subject, minutes);
		minutes.set(minute, (minutes.get(minute) ?? 0) + scans);
	}

	#forget(now: number): void {
		const before = now - POLICIES.minutes.keepMs;
		this.#forgetAt = now + MINUTE_MS;
		for (const [subject, minutes] of this.#subjects) {
			for (const minute of minutes.keys()) if (minute < before) minutes.delete(minute);
			if (minutes.size === 0) this.#subjects.delete(subject);
		}
	}
}

function subjectOf(organisation: string, code = ""): string {
	return `${organisation}\0${code}`;
}
