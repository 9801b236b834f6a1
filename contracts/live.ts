/** What travels over Socket.IO: the names and shapes of the realtime section of the wire contract. */

import type { Counts, Dimension, FeedScan } from "./scan.ts";

export const NAMESPACES = ["/analytics", "/scans", "/ops"] as const;
export type Namespace = (typeof NAMESPACES)[number];

/** A place in a channel's history; both parts are opaque to clients. */
export interface Place {
	readonly epoch: string;
	readonly offset: string;
}

export interface AnalyticsState {
	readonly total: Counts;
	readonly today: Counts;
	/** Scans of the current UTC minute; `at` is its first instant. */
	readonly minute: { readonly at: string; readonly scans: number };
}

export interface AnalyticsDelta extends Counts {
	readonly by: { readonly [D in Dimension]?: Readonly<Record<string, number>> };
}

export interface AnalyticsUpdate extends AnalyticsState {
	readonly delta: AnalyticsDelta;
}

export interface FeedUpdate {
	readonly scans: readonly FeedScan[];
	readonly skipped?: number;
}

export interface Welcome {
	readonly connectionId: string;
	readonly node: string;
	readonly heartbeatMs: number;
	readonly serverTime: string;
}

export interface Update<Data = unknown> extends Place {
	readonly channel: string;
	/** The offset that this update follows. */
	readonly from: string;
	readonly at: string;
	readonly data: Data;
}

/** An update without data: proves that nothing was missed, and how far counting is behind what was accepted. */
export interface PositionBeat extends Place {
	readonly channel: string;
	readonly from: string;
	readonly verifiedAt: string;
	readonly behindMs: number | null;
}

export interface SubscribeRequest {
	readonly channel: string;
	readonly since?: Place;
}

export type RealtimeErrorCode =
	| "unauthorized"
	| "forbidden"
	| "unknown_channel"
	| "invalid"
	| "too_many_channels"
	| "rate_limited"
	| "overloaded";

export interface RealtimeFailure {
	readonly ok: false;
	readonly error: { readonly code: RealtimeErrorCode; readonly message: string };
}

export type SubscribeReply<Data = unknown> =
	| (Place & {
			readonly ok: true;
			readonly channel: string;
			/** True when `snapshot` or `missed` makes a client that was at `since` whole. */
			readonly recovered: boolean;
			readonly snapshot?: Data;
			readonly missed?: readonly Update<Data>[];
	  })
	| RealtimeFailure;

export type PresenceReply = { readonly ok: true; readonly count: number } | RealtimeFailure;

export interface Bye {
	readonly reason: "slow" | "revoked" | "draining" | "limit";
	readonly retryAfterMs: number;
}
