/**
 * What `org` and `code:ID` of `/analytics` show: counts for ever, of the organisation's day and of the current minute.
 * A reading gives them, commits continue them, the clock ends days and minutes. An update's delta always adds up to
 * what the totals grew by since the update before.
 */

import type { CodeDelta, StateReading } from "../../contracts/events.ts";
import type { AnalyticsState, AnalyticsUpdate } from "../../contracts/live.ts";
import type { Counts } from "../../contracts/scan.ts";
import type { Content, Slice } from "./live-channel.ts";
import { add, MergedDelta, NO_COUNTS } from "./merged-delta.ts";
import type { Vector } from "./offset.ts";

const MINUTE_MS = 60_000;
/** The shortest day there is, on which a provisional day may end: by then a reading has said how long it is. */
const SHORTEST_DAY_MS = 23 * 3_600_000;
/** Between readings of a day that has begun here and not yet where it is read, ms. */
const READ_AGAIN_MS = 500;
const EMPTY: AnalyticsState = { total: NO_COUNTS, today: NO_COUNTS, minute: { at: "", scans: 0 } };

export interface AnalyticsContentOptions {
	readonly deltaValues: number;
}

export class AnalyticsContent implements Content<StateReading, AnalyticsUpdate> {
	readonly #ofOneCode: boolean;
	readonly #options: AnalyticsContentOptions;
	#total = NO_COUNTS;
	#today = NO_COUNTS;
	#day = { start: 0, end: 0 };
	/** When to read again, because the day has no reading yet; infinite when it has. */
	#readAgainAt = Number.POSITIVE_INFINITY;
	/** What was counted of quarters after the day, by their first instant: the next day begins with it. */
	#ahead = new Map<number, Counts>();
	/** Scans without bots by minute, from the one that was current at the last look. */
	#minutes = new Map<number, number>();
	#minute = 0;
	#delta: MergedDelta;
	#pending = false;
	#sent: AnalyticsState = EMPTY;

	constructor(ofOneCode: boolean, options: AnalyticsContentOptions) {
		this.#ofOneCode = ofOneCode;
		this.#options = options;
		this.#delta = this.#newDelta();
	}

	get pending(): boolean {
		return this.#pending;
	}

	load({ state, day }: StateReading, _positions: Vector, now: number, anew: boolean): boolean {
		const unseen = difference(state.total, this.#total);
		const continues = !anew && unseen.scans >= 0 && unseen.visitors >= 0 && unseen.bots >= 0;
		if (continues) this.#delta.addUnseen(unseen);
		else this.#delta = this.#newDelta();
		this.#total = state.total;
		this.#today = state.today;
		this.#day = day;
		this.#readAgainAt = Number.POSITIVE_INFINITY;
		this.#ahead.clear();
		this.#minutes = new Map([[Date.parse(state.minute.at), state.minute.scans]]);
		// A reading of a day that is over by this clock comes from one that lags: it is asked again, not at once.
		if (this.roll(now)) this.#readAgainAt = now + READ_AGAIN_MS;
		this.#pending ||= !same(this.#state(), this.#sent);
		return continues;
	}

	apply({ deltas }: Slice, now: number): boolean {
		for (const delta of deltas) {
			this.#total = add(this.#total, delta);
			this.#delta.add(delta);
			this.#addQuarters(delta);
			for (const [minute, scans] of Object.entries(delta.minutes)) {
				const at = Number(minute);
				if (at >= this.#minute) this.#minutes.set(at, (this.#minutes.get(at) ?? 0) + scans);
			}
			this.#pending = true;
			if (this.#ofOneCode && !sameCounts(this.#total, delta.total)) return false;
		}
		this.roll(now);
		return true;
	}

	roll(now: number): boolean {
		const minute = now - (now % MINUTE_MS);
		if (minute !== this.#minute) {
			this.#minute = minute;
			for (const at of this.#minutes.keys()) if (at < minute) this.#minutes.delete(at);
			this.#pending = true;
		}
		if (now >= this.#day.end) this.#beginDay(now);
		return now >= this.#readAgainAt;
	}

	take(): AnalyticsUpdate {
		const delta = this.#delta.toDelta();
		this.#delta = this.#newDelta();
		this.#pending = false;
		this.#sent = this.#state();
		return { ...this.#sent, delta };
	}

	snapshot(): AnalyticsState {
		return this.#sent;
	}

	missed(): "snapshot" {
		return "snapshot";
	}

	#state(): AnalyticsState {
		const minute = { at: new Date(this.#minute).toISOString(), scans: this.#minutes.get(this.#minute) ?? 0 };
		return { total: this.#total, today: this.#today, minute };
	}

	#addQuarters({ quarters }: CodeDelta): void {
		for (const [quarter, counts] of Object.entries(quarters)) {
			const at = Number(quarter);
			if (at >= this.#day.end) this.#ahead.set(at, add(this.#ahead.get(at) ?? NO_COUNTS, counts));
			else if (at >= this.#day.start) this.#today = add(this.#today, counts);
		}
	}

	/** Until a reading says how long the new day is and what it holds, it holds what was announced of it. */
	#beginDay(now: number): void {
		const start = this.#day.end;
		this.#day = { start, end: Math.max(start, now) + SHORTEST_DAY_MS };
		this.#today = NO_COUNTS;
		for (const [at, counts] of this.#ahead) if (at < this.#day.end) this.#today = add(this.#today, counts);
		this.#ahead.clear();
		this.#readAgainAt = now;
		this.#pending = true;
	}

	#newDelta(): MergedDelta {
		return new MergedDelta(this.#options.deltaValues, !this.#ofOneCode);
	}
}

const difference = (a: Counts, b: Counts): Counts => ({
	scans: a.scans - b.scans,
	visitors: a.visitors - b.visitors,
	bots: a.bots - b.bots,
});

const sameCounts = (a: Counts, b: Counts) => a.scans === b.scans && a.visitors === b.visitors && a.bots === b.bots;

const same = (a: AnalyticsState, b: AnalyticsState) =>
	sameCounts(a.total, b.total) &&
	sameCounts(a.today, b.today) &&
	a.minute.at === b.minute.at &&
	a.minute.scans === b.minute.scans;
