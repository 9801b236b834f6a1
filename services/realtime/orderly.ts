/** Does what concerns one name in the order in which it was asked; what concerns different names, at the same time. */

export class Orderly {
	readonly #last = new Map<string, Promise<void>>();

	/** Runs `work` when all earlier work of the name has ended, however it ended. */
	next(name: string, work: () => Promise<void>): Promise<void> {
		const before = this.#last.get(name);
		const done = before ? before.catch(() => undefined).then(work) : work();
		this.#last.set(name, done);
		const forget = () => {
			if (this.#last.get(name) === done) this.#last.delete(name);
		};
		done.then(forget, forget);
		return done;
	}

	/** Names with work that has not ended. */
	names(): Iterable<string> {
		return this.#last.keys();
	}
}
