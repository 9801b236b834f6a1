/**
 * What the owner of a partition remembers of its producers between commits. Each start of a gateway is a new producer, and
 * each organisation another total, so it is bounded: the producers longest unused are forgotten, and read back when they
 * speak again.
 */

import type { ProducerMemory } from "./sequence.ts";

/** Producers and running totals remembered of a partition, about 100 bytes each. */
const MOST = 50_000;

interface Entry {
	readonly memory: ProducerMemory;
	readonly weight: number;
}

export class RememberedProducers {
	readonly #most: number;
	/** The one longest unused is first. */
	readonly #entries = new Map<string, Entry>();
	#weight = 0;

	/** @param most producers and running totals that `shrink` leaves */
	constructor(most: number = MOST) {
		this.#most = most;
	}

	get(producer: string): ProducerMemory | undefined {
		return this.#entries.get(producer)?.memory;
	}

	/** Makes it the one used last. */
	set(producer: string, memory: ProducerMemory): void {
		this.#forget(producer);
		const weight = 1 + Object.keys(memory.totals).length;
		this.#entries.set(producer, { memory, weight });
		this.#weight += weight;
	}

	/** Forgets the longest unused beyond the bound; not while a batch needs what was looked up. */
	shrink(): void {
		for (const producer of this.#entries.keys()) {
			if (this.#weight <= this.#most) return;
			this.#forget(producer);
		}
	}

	#forget(producer: string): void {
		this.#weight -= this.#entries.get(producer)?.weight ?? 0;
		this.#entries.delete(producer);
	}
}
