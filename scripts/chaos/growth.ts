/*
 * How long numbers stood still that should all grow: the moments at which each did are kept, and any stretch of time can be
 * asked for the longest wait in it.
 */

/** Of several numbers, the one that stood still for the longest, and for how long. */
export interface Standstill {
	readonly name: string;
	readonly ms: number;
}

export class Growth {
	readonly #moments = new Map<string, number[]>();
	readonly #last = new Map<string, number>();

	/** Notes that something happened. */
	happened(name: string, at = performance.now()): void {
		const moments = this.#moments.get(name);
		if (moments) moments.push(at);
		else this.#moments.set(name, [at]);
	}

	/** Notes what a number is now; only a higher one than before is growth. */
	seen(name: string, value: number, at = performance.now()): void {
		if (value <= (this.#last.get(name) ?? Number.NEGATIVE_INFINITY)) return;
		this.#last.set(name, value);
		this.happened(name, at);
	}

	/** Whether each has grown since. */
	allSince(at: number): boolean {
		return [...this.#moments.values()].every((moments) => (moments.at(-1) as number) > at);
	}

	/** The longest time within `[from, to]` in which one of them stood still, also when it goes on at the end. */
	longest(from: number, to = performance.now()): Standstill {
		let longest: Standstill = { name: "", ms: 0 };
		for (const [name, moments] of this.#moments) {
			let before = from;
			for (const at of [...moments.filter((moment) => moment > from && moment < to), to]) {
				if (at - before > longest.ms) longest = { name, ms: at - before };
				before = at;
			}
		}
		return { name: longest.name, ms: Math.round(longest.ms) };
	}
}
