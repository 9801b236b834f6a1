/*
 * What was generated, counted while it was made and by nothing of the product: sums by hour and by value, from which the
 * right answers of a screen in zones of whole hours follow, and those of filters over the last days.
 */
import { equal } from "node:assert/strict";
import type { Breakdown, Filter, HeatMap, Summary, TimeSeries } from "../../contracts/analytics.ts";
import { type AcceptedScan, type Dimension, NONE } from "../../contracts/scan.ts";
import { HOUR_MS } from "./scans.ts";

const DAY_MS = 24 * HOUR_MS;

/** What is asked of scans not older than `from`, epoch ms. */
export interface Filtered {
	readonly from: number;
	readonly filters: readonly Filter[];
}

export interface Screen {
	readonly summary: Summary;
	readonly series: TimeSeries;
	readonly breakdowns: readonly Breakdown[];
	readonly heatmap: HeatMap;
}

export class Tally {
	scans = 0;
	bots = 0;
	visitors = 0;
	readonly #by: ReadonlyMap<Dimension, Map<string, number>>;
	readonly #hours = new Map<number, number>();
	readonly #filtered: readonly Filtered[];
	readonly #counts: number[];
	#seen = new Set<string>();
	#day = 0;

	constructor(by: readonly Dimension[], filtered: readonly Filtered[]) {
		this.#by = new Map(by.map((dimension) => [dimension, new Map()]));
		this.#filtered = filtered;
		this.#counts = filtered.map(() => 0);
	}

	/** In order of time. */
	add(scan: AcceptedScan): void {
		if (scan.bot) {
			this.bots++;
			return;
		}
		this.scans++;
		const day = Math.floor(scan.at / DAY_MS);
		if (day !== this.#day) [this.#day, this.#seen] = [day, new Set()];
		const visit = `${scan.code} ${scan.visitor}`;
		if (scan.visitor !== undefined && !this.#seen.has(visit)) {
			this.#seen.add(visit);
			this.visitors++;
		}
		const hour = Math.floor(scan.at / HOUR_MS) * HOUR_MS;
		this.#hours.set(hour, (this.#hours.get(hour) ?? 0) + 1);
		for (const [dimension, sums] of this.#by) {
			const value = scan[dimension] ?? NONE;
			sums.set(value, (sums.get(value) ?? 0) + 1);
		}
		for (const [index, { from, filters }] of this.#filtered.entries()) {
			const holds =
				scan.at >= from && filters.every(({ dimension, values }) => values.includes(scan[dimension] ?? NONE));
			if (holds) this.#counts[index] = (this.#counts[index] ?? 0) + 1;
		}
	}

	/** Throws unless a screen of the whole year says what was generated. */
	checkScreen({ summary, series, breakdowns, heatmap }: Screen): void {
		const { scans, visitors, bots } = summary;
		for (const what of ["scans", "visitors", "bots"] as const) equal({ scans, visitors, bots }[what], this[what], what);
		const tz = series.tz;
		const days = new Map<string, number>();
		const week = new Array<number>(168).fill(0);
		for (const [at, scans] of this.#hours) {
			const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(tz);
			const date = local.toPlainDate().toString();
			days.set(date, (days.get(date) ?? 0) + scans);
			const hour = (local.dayOfWeek - 1) * 24 + local.hour;
			week[hour] = (week[hour] ?? 0) + scans;
		}
		for (const { at, scans } of series.points) {
			const date = Temporal.Instant.from(at).toZonedDateTimeISO(tz).toPlainDate().toString();
			equal(scans, days.get(date) ?? 0, `${date} in ${tz}`);
		}
		for (const [hour, { scans }] of heatmap.cells.entries())
			equal(scans, week[hour], `hour ${hour} of the week in ${tz}`);
		for (const { by, total, rows, coverage } of breakdowns) {
			equal(total, this.scans, `total by ${by}`);
			// Values that a cap merged are in the sum alone.
			if (coverage.capped) continue;
			for (const { value, scans } of rows) equal(scans, this.#by.get(by)?.get(value), `${by} ${value}`);
		}
	}

	/** Throws unless a filter's summary is right. @param index of those given at first */
	checkFiltered(index: number, { scans }: Summary): void {
		equal(scans, this.#counts[index], JSON.stringify(this.#filtered[index]?.filters));
	}
}
