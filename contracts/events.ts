/**
 * Everything an actor tells the others without being asked: `"actor.event": payload`. All are broadcast (every node
 * hears them) and may be lost, so whoever depends on one also has a way to notice and to catch up.
 */

import type { RoutableCode } from "./code.ts";
import type { JobRun } from "./job.ts";
import type { AnalyticsState } from "./live.ts";
import type { BucketDimension, Counts, FeedScan } from "./scan.ts";

/** Position in a partition of the event log; grows, has gaps. 0 stands before the first message. */
export type Position = number;

/** Applied position by partition. */
export type Positions = Readonly<Record<number, Position>>;

/**
 * What a commit added to one code. `total` is the code's totals after the commit. `quarters` and `minutes` are keyed by
 * their first instant, epoch ms as a string; minutes count scans without bots and only those of the last hour.
 */
export interface CodeDelta extends Counts {
	readonly organisation: string;
	readonly code: string;
	readonly total: Counts;
	readonly quarters: Readonly<Record<string, Counts>>;
	readonly minutes: Readonly<Record<string, number>>;
	readonly by: { readonly [D in BucketDimension]?: Readonly<Record<string, number>> };
}

/**
 * A partition moved from one applied position to another. An announcement too large for one message comes in `parts`,
 * numbered from 0, all with the same positions: it counts once all have come.
 */
export interface ScansCommitted {
	readonly epoch: string;
	readonly partition: number;
	readonly from: Position;
	readonly to: Position;
	/** Epoch ms of the commit. */
	readonly at: number;
	readonly part: number;
	readonly parts: number;
	readonly codes: readonly CodeDelta[];
	/** The scans themselves, in order of commit, sampled at the source; with their organisation for routing. */
	readonly feed: readonly (FeedScan & { readonly organisation: string })[];
	/** By code, how many scans the sample left out. */
	readonly skipped: Readonly<Record<string, number>>;
}

/** Where a partition stands, said every second also when nothing happens. Times are epoch ms. */
export interface ScansPosition {
	readonly epoch: string;
	readonly partition: number;
	readonly position: Position;
	readonly logEnd: Position;
	/** How old the oldest message is that is in the log and not yet applied, ms; 0 when there is none. */
	readonly behindMs: number;
	readonly at: number;
}

export interface LogStatus {
	readonly partition: number;
	readonly node: string;
	readonly position: Position;
	readonly logEnd: Position;
	readonly behindMs: number;
}

/** What a gateway says of itself every second, and a last time (`leaving`) when it stops. */
export interface GatewayReport {
	/** The gateway's name, which belongs to its data folder: a restart on the same folder, and its spool, goes on under it. */
	readonly node: string;
	readonly at: number;
	/** Scans accepted since this gateway's start, by organisation. */
	readonly accepted: Readonly<Record<string, number>>;
	/**
	 * Running totals of scans made durable, by producer and organisation, of the producers that grew lately: what was
	 * applied of a producer never exceeds its total for long, and what falls short of it is on its way, or lost.
	 */
	readonly producers?: Readonly<Record<string, Readonly<Record<string, number>>>>;
	/** Scans gathered or in flight to the log. */
	readonly pending: number;
	/** Scans that wait in the spool. */
	readonly spooled: number;
	readonly leaving?: true;
}

/** A state read in one snapshot with the positions of all partitions. */
export interface StateReading {
	readonly epoch: string;
	readonly positions: Positions;
	readonly state: AnalyticsState;
	/** The organisation's day that `today` counts, `[start, end)`, epoch ms. */
	readonly day: { readonly start: number; readonly end: number };
}

export interface FeedReading {
	readonly epoch: string;
	readonly positions: Positions;
	readonly scans: readonly FeedScan[];
}

export interface Events {
	"codes.changed": { code: RoutableCode };
	/** A credential ended (`credential`), or what an organisation is changed. */
	"accounts.changed": { organisation: string; credential?: string; timeZone?: string };
	"scans.committed": ScansCommitted;
	"scans.position": ScansPosition;
	/** A node that counts has stopped in order: its partitions may be taken over now. */
	"scans.left": { node: string };
	"gateway.report": GatewayReport;
	"cron.changed": { run: JobRun };
	/** Answers that depend on these codes (ids or slugs), on all of the organisation's when absent, are not to be served. */
	"cache.invalidated": { organisation: string; codes?: readonly string[] };
	/** Connections of a realtime node by channel; `unchanged` (with no channels) when they are those said before. */
	"realtime.presence": { node: string; channels: Record<string, number>; unchanged?: true; leaving?: true };
}

export type EventName = keyof Events;
