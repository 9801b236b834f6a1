/**
 * Every read of the numbers. An answer says at which instant it was true and whether anything was on its way; a reading
 * for a live channel comes with the positions that it was true at.
 */

import type { Service, ServiceMethods, ServiceSchema, ServiceSettingSchema } from "moleculer";
import type { AnalyticsQuery, Answer, AnswerFrame, BreakdownRow } from "../../contracts/analytics.ts";
import type { ExportPage } from "../../contracts/export.ts";
import { type CachedMethods, cached } from "../../mixins/cached.ts";
import type { ActionsOf, EventsOf } from "../../platform/actors.ts";
import { dayOf } from "../../platform/calendar.ts";
import type { EventLog } from "../../platform/log/event-log.ts";
import type { Platform } from "../../platform/platform.ts";
import type { ScanStore, Selection } from "../../platform/store/scan-store.ts";
import { Bounds, type BoundsOptions } from "./bounds.ts";
import { keyOf, loaded, refusalOf } from "./cacheable.ts";
import { goingOn, readExport } from "./export.ts";
import { Framing } from "./framing.ts";
import { Gateways, isApplied } from "./freshness.ts";
import { HeldScans } from "./held-scans.ts";
import { balance } from "./ledger.ts";
import { named } from "./named.ts";
import { type Question, resolveQuestion } from "./question.ts";
import { resolveRange } from "./range.ts";
import { RunningTotals } from "./running-totals.ts";
import { ScreenAnswers } from "./screen-answers.ts";
import { ScreenReads } from "./screen-reads.ts";
import { TimeZones } from "./time-zones.ts";

const MINUTE_MS = 60_000;

interface State {
	log: EventLog;
	store: ScanStore;
	gateways: Gateways;
	framing: Framing;
	reads: ScreenReads;
	screens: ScreenAnswers;
	bounds: Bounds;
	runningTotals: RunningTotals;
	timeZones: TimeZones;
}

type Methods = CachedMethods & {
	resolve(caller: object, organisation: string, query: AnalyticsQuery): Promise<Question>;
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
			handler(ctx) {
				const { organisation, query } = ctx.params;
				return this.answered(ctx, ["summary"], organisation, query, (_, question) =>
					this.screens.summary(question, query),
				);
			},
		},

		timeseries: {
			params: { organisation: "string", query: "object", interval: "string" },
			handler(ctx) {
				const { organisation, query, interval } = ctx.params;
				return this.answered(ctx, ["timeseries", interval], organisation, query, (caller, question) =>
					this.screens.timeseries(caller, question, interval),
				);
			},
		},

		breakdown: {
			params: { organisation: "string", query: "object", by: "string", limit: "number|integer|positive" },
			handler(ctx) {
				const { organisation, query, by, limit } = ctx.params;
				return this.answered(ctx, ["breakdown", by, limit], organisation, query, (caller, question) =>
					this.screens.breakdown(caller, question, by, limit),
				);
			},
		},

		heatmap: {
			params: { organisation: "string", query: "object" },
			handler(ctx) {
				const { organisation, query } = ctx.params;
				return this.answered(ctx, ["heatmap"], organisation, query, (caller, question) =>
					this.screens.heatmap(caller, question),
				);
			},
		},

		minutes: {
			params: { organisation: "string", query: "object" },
			handler(ctx) {
				const { organisation, query } = ctx.params;
				return this.answered(ctx, ["minutes"], organisation, query, (caller, question) =>
					this.screens.minutes(caller, question),
				);
			},
		},

		live: {
			params: { organisation: "string", query: "object" },
			handler(ctx) {
				const { organisation, query } = ctx.params;
				return this.answered(ctx, ["live"], organisation, query, (caller, question) =>
					this.screens.live(caller, question),
				);
			},
		},

		export: {
			params: { organisation: "string", query: "object", kind: "object", after: "object|optional" },
			async handler(ctx) {
				const { organisation, query, kind, after } = ctx.params;
				const question = after ? goingOn(organisation, query, after) : await this.resolve(ctx, organisation, query);
				const read = () => readExport(this.store, question, kind, after);
				const withNames = async ({ rows, next }: ExportPage) => ({
					rows: kind.what === "breakdown" ? await named(ctx, organisation, kind.by, rows as BreakdownRow[]) : rows,
					next,
				});
				if (after) return withNames((await read()).value);
				const source = kind.what === "scans" ? "raw" : undefined;
				if (kind.what === "breakdown") await this.bounds.check(question.selection, { grain: "days" });
				const { rows, next, ...frame } = await this.framing.framed({ ...question, source }, read, withNames);
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

		async answered<T extends AnswerFrame>(
			caller: object,
			what: readonly unknown[],
			organisation: string,
			query: AnalyticsQuery,
			load: (caller: object, question: Question) => Promise<T>,
		) {
			const tz = query.tz ?? (await this.timeZones.of(caller, organisation));
			const range = resolveRange({ from: query.from, to: query.to, tz }, Date.now());
			const { value, tier, degraded } = await this.cached<T>(caller, {
				key: keyOf(what, organisation, query, range),
				like: JSON.stringify(what),
				refusal: refusalOf(organisation, query),
				load: async (asker) => {
					const question = await this.resolve(asker, organisation, query);
					return loaded(await load(asker, question), organisation, query, question.codes);
				},
			});
			return { answer: value, cache: tier, degraded };
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
			const heldScans = new HeldScans(this.store, platform.config.retentionDays);
			this.framing = new Framing({ log: this.log, gateways: this.gateways, heldScans });
			this.reads = new ScreenReads((selection, questions) => this.store.answer(selection, questions));
			const counts = async (selection: Selection) => (await this.reads.ask(selection, {}, "days")).value.counts;
			this.bounds = new Bounds(counts, bounds);
			this.runningTotals = new RunningTotals();
			this.timeZones = new TimeZones();
			const { store, reads, framing, bounds: limits, timeZones } = this;
			this.screens = new ScreenAnswers({ store, reads, framing, bounds: limits, timeZones });
		},
	};
}

function instant(value: string | undefined): number | undefined {
	return value === undefined ? undefined : Date.parse(value);
}
