/**
 * Every read of the numbers. An answer says at which instant it was true and whether anything was on its way; a reading
 * for a live channel comes with the positions that it was true at.
 */

import type { Service, ServiceMethods, ServiceSchema, ServiceSettingSchema } from "moleculer";
import type { AnalyticsQuery, Answer, AnswerFrame, BreakdownRow, Interval } from "../../contracts/analytics.ts";
import type { ExportPage } from "../../contracts/export.ts";
import type { Dimension } from "../../contracts/scan.ts";
import { type CachedMethods, cached } from "../../mixins/cached.ts";
import { type ActionsOf, call, type EventsOf } from "../../platform/actors.ts";
import { bucketStarts, dayOf } from "../../platform/calendar.ts";
import type { EventLog } from "../../platform/log/event-log.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Answers, Counted, Questions, ScanStore, Selection } from "../../platform/store/scan-store.ts";
import { change, foldSeries, heatCells, topRows } from "./answers.ts";
import { type Asking, Bounds, type BoundsOptions } from "./bounds.ts";
import { keyOf, loaded, refusalOf } from "./cacheable.ts";
import { goingOn, readExport } from "./export.ts";
import { Framing, instants } from "./framing.ts";
import { Gateways, isApplied } from "./freshness.ts";
import { balance } from "./ledger.ts";
import { everyMinute, LIVE_ROWS, liveMinutes, PRESENT_MS, readMinutes, scansAlone } from "./live.ts";
import { askingOf, type Question, resolveQuestion } from "./question.ts";
import { previousRange, resolveRange } from "./range.ts";
import { RunningTotals } from "./running-totals.ts";
import { ScreenReads } from "./screen-reads.ts";
import { toSelection } from "./selection.ts";
import { TimeZones } from "./time-zones.ts";

const MINUTE_MS = 60_000;

interface State {
	log: EventLog;
	store: ScanStore;
	gateways: Gateways;
	framing: Framing;
	reads: ScreenReads;
	bounds: Bounds;
	runningTotals: RunningTotals;
	timeZones: TimeZones;
}

type Methods = CachedMethods & {
	resolve(caller: object, organisation: string, query: AnalyticsQuery): Promise<Question>;
	/** How much a series, or without an interval hours of the week, will read. */
	asking(caller: object, organisation: string, question: Question, interval?: Interval): Promise<Asking>;
	/**
	 * One reading for all who ask of the selection at once.
	 *
	 * @throws `too_broad` when it would read too much
	 */
	read(selection: Selection, questions: Questions, asking?: Asking): Promise<Counted<Answers>>;
	/**
	 * The answer from the cache, or from `load`, which asks others through its own caller.
	 *
	 * @param what the kind of question and its own parameters
	 */
	answered<T extends AnswerFrame>(
		caller: object,
		what: readonly unknown[],
		organisation: string,
		query: AnalyticsQuery,
		load: (caller: object, question: Question) => Promise<T>,
	): Promise<Answer<T>>;
	named(caller: object, organisation: string, by: Dimension, rows: BreakdownRow[]): Promise<BreakdownRow[]>;
};

type This = Service & State & Methods;

/** @param bounds how much a question may read */
export default function analytics(
	platform: Platform,
	bounds?: BoundsOptions,
): ServiceSchema<ServiceSettingSchema, Methods, State> {
	const actions: ActionsOf<"analytics", This> = {
		summary: {
			params: { organisation: "string", query: "object" },
			async handler(ctx) {
				const { organisation, query } = ctx.params;
				return this.answered(ctx, ["summary"], organisation, query, async (_, question) => {
					const range = query.compare === "previous" ? previousRange(question.range) : undefined;
					const before = range && toSelection(organisation, query, question.codes, range);
					return this.framing.framed(
						question,
						async () => {
							const [{ value, ...reading }, previous] = await Promise.all([
								this.read(question.selection, {}),
								before && this.read(before, {}),
							]);
							return { ...reading, value: { counts: value.counts, previous: previous?.value.counts } };
						},
						({ counts, previous }) => ({
							...counts,
							...(range &&
								previous && { previous: { ...instants(range), ...previous }, change: change(counts, previous) }),
						}),
					);
				});
			},
		},

		timeseries: {
			params: { organisation: "string", query: "object", interval: "string" },
			async handler(ctx) {
				const { organisation, query, interval } = ctx.params;
				return this.answered(ctx, ["timeseries", interval], organisation, query, async (caller, question) => {
					const { from, to, tz } = question.range;
					const starts = bucketStarts(from, to, interval, tz);
					const asking = await this.asking(caller, organisation, question, interval);
					return this.framing.framed(
						question,
						() => this.read(question.selection, { series: starts }, asking),
						async ({ series }) => ({
							interval,
							points: foldSeries(starts, series),
							annotations: await call(caller, "codes.destinationEdits", {
								organisation,
								codes: question.codes,
								...instants(question.range),
							}),
						}),
					);
				});
			},
		},

		breakdown: {
			params: { organisation: "string", query: "object", by: "string", limit: "number|integer|positive" },
			async handler(ctx) {
				const { organisation, query, by, limit } = ctx.params;
				return this.answered(ctx, ["breakdown", by, limit], organisation, query, async (caller, question) => {
					return this.framing.framed(
						question,
						() => this.read(question.selection, { breakdowns: [by] }),
						async ({ breakdowns: [values = []] }) => {
							const { rows, other, total } = topRows(values, limit);
							return { by, rows: await this.named(caller, organisation, by, rows), other, total };
						},
					);
				});
			},
		},

		heatmap: {
			params: { organisation: "string", query: "object" },
			async handler(ctx) {
				const { organisation, query } = ctx.params;
				return this.answered(ctx, ["heatmap"], organisation, query, async (caller, question) => {
					const { tz } = question.range;
					const asking = await this.asking(caller, organisation, question);
					return this.framing.framed(
						question,
						() => this.read(question.selection, { hoursOfWeek: tz }, asking),
						({ hoursOfWeek = { hours: [], quarters: [] } }) => ({ cells: heatCells(hoursOfWeek, tz) }),
					);
				});
			},
		},

		minutes: {
			params: { organisation: "string", query: "object" },
			async handler(ctx) {
				const { organisation, query } = ctx.params;
				return this.answered(ctx, ["minutes"], organisation, query, async (caller, { codes, range, selection }) => {
					const minutes = liveMinutes(Date.now());
					const half = { codes, range: { ...range, ...minutes }, selection: { ...selection, ...minutes } };
					return this.framing.framed(
						{ ...half, source: "raw" },
						(ends) => readMinutes(caller, this.store, half.selection, ends),
						(counted) => ({ minutes: everyMinute(minutes, counted) }),
					);
				});
			},
		},

		live: {
			params: { organisation: "string", query: "object" },
			async handler(ctx) {
				const { organisation, query } = ctx.params;
				return this.answered(ctx, ["live"], organisation, query, async (caller, { codes, range, selection }) => {
					const now = Date.now();
					const minutes = liveMinutes(now);
					const half = { codes, range: { ...range, ...minutes }, selection: { ...selection, ...minutes } };
					return this.framing.framed(
						{ ...half, source: "raw" },
						() => this.store.live(half.selection, now - PRESENT_MS),
						async (live) => ({
							minutes: everyMinute(minutes, live.minutes),
							visitorsNow: live.active,
							topCodes: (await this.named(caller, organisation, "code", topRows(live.codes, LIVE_ROWS).rows)).map(
								scansAlone,
							),
							topCountries: topRows(live.countries, LIVE_ROWS).rows.map(scansAlone),
						}),
					);
				});
			},
		},

		export: {
			params: { organisation: "string", query: "object", kind: "object", after: "object|optional" },
			async handler(ctx) {
				const { organisation, query, kind, after } = ctx.params;
				const question = after ? goingOn(organisation, query, after) : await this.resolve(ctx, organisation, query);
				const read = () => readExport(this.store, question, kind, after);
				const named = async ({ rows, next }: ExportPage) => ({
					rows: kind.what === "breakdown" ? await this.named(ctx, organisation, kind.by, rows as BreakdownRow[]) : rows,
					next,
				});
				if (after) return named((await read()).value);
				const source = kind.what === "scans" ? "raw" : undefined;
				if (kind.what === "breakdown") await this.bounds.check(question.selection, { grain: "days" });
				const { rows, next, ...frame } = await this.framing.framed({ ...question, source }, read, named);
				return { rows, next, frame };
			},
		},

		state: {
			params: { organisation: "string", code: "string|optional" },
			async handler(ctx) {
				const { organisation, code } = ctx.params;
				const now = Date.now();
				const day = dayOf(now, await this.timeZones.of(ctx, organisation));
				const minute = Math.floor(now / MINUTE_MS) * MINUTE_MS;
				const { value, epoch, positions } = await this.store.state({
					organisation,
					code,
					dayStart: day.start,
					dayEnd: day.end,
					minute,
				});
				const { total, today, minute: scans } = value;
				return {
					epoch,
					positions,
					day,
					state: { total, today, minute: { at: new Date(minute).toISOString(), scans } },
				};
			},
		},

		ledger: {
			params: { organisation: "string", from: "string|optional", to: "string|optional" },
			async handler({ params: { organisation, from, to } }) {
				const hours = { from: instant(from), to: instant(to) };
				// Heard first, then the log's end, then what was applied: what is short then was not on its way.
				const totals = this.runningTotals.of(organisation);
				const spooledBesides = this.runningTotals.spooledByUnknown;
				const ends = await this.log.ends().catch(() => undefined);
				const producers = totals.map(({ producer }) => producer);
				const { value, positions } = await this.store.books({ organisation, ...hours, producers });
				const logApplied = ends !== undefined && isApplied(ends, positions);
				return balance(value, { totals, spooledBesides, logApplied }, hours, Date.now());
			},
		},

		feed: {
			params: { organisation: "string", code: "string|optional", limit: "number|integer|positive" },
			async handler({ params }) {
				const { value, epoch, positions } = await this.store.recent(params);
				return { epoch, positions, scans: value };
			},
		},
	};

	const events: EventsOf<This> = {
		"gateway.report": {
			handler({ params }) {
				const now = Date.now();
				this.gateways?.heard(params, now);
				this.runningTotals?.heard(params, now);
			},
		},
		"accounts.changed": {
			handler({ params }) {
				this.timeZones?.changed(params.organisation);
			},
		},
	};

	const methods: ServiceMethods & Omit<Methods, keyof CachedMethods> & ThisType<This> = {
		resolve(caller: object, organisation: string, query: AnalyticsQuery) {
			return resolveQuestion(caller, organisation, query, this.timeZones, () => this.reads.now());
		},

		async asking(caller: object, organisation: string, question: Question, interval?: Interval) {
			// Without the accounts it is not known which zone's days are closed: then it is asked as of another zone.
			const zone = await this.timeZones.of(caller, organisation).catch(() => undefined);
			return askingOf(question, zone, interval);
		},

		async read(selection: Selection, questions: Questions, asking: Asking = { grain: "days" }) {
			await this.bounds.check(selection, asking);
			return this.reads.ask(selection, questions, asking.grain);
		},

		async answered<T extends AnswerFrame>(
			caller: object,
			what: readonly unknown[],
			organisation: string,
			query: AnalyticsQuery,
			load: (caller: object, question: Question) => Promise<T>,
		) {
			const tz = query.tz ?? (await this.timeZones.of(caller, organisation));
			const range = resolveRange({ from: query.from, to: query.to, tz }, Date.now());
			const { value, tier } = await this.cached<T>(caller, {
				key: keyOf(what, organisation, query, range),
				like: JSON.stringify(what),
				refusal: refusalOf(organisation, query),
				load: async (asker) => {
					const question = await this.resolve(asker, organisation, query);
					return loaded(await load(asker, question), organisation, query, question.codes);
				},
			});
			return { answer: value, cache: tier };
		},

		async named(caller: object, organisation: string, by: Dimension, rows: BreakdownRow[]) {
			if (by !== "code" || rows.length === 0) return rows;
			const names = await call(caller, "codes.names", { organisation, ids: rows.map(({ value }) => value) });
			return rows.map((row) => ({ ...row, name: names[row.value]?.name }));
		},
	};

	return {
		name: "analytics",
		mixins: [cached()],
		actions,
		events,
		methods: methods as ServiceMethods & Methods & ThisType<This>,

		async started() {
			[this.log, this.store] = await Promise.all([platform.log(), platform.store()]);
			this.gateways = new Gateways({ since: Date.now(), several: platform.config.natsServers !== undefined });
			const { retentionDays } = platform.config;
			this.framing = new Framing({ log: this.log, gateways: this.gateways, retentionDays });
			this.reads = new ScreenReads((selection, questions) => this.store.answer(selection, questions));
			const counts = async (selection: Selection) => (await this.reads.ask(selection, {}, "days")).value.counts;
			this.bounds = new Bounds(counts, bounds);
			this.runningTotals = new RunningTotals();
			this.timeZones = new TimeZones();
		},
	};
}

function instant(value: string | undefined): number | undefined {
	return value === undefined ? undefined : Date.parse(value);
}
