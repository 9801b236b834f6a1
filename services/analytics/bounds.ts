/**
 * How much a question may read. Most are read from closed days, however many scans there were; what is not (filters that
 * cross dimensions, other zones' hours of chosen codes) is counted first, from closed days, and refused with what to narrow
 * when it would read too much to be answered in time.
 */

import { CodedError } from "../../contracts/errors.ts";
import type { Counts } from "../../contracts/scan.ts";
import { firstInstant, QUARTER_MS } from "../../platform/store/quarters.ts";
import type { Selection } from "../../platform/store/scan-store.ts";
import type { Grain } from "./screen-reads.ts";

export interface BoundsOptions {
	/** Raw scans that a question under filters, or one about the last half hour, may look at. @defaultValue 2000000 */
	readonly mostScans?: number;
	/** Quarter hours of codes that a question may add up. @defaultValue 500000 */
	readonly mostQuarters?: number;
}

/** What is asked, as far as it says what to narrow. */
export interface Asking {
	readonly grain: Grain;
	/** The parameter of a coarser question. */
	readonly coarser?: "interval" | "tz";
}

type CountsOf = (selection: Selection) => Promise<Counts>;

export class Bounds {
	readonly #counts: CountsOf;
	readonly #mostScans: number;
	readonly #mostQuarters: number;

	/** @param counts of a selection without filters */
	constructor(counts: CountsOf, { mostScans = 2_000_000, mostQuarters = 500_000 }: BoundsOptions = {}) {
		this.#counts = counts;
		this.#mostScans = mostScans;
		this.#mostQuarters = mostQuarters;
	}

	/** @throws `too_broad` naming the parameter and what to narrow */
	async check(selection: Selection, { grain, coarser = "interval" }: Asking): Promise<void> {
		const { codes, from, to, filters } = selection;
		if (filters.length > 0) {
			// To count less than this is to read it.
			if (to - from <= QUARTER_MS) return;
			const scans = await this.#scans(selection);
			if (scans <= this.#mostScans) return;
			const reads = `filters read ${scans} scans of this range, more than ${this.#mostScans}`;
			throw tooBroad("from", `${reads}: expected a shorter range or fewer codes`);
		}
		if (grain === "days" || !codes || (codes.length * (to - from)) / QUARTER_MS <= this.#mostQuarters) return;
		// Each scan is in one of them.
		const quarters = await this.#scans(selection);
		if (quarters <= this.#mostQuarters) return;
		const reads = `this reads up to ${quarters} quarter hours of ${codes.length} codes, more than ${this.#mostQuarters}`;
		const expected = coarser === "tz" ? "the organisation's time zone" : "days or longer";
		throw tooBroad(coarser, `${reads}: expected ${expected}, fewer codes or a shorter range`);
	}

	/**
	 * Of a half hour that is read from raw scans.
	 *
	 * @param instead another way to ask
	 * @throws `too_broad` naming what to narrow
	 */
	async checkHalfHour(selection: Selection, instead?: string): Promise<void> {
		const from = firstInstant(selection.from, QUARTER_MS);
		const to = firstInstant(selection.to + QUARTER_MS - 1, QUARTER_MS);
		// Whole quarter hours are counted already: only where these hold too many do their parts matter.
		if ((await this.#scans({ ...selection, from, to })) <= this.#mostScans) return;
		const scans = await this.#scans(selection);
		if (scans <= this.#mostScans) return;
		const reads = `this reads ${scans} scans of the last half hour, more than ${this.#mostScans}`;
		throw tooBroad("code", `${reads}: expected ${instead === undefined ? "" : `${instead}, or `}fewer codes`);
	}

	async #scans(selection: Selection): Promise<number> {
		const { scans } = await this.#counts({ ...selection, filters: [], bots: true });
		return scans;
	}
}

function tooBroad(path: string, message: string): CodedError {
	return new CodedError("too_broad", `${path}: ${message}`, { errors: [{ path, message }] });
}
