/**
 * Everything one actor may ask of another: `"actor.action": [params, result]`. Calls go through `call` of
 * platform/actors.ts, and each actor's schema is typed by its part of this table, so a wrong name, parameter or result
 * does not compile.
 */

import type { ApiKey, Credential, Me, NewApiKey, NewSession, Organisation, Salt, Scope } from "./account.ts";
import type {
	AnalyticsQuery,
	Annotations,
	Answer,
	Breakdown,
	HeatMap,
	Interval,
	LastMinutes,
	Ledger,
	LiveMinutes,
	Summary,
	TimeSeries,
} from "./analytics.ts";
import type {
	CacheReading,
	CacheStats,
	KeptAnswer,
	Lease,
	MinuteReading,
	ReadPurpose,
	StoredMinutes,
} from "./cache.ts";
import type { Code, CodeChanges, CodeImage, CodeInput, ImageOptions, Page, RoutableCode } from "./code.ts";
import type { FeedReading, LogStatus, Positions, StateReading } from "./events.ts";
import type { ExportKind, ExportPage, ExportPlace } from "./export.ts";
import type { Health } from "./health.ts";
import type { Job, JobName, JobRun } from "./job.ts";
import type { Report, ReportChanges, ReportFile, ReportFormat, ReportInput, ReportRun } from "./report.ts";
import type { Dimension } from "./scan.ts";

interface Paging {
	readonly page: number;
	readonly pageSize: number;
	/** A field name, with a leading `-` for descending. */
	readonly sort?: string;
}

export interface Actions {
	/** Every code action but `resolve`, `route` and `routes` acts within `organisation`; another's code is `not_found`. */
	"codes.create": [{ organisation: string; code: CodeInput; by: string }, Code];
	"codes.get": [{ organisation: string; id: string }, Code];
	"codes.list": [{ organisation: string; search?: string; tag?: string; active?: boolean } & Paging, Page<Code>];
	"codes.update": [{ organisation: string; id: string; changes: CodeChanges; by: string }, Code];
	"codes.remove": [{ organisation: string; id: string; by: string }, null];
	"codes.image": [{ organisation: string; id: string; image: ImageOptions }, CodeImage];
	/** The code behind a slug, deleted ones included (`deleted: true`), or null when the slug was never used. */
	"codes.resolve": [{ slug: string }, RoutableCode | null];
	/** The code that a client names by id or slug; ids win; deleted ones included; null when there is none. */
	"codes.route": [{ organisation: string; reference: string }, RoutableCode | null];
	/**
	 * Codes in the order of their ids after `after`, for gateways that fill or reconcile their memory; with `since` only
	 * those changed from then on. `at` is when they were read. Both epoch ms.
	 */
	"codes.routes": [
		{ after?: string; since?: number; limit: number },
		{ codes: RoutableCode[]; next: string | null; at: number },
	];
	/** Changes of where codes lead (`url`) within `[from, to)`, ISO instants, the newest ones, from the history of edits. */
	"codes.destinationEdits": [
		{ organisation: string; codes?: readonly string[]; from: string; to: string },
		Annotations,
	];
	/** Names of codes by id, deleted ones included; unknown ids are absent. */
	"codes.names": [{ organisation: string; ids: string[] }, Record<string, { name: string; slug: string }>];

	/** The credential that a bearer key, session token or share proves, or null. */
	"accounts.authenticate": [{ token: string }, Credential | null];
	/** Turns a one-time sign-in token into a session; null when it is unknown, used or too old. */
	"accounts.redeemSignIn": [{ token: string }, NewSession | null];
	"accounts.createSession": [{ email: string; password: string }, NewSession];
	"accounts.endSession": [{ id: string }, null];
	"accounts.me": [{ credential: Credential }, Me];
	"accounts.updateMe": [{ credential: Credential; changes: { name?: string; email?: string; password?: string } }, Me];
	"accounts.organisation": [{ organisation: string }, Organisation];
	"accounts.updateOrganisation": [
		{ organisation: string; changes: { name?: string; timeZone?: string } },
		Organisation,
	];
	"accounts.createKey": [{ organisation: string; name: string; scopes: Scope[]; expiresAt?: string }, NewApiKey];
	"accounts.listKeys": [{ organisation: string } & Paging, Page<ApiKey>];
	"accounts.removeKey": [{ organisation: string; id: string }, null];
	/** Salts of yesterday, today and tomorrow (UTC), made when absent, the same for every gateway. */
	"accounts.salts": [Record<string, never>, Salt[]];

	/** How the product is, as the gateway that is asked sees it. */
	"gateway.health": [Record<string, never>, Health];

	"scans.status": [Record<string, never>, LogStatus[]];

	"analytics.summary": [{ organisation: string; query: AnalyticsQuery }, Answer<Summary>];
	"analytics.timeseries": [{ organisation: string; query: AnalyticsQuery; interval: Interval }, Answer<TimeSeries>];
	"analytics.breakdown": [
		{ organisation: string; query: AnalyticsQuery; by: Dimension; limit: number },
		Answer<Breakdown>,
	];
	/** The next page of an export; the first one without `after`. No cache answers. */
	"analytics.export": [
		{ organisation: string; query: AnalyticsQuery; kind: ExportKind; after?: ExportPlace },
		ExportPage,
	];
	"analytics.heatmap": [{ organisation: string; query: AnalyticsQuery }, Answer<HeatMap>];
	/** What the live half hour says of its minutes alone. */
	"analytics.minutes": [{ organisation: string; query: AnalyticsQuery }, Answer<LastMinutes>];
	"analytics.live": [{ organisation: string; query: AnalyticsQuery }, Answer<LiveMinutes>];
	/** The state of a channel, read together with the positions it is true at. */
	"analytics.state": [{ organisation: string; code?: string }, StateReading];
	/** The newest scans, newest last, read together with the positions they are true at. */
	"analytics.feed": [{ organisation: string; code?: string; limit: number }, FeedReading];
	"analytics.ledger": [{ organisation: string; from?: string; to?: string }, Ledger];

	/** Ends a lease: keeps what was loaded under it, nothing when there is no answer. Asked of the node that gave it. */
	"cache.cacheAnalyticsData": [{ key: string; lease: Lease; answer?: KeptAnswer }, { kept: boolean }];
	"cache.getCachedAnalytics": [{ key: string; purpose: ReadPurpose }, CacheReading];
	/** Serves no answer any more that depends on these codes (ids or slugs), or on the organisation when absent. */
	"cache.invalidate": [{ organisation: string; codes?: readonly string[] }, null];
	/** Adds `by` to a counter of a fixed window; `allowed` is false once the window's count exceeds `limit`. */
	"cache.incrementWithRateLimit": [
		{ key: string; limit: number; windowMs: number; by?: number },
		{ count: number; allowed: boolean; remaining: number; resetMs: number },
	];
	/**
	 * Scans without bots by UTC minute since `from` (a minute's first instant, epoch ms), of codes by id their sum, as they
	 * were counted from what is announced: with everything that is in the log up to `applied`, or not at all.
	 */
	"cache.minutes": [
		{ organisation: string; codes?: readonly string[]; from: number; applied: Positions },
		MinuteReading,
	];
	/** Lets the node that asked for it count minutes on from what the store said of them. */
	"cache.resumeMinutes": [StoredMinutes, { resumed: boolean }];
	"cache.stats": [Record<string, never>, CacheStats];

	/** By name. */
	"cron.jobs": [Record<string, never>, Job[]];
	"cron.runs": [{ job: JobName } & Paging, Page<JobRun>];
	"cron.run": [{ job: JobName; params?: Record<string, unknown> }, { runId: string }];

	/** Every action of a report acts within `organisation`; another's report is `not_found`. */
	"cron.createReport": [{ organisation: string; report: ReportInput }, Report];
	"cron.getReport": [{ organisation: string; id: string }, Report];
	"cron.listReports": [{ organisation: string } & Paging, Page<Report>];
	"cron.updateReport": [{ organisation: string; id: string; changes: ReportChanges }, Report];
	"cron.removeReport": [{ organisation: string; id: string }, null];
	/** Periods of which it was made, newest first. */
	"cron.reportRuns": [{ organisation: string; id: string } & Paging, Page<ReportRun>];
	"cron.reportFile": [{ organisation: string; id: string; run: string; format: ReportFormat }, ReportFile];

	/** Gives a connection of the node that is asked another credential, such as a renewed one. */
	"realtime.connect": [{ connection: string; namespace: string; credential: Credential }, { connections: number }];
	"realtime.disconnect": [
		{ connection: string; reason: "slow" | "revoked" | "draining" | "limit" },
		{ found: boolean },
	];
	"realtime.subscribe": [{ connection: string; namespace: string; channel: string }, { ok: boolean }];
	"realtime.unsubscribe": [{ connection: string; namespace: string; channel: string }, { ok: boolean }];
	/** Sends an event to every connection of this node that holds the channel; answers to how many. */
	"realtime.broadcast": [
		{ organisation: string; namespace: string; channel: string; event: string; data: unknown },
		{ sent: number },
	];
	"realtime.stats": [Record<string, never>, { connections: number; channels: number }];
}

export type ActionName = keyof Actions;
export type Params<A extends ActionName> = Actions[A][0];
export type Result<A extends ActionName> = Actions[A][1];
/** `codes`, `accounts` …: every actor that has actions. */
export type Actor = ActionName extends `${infer A}.${string}` ? A : never;
