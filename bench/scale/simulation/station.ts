/*
 * A resource that works on one thing after the other: an event loop, the cores of a server. Who comes waits until one of
 * its servers is free, in the order of coming. What it did is kept: how busy it was, how long was waited.
 */
import type { Clock } from "./clock.ts";

interface Waiting {
	readonly workUs: number;
	readonly since: number;
	readonly done: () => void;
}

export interface StationOptions {
	/** Things worked on at once, each at the station's speed. @defaultValue 1 */
	readonly servers?: number;
	/** The part of a core that it is held to, of one server only: of each period so much, as a quota does. @defaultValue 1 */
	readonly part?: number;
}

/** Of a quota, µs. */
const PERIOD_US = 10_000;

export class Station {
	readonly #clock: Clock;
	readonly #servers: number;
	readonly #part: number;
	/** The period whose quota was used last, and how much of it, µs. */
	#period = 0;
	#usedUs = 0;
	#queue: Waiting[] = [];
	#head = 0;
	#working = 0;
	#busyUs = 0;
	#waitedUs = 0;
	#begun = 0;
	#since = 0;

	constructor(clock: Clock, { servers = 1, part = 1 }: StationOptions = {}) {
		this.#clock = clock;
		this.#servers = servers;
		this.#part = part;
	}

	/** Things that wait, without those worked on. */
	get waiting(): number {
		return this.#queue.length - this.#head;
	}

	/** How busy it was since the last `forget`, from 0 to 1. */
	get busy(): number {
		return this.#busyUs / (this.#servers * Math.max(1, this.#clock.now - this.#since));
	}

	/** Mean time from coming to the beginning of work, µs. */
	get meanWaitUs(): number {
		return this.#begun === 0 ? 0 : this.#waitedUs / this.#begun;
	}

	/** Begins to keep anew, when it has warmed up. */
	forget(): void {
		this.#busyUs = 0;
		this.#waitedUs = 0;
		this.#begun = 0;
		this.#since = this.#clock.now;
	}

	/** Does something that takes so much time of a core, µs. */
	work(workUs: number, done: () => void): void {
		const coming = { workUs, since: this.#clock.now, done };
		if (this.#working < this.#servers) this.#begin(coming);
		else this.#queue.push(coming);
	}

	#begin({ workUs, since, done }: Waiting): void {
		const us = this.#part < 1 ? this.#spanOf(workUs) : workUs;
		this.#working++;
		this.#begun++;
		this.#waitedUs += this.#clock.now - since;
		this.#clock.after(us, () => {
			this.#working--;
			// What was begun before `forget` counts from there on.
			this.#busyUs += Math.min(us, this.#clock.now - this.#since);
			const next = this.#next();
			if (next) this.#begin(next);
			done();
		});
	}

	/** How long work takes that begins now, when each period gives only so much of itself. */
	#spanOf(workUs: number): number {
		const quota = this.#part * PERIOD_US;
		let now = this.#clock.now;
		let left = workUs;
		for (;;) {
			const period = Math.floor(now / PERIOD_US);
			if (period !== this.#period) this.#usedUs = 0;
			this.#period = period;
			const done = Math.min(left, quota - this.#usedUs, (period + 1) * PERIOD_US - now);
			this.#usedUs += done;
			left -= done;
			if (left <= 1e-9) return now + done - this.#clock.now;
			now = (period + 1) * PERIOD_US;
		}
	}

	#next(): Waiting | undefined {
		const next = this.#queue[this.#head];
		if (!next) return undefined;
		this.#head++;
		if (this.#head > 1_024 && this.#head * 2 > this.#queue.length) {
			this.#queue = this.#queue.slice(this.#head);
			this.#head = 0;
		}
		return next;
	}
}
