/**
 * One question at a time for a key: who asks while it is under way gets the same answer, or the same error. Nothing is
 * remembered beyond that; what may be believed for how long is for those who ask to say.
 */
export class SingleFlight<T> {
	readonly #underWay = new Map<string, Promise<T>>();

	/** Whether asking for the key would be to join. */
	has(key: string): boolean {
		return this.#underWay.has(key);
	}

	/** The answer of the question that is under way for the key, or of `ask`, which is then asked at once. */
	join(key: string, ask: () => Promise<T>): Promise<T> {
		const underWay = this.#underWay.get(key);
		if (underWay) return underWay;
		const answer = ask().finally(() => this.#underWay.delete(key));
		this.#underWay.set(key, answer);
		return answer;
	}
}
