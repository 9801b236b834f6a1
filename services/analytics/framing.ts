/**
 * What every answer says of itself: its range, the instant it was true at, whether anything was on its way then, and how
 * much of the range its source still holds. All of it is found out before the reading begins.
 */

import type { AnswerFrame, Coverage } from "../../contracts/analytics.ts";
import type { EventLog, LogEnd } from "../../platform/log/event-log.ts";
import type { Counted, Reading, Selection } from "../../platform/store/scan-store.ts";
import { type Gateways, isApplied } from "./freshness.ts";
import type { HeldScans } from "./held-scans.ts";
import type { Question } from "./question.ts";

/**
 * What was read; with `coveredFrom`, epoch ms, where the store knows better than by its age what it holds, and with what
 * it was read from where that is known only then.
 */
export type Held<T> = Omit<Reading<T>, "epoch"> &
	Partial<Pick<Counted<T>, "coveredFrom">> & { readonly source?: AnswerFrame["coverage"]["source"] };

export interface FramingOptions {
	readonly log: Pick<EventLog, "ends">;
	readonly gateways: Gateways;
	readonly heldScans: Pick<HeldScans, "from">;
}

export class Framing {
	readonly #options: FramingOptions;

	constructor(options: FramingOptions) {
		this.#options = options;
	}

	/**
	 * Reads, and frames the answer with what was true when the reading began.
	 *
	 * @param read is told where the log ended then; undefined when that is not known
	 */
	async framed<T, A>(
		{ range, selection, source }: Question,
		read: (ends: readonly LogEnd[] | undefined) => Promise<Held<T>>,
		answer: (value: T) => A | Promise<A>,
	): Promise<AnswerFrame & A> {
		const { log, gateways } = this.#options;
		const asOf = Date.now();
		// A log that is away cannot be asked what is on its way: the answer is then not known to be complete.
		const ends = await log.ends().catch(() => undefined);
		const present = gateways.allPresent(asOf);
		const { value, positions, ...held } = await read(ends);
		return {
			...instants(range),
			tz: range.tz,
			asOf: new Date(asOf).toISOString(),
			complete: ends !== undefined && present && isApplied(ends, positions),
			coverage: await this.coverage(selection, { source, ...held }, asOf),
			...(await answer(value)),
		};
	}

	/**
	 * How much of a selection's range was held when it was read.
	 *
	 * @param asOf epoch ms
	 */
	async coverage(
		{ from, to, filters }: Selection,
		held: Omit<Held<unknown>, "value" | "positions">,
		asOf: number,
	): Promise<Coverage> {
		const { coveredFrom = from, capped, source = filters.length > 0 ? "raw" : "rollups" } = held;
		const oldest = source === "raw" ? await this.#options.heldScans.from(asOf) : coveredFrom;
		return {
			...instants({ from: Math.min(Math.max(from, oldest), to), to }),
			source,
			...(capped && { capped }),
		};
	}
}

/** @param range epoch ms */
export function instants({ from, to }: { from: number; to: number }): { from: string; to: string } {
	return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}
