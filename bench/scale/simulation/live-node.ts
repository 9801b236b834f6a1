/*
 * A realtime node of a simulation: it hears of every scan that anybody counted, and updates its connections, each at most
 * every 50 ms. A node that has not finished with one round of updates merges what comes into the next.
 */
import type { Clock } from "./clock.ts";
import { Station } from "./station.ts";
import type { ServiceTimes } from "./times.ts";

const TICK_US = 50_000;

export interface LiveNodeOptions {
	readonly clock: Clock;
	readonly times: ServiceTimes;
	/** The part of a core that it has. */
	readonly part: number;
	readonly connections: number;
	/** How often what a connection shows changes, a second: its channel's commits, at most 20 count. */
	readonly updatesPerSecond: number;
}

export class LiveNode {
	readonly loop: Station;
	delivered = 0;
	readonly #options: LiveNodeOptions;
	readonly #round: number;
	#begun = Number.NEGATIVE_INFINITY;
	#changed = false;
	#telling = false;

	constructor(options: LiveNodeOptions) {
		this.#options = options;
		this.loop = new Station(options.clock, { part: options.part });
		this.#round = options.connections * Math.min(1, (options.updatesPerSecond * TICK_US) / 1e6);
	}

	/** A transaction was announced. */
	hear(scans: number): void {
		const { hearCommitUs, hearScanUs } = this.#options.times;
		this.loop.work(hearCommitUs + hearScanUs * scans, () => {
			this.#changed = true;
			this.#tell();
		});
	}

	#tell(): void {
		if (this.#telling || !this.#changed) return;
		const { clock, times } = this.#options;
		this.#telling = true;
		clock.after(Math.max(0, this.#begun + TICK_US - clock.now), () => {
			this.#changed = false;
			this.#begun = clock.now;
			this.loop.work(this.#round * times.deliveryUs, () => {
				this.delivered += this.#round;
				this.#telling = false;
				this.#tell();
			});
		});
	}
}
