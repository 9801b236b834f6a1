/**
 * What the screens ask of the numbers: each answer read once for all who ask of the same scans at once, put together and
 * framed. Questions come resolved; whether an answer is in the cache already is asked before, by the service.
 */

import type {
	AnalyticsQuery,
	Breakdown,
	HeatMap,
	Interval,
	LastMinutes,
	LiveMinutes,
	Summary,
	TimeSeries,
} from "../../contracts/analytics.ts";
import type { Positions } from "../../contracts/events.ts";
import type { Counts, Dimension } from "../../contracts/scan.ts";
import { call } from "../../platform/actors.ts";
import { bucketStarts } from "../../platform/calendar.ts";
import type { Answers, Counted, Questions, ScanStore, Selection } from "../../platform/store/scan-store.ts";
import { change, foldSeries, heatCells, topRows } from "./answers.ts";
import type { Asking, Bounds } from "./bounds.ts";
import { type Framing, instants } from "./framing.ts";
import { everyMinute, LIVE_ROWS, liveMinutes, PRESENT_MS, readMinutes, scansAlone } from "./live.ts";
import { named } from "./named.ts";
import { askingOf, type Question } from "./question.ts";
import { previousRange } from "./range.ts";
import type { ScreenReads } from "./screen-reads.ts";
import { toSelection } from "./selection.ts";
import type { TimeZones } from "./time-zones.ts";

type Compared = Pick<Summary, keyof Counts | "previous" | "change">;

export interface ScreenAnswersOptions {
	readonly store: Pick<ScanStore, "minutes" | "live">;
	readonly reads: ScreenReads;
	readonly framing: Framing;
	readonly bounds: Bounds;
	readonly timeZones: TimeZones;
}

export class ScreenAnswers {
	readonly #options: ScreenAnswersOptions;

	constructor(options: ScreenAnswersOptions) {
		this.#options = options;
	}

	/** @param query what it is compared with */
	summary(question: Question, query: AnalyticsQuery): Promise<Summary> {
		const { codes, range, selection } = question;
		const past =
			query.compare === "previous"
				? toSelection(selection.organisation, query, codes, previousRange(range))
				: undefined;
		return this.#options.framing.framed(
			question,
			() => (past ? this.#compared(selection, past) : this.#counts(selection)),
			(counts) => counts,
		);
	}

	/** @param caller asks for the edits of destinations */
	async timeseries(caller: object, question: Question, interval: Interval): Promise<TimeSeries> {
		const { range, selection, codes } = question;
		const starts = bucketStarts(range.from, range.to, interval, range.tz);
		const asking = await this.#asking(caller, question, interval);
		return this.#options.framing.framed(
			question,
			() => this.#read(selection, { series: starts }, asking),
			async ({ series }) => ({
				interval,
				points: foldSeries(starts, series),
				...(await call(caller, "codes.destinationEdits", {
					organisation: selection.organisation,
					codes,
					...instants(range),
				})),
			}),
		);
	}

	/** @param caller asks for the names of codes */
	breakdown(caller: object, question: Question, by: Dimension, limit: number): Promise<Breakdown> {
		const { selection } = question;
		return this.#options.framing.framed(
			question,
			() => this.#read(selection, { breakdowns: [by] }),
			async ({ breakdowns: [values = []] }) => {
				const { rows, other, total } = topRows(values, limit);
				return { by, rows: await named(caller, selection.organisation, by, rows), other, total };
			},
		);
	}

	/** @param caller asks for the organisation's zone */
	async heatmap(caller: object, question: Question): Promise<HeatMap> {
		const { tz } = question.range;
		const asking = await this.#asking(caller, question);
		return this.#options.framing.framed(
			question,
			() => this.#read(question.selection, { hoursOfWeek: tz }, asking),
			({ hoursOfWeek = { hours: [], quarters: [] } }) => ({ cells: heatCells(hoursOfWeek, tz) }),
		);
	}

	/** @param caller asks the cache, which may have counted on */
	minutes(caller: object, question: Question): Promise<LastMinutes> {
		const { minutes, half } = halfHour(question, Date.now());
		return this.#options.framing.framed(
			half,
			(ends) => readMinutes(caller, this.#options, half.selection, ends),
			(counted) => ({ minutes: everyMinute(minutes, counted) }),
		);
	}

	/** @param caller asks for the names of codes */
	async live(caller: object, question: Question): Promise<LiveMinutes> {
		const now = Date.now();
		const { minutes, half } = halfHour(question, now);
		await this.#options.bounds.checkHalfHour(half.selection, "/api/v1/analytics/minutes");
		const { organisation } = half.selection;
		return this.#options.framing.framed(
			half,
			() => this.#options.store.live(half.selection, now - PRESENT_MS),
			async (live) => ({
				minutes: everyMinute(minutes, live.minutes),
				visitorsNow: live.active,
				topCodes: (await named(caller, organisation, "code", topRows(live.codes, LIVE_ROWS).rows)).map(scansAlone),
				topCountries: topRows(live.countries, LIVE_ROWS).rows.map(scansAlone),
			}),
		);
	}

	async #counts(selection: Selection): Promise<Counted<Counts>> {
		const { value, ...reading } = await this.#read(selection, {});
		return { ...reading, value: value.counts };
	}

	/** What was counted of a period and of one before, as complete as either. */
	async #compared(selection: Selection, past: Selection): Promise<Counted<Compared>> {
		const [present, before] = await Promise.all([this.#counts(selection), this.#counts(past)]);
		const coverage = await this.#options.framing.coverage(past, before, Date.now());
		const { from, to } = instants(past);
		const previous = { from, to, ...before.value, ...(coverage.from !== from && { coverage }) };
		return {
			...present,
			positions: earlier(present.positions, before.positions),
			value: { ...present.value, previous, change: change(present.value, before.value) },
		};
	}

	/** How much a series, or without an interval hours of the week, will read. */
	async #asking(caller: object, question: Question, interval?: Interval): Promise<Asking> {
		// Without the accounts it is not known which zone's days are closed: then it is asked as of another zone.
		const zone = await this.#options.timeZones.of(caller, question.selection.organisation).catch(() => undefined);
		return askingOf(question, zone, interval);
	}

	/**
	 * One reading for all who ask of the selection at once.
	 *
	 * @throws `too_broad` when it would read too much
	 */
	async #read(
		selection: Selection,
		questions: Questions,
		asking: Asking = { grain: "days" },
	): Promise<Counted<Answers>> {
		await this.#options.bounds.check(selection, asking);
		return this.#options.reads.ask(selection, questions, asking.grain);
	}
}

/** Up to where both readings have everything, by partition. */
function earlier(one: Positions, other: Positions): Positions {
	return Object.fromEntries(
		Object.entries(one).map(([partition, position]) => [partition, Math.min(position, other[Number(partition)] ?? 0)]),
	);
}

/** The same question of the live half hour, which is read from raw scans. */
function halfHour({ codes, range, selection }: Question, now: number) {
	const minutes = liveMinutes(now);
	const half: Question = {
		codes,
		range: { ...range, ...minutes },
		selection: { ...selection, ...minutes },
		source: "raw",
	};
	return { minutes, half };
}
