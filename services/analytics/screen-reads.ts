/**
 * One reading for a screen. A dashboard asks its questions at once, each in a request of its own; those about the same
 * selection that come within a moment are put to the store as one, and each gets its part with the positions that all of
 * it was true at. A failure is everybody's. Whatever would be read from other documents is asked apart.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { Answers, Counted, Questions, ScanStore, Selection } from "../../platform/store/scan-store.ts";

/**
 * What a question is read from: closed days and months, or the quarter hours of all of its range. Sums and breakdowns are
 * read from days of whatever zone, and so is everything that is asked of the whole organisation.
 */
export type Grain = "days" | "quarters";

export interface ScreenReadsOptions {
	/** How long a reading waits for others that ask of the same selection, ms. @defaultValue 2 */
	readonly momentMs?: number;
}

interface Asker {
	readonly questions: Questions;
	readonly answered: PromiseWithResolvers<Counted<Answers>>;
}

interface Batch {
	readonly selection: Selection;
	/** What all of its askers ask. */
	questions: Questions;
	readonly askers: Asker[];
}

export class ScreenReads {
	readonly #answer: ScanStore["answer"];
	readonly #momentMs: number;
	/** Those that wait for more askers; several where one store's answer has no place for all of them. */
	readonly #waiting = new Map<string, Batch[]>();
	#present = Number.NEGATIVE_INFINITY;

	constructor(answer: ScanStore["answer"], { momentMs = 2 }: ScreenReadsOptions = {}) {
		this.#answer = answer;
		this.#momentMs = momentMs;
	}

	/** Now, epoch ms; the same for all who ask within a moment, so that ranges up to now are the same selection. */
	now(): number {
		const now = Date.now();
		if (now < this.#present || now - this.#present > this.#momentMs) this.#present = now;
		return this.#present;
	}

	/** What `ScanStore.answer` answers, read after it was asked. */
	ask(selection: Selection, questions: Questions, grain: Grain): Promise<Counted<Answers>> {
		const asker: Asker = { questions, answered: Promise.withResolvers() };
		const key = JSON.stringify([selection, grain]);
		const batches = this.#waiting.getOrInsertComputed(key, () => []);
		const batch = batches.find((one) => goTogether(one.questions, questions));
		if (batch) {
			batch.questions = together(batch.questions, questions);
			batch.askers.push(asker);
		} else {
			const begun: Batch = { selection, questions, askers: [asker] };
			batches.push(begun);
			void this.#read(key, begun);
		}
		return asker.answered.promise;
	}

	async #read(key: string, batch: Batch): Promise<void> {
		await delay(this.#momentMs);
		const left = this.#waiting.get(key)?.filter((one) => one !== batch) ?? [];
		if (left.length > 0) this.#waiting.set(key, left);
		else this.#waiting.delete(key);
		const { selection, questions, askers } = batch;
		try {
			const counted = await this.#answer(selection, questions);
			// Of what is not held whole, each question alone may find more.
			const whole = askers.length === 1 || counted.coveredFrom <= selection.from;
			for (const asker of askers) {
				if (whole) asker.answered.resolve(partOf(counted, questions, asker.questions));
				else this.#answer(selection, asker.questions).then(asker.answered.resolve, asker.answered.reject);
			}
		} catch (error) {
			for (const { answered } of askers) answered.reject(error);
		}
	}
}

function goTogether(one: Questions, other: Questions): boolean {
	return isSame(one.series, other.series) && isSame(one.hoursOfWeek, other.hoursOfWeek);
}

function isSame(one: Questions["series"] | string, other: Questions["series"] | string): boolean {
	if (one === undefined || other === undefined || one === other) return true;
	if (typeof one === "string" || typeof other === "string") return false;
	return one.length === other.length && one.every((at, index) => at === other[index]);
}

function together(one: Questions, other: Questions): Questions {
	return {
		series: one.series ?? other.series,
		hoursOfWeek: one.hoursOfWeek ?? other.hoursOfWeek,
		breakdowns: [...new Set([...(one.breakdowns ?? []), ...(other.breakdowns ?? [])])],
	};
}

/** Of what all asked, what one did. */
function partOf(
	{ value, ...reading }: Counted<Answers>,
	{ breakdowns: all = [] }: Questions,
	{ series, breakdowns = [], hoursOfWeek }: Questions,
): Counted<Answers> {
	const capped = value.capped.filter((by) => breakdowns.includes(by));
	const part: Answers = {
		counts: value.counts,
		series: series === undefined ? [] : value.series,
		breakdowns: breakdowns.map((by) => value.breakdowns[all.indexOf(by)] ?? []),
		capped,
		...(hoursOfWeek !== undefined && { hoursOfWeek: value.hoursOfWeek }),
	};
	return { ...reading, value: part, capped: capped.length > 0 };
}
