/**
 * What was used lately, by key, in bounded memory: two maps in turn, which cost a fraction of a list in order of use. At
 * least the last used half of what there is room for is remembered.
 */
export class Generations<Value extends object> {
	readonly #maxYoung: number;
	/** Used since the last change of generations. */
	#young = new Map<string, Value>();
	/** Last used in the generation before. */
	#old = new Map<string, Value>();

	/** @param max most keys remembered */
	constructor(max: number) {
		this.#maxYoung = Math.ceil(max / 2);
	}

	get(key: string): Value | undefined {
		const young = this.#young.get(key);
		if (young) return young;
		const old = this.#old.get(key);
		if (old) this.set(key, old);
		return old;
	}

	set(key: string, value: Value): void {
		if (this.#young.size >= this.#maxYoung && !this.#young.has(key)) {
			this.#old = this.#young;
			this.#young = new Map();
		}
		this.#young.set(key, value);
	}
}
