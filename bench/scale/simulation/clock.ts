/*
 * The time of a simulation, which stands still while things happen and jumps to the next. What is due at the same instant
 * happens in the order in which it was planned, so that a run is decided by its seed alone.
 */

interface Planned {
	readonly at: number;
	readonly order: number;
	readonly happen: () => void;
}

export class Clock {
	/** Now, µs. */
	now = 0;
	readonly #heap: Planned[] = [];
	#order = 0;

	/** Plans something for so many µs from now. */
	after(us: number, happen: () => void): void {
		const heap = this.#heap;
		const planned = { at: this.now + us, order: this.#order++, happen };
		let index = heap.length;
		heap.push(planned);
		while (index > 0) {
			const parent = (index - 1) >> 1;
			if (before(heap[parent] as Planned, planned)) break;
			heap[index] = heap[parent] as Planned;
			index = parent;
		}
		heap[index] = planned;
	}

	/** Lets happen what is planned up to an instant, µs; the rest stays planned. */
	runUntil(us: number): void {
		for (let next = this.#heap[0]; next && next.at <= us; next = this.#heap[0]) {
			this.#removeFirst();
			this.now = next.at;
			next.happen();
		}
		this.now = us;
	}

	#removeFirst(): void {
		const heap = this.#heap;
		const last = heap.pop() as Planned;
		if (heap.length === 0) return;
		let index = 0;
		for (;;) {
			let child = 2 * index + 1;
			if (child >= heap.length) break;
			if (child + 1 < heap.length && before(heap[child + 1] as Planned, heap[child] as Planned)) child++;
			if (before(last, heap[child] as Planned)) break;
			heap[index] = heap[child] as Planned;
			index = child;
		}
		heap[index] = last;
	}
}

function before(a: Planned, b: Planned): boolean {
	return a.at < b.at || (a.at === b.at && a.order < b.order);
}
