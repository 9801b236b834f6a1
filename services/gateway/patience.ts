/**
 * How long redirects wait for their scans to become durable: a short while, and not at all once the log is late and a
 * crowd waits for it. One clock for all of them, because they come by the thousand.
 */

export interface PatienceOptions {
	/** Longest wait, ms; at most two ticks of the clock more. 0: nobody waits. */
	readonly ms: number;
	/** Whether so many wait for so much longer than usual that nobody should any more. */
	readonly isLate: () => boolean;
}

const TICK_MS = 1;

/** Whoever waits; being sent on once more changes nothing. */
interface Waiter {
	sendOn(): void;
}

interface Waiting {
	readonly until: number;
	readonly waiters: Waiter[];
}

export class Patience {
	readonly #options: PatienceOptions;
	/** Those who began to wait in one tick of the clock, oldest first. */
	readonly #waiting: Waiting[] = [];
	#newest: Waiting | undefined;
	#ticking = false;
	#late = false;

	constructor(options: PatienceOptions) {
		this.#options = options;
	}

	/** Sends on whoever waits when the time is up. */
	wait(waiter: Waiter): void {
		const { ms } = this.#options;
		if (ms === 0 || this.#late) {
			waiter.sendOn();
			return;
		}
		if (!this.#newest) {
			this.#newest = { until: performance.now() + ms, waiters: [] };
			this.#waiting.push(this.#newest);
		}
		this.#newest.waiters.push(waiter);
		this.#tickLater();
	}

	#tickLater(): void {
		if (this.#ticking) return;
		this.#ticking = true;
		setTimeout(() => this.#tick(), TICK_MS);
	}

	#tick(): void {
		this.#ticking = false;
		this.#newest = undefined;
		this.#late = this.#options.isLate();
		const now = performance.now();
		while (this.#waiting[0] && (this.#late || this.#waiting[0].until <= now)) {
			for (const waiter of this.#waiting.shift()?.waiters ?? []) waiter.sendOn();
		}
		if (this.#late || this.#waiting.length > 0) this.#tickLater();
	}
}
