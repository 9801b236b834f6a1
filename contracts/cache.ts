/**
 * What actors say to the cache: which answers it keeps, what an answer depends on, and how one asker among many is chosen
 * to load what is not there.
 */

import type { Positions } from "./events.ts";

/**
 * What becomes of an answer: `open` changes with every scan, `closed` only with late ones, and a `refused` question is one
 * whose refusal is worth remembering.
 */
export const ANSWER_KINDS = ["open", "closed", "refused"] as const;
export type AnswerKind = (typeof ANSWER_KINDS)[number];

/** The scans that an answer is made of. */
export interface Dependence {
	readonly organisation: string;
	/** Ids, or slugs where a code is not known; absent: all of the organisation's. */
	readonly codes?: readonly string[];
	/** Epoch ms, `[from, to)`; all time when absent. */
	readonly from?: number;
	readonly to?: number;
}

/** The right to load an answer and have it kept: nobody else is given it for the same key meanwhile. */
export interface Lease {
	/** The cache node that gave it, which alone takes the answer. */
	readonly node: string;
	readonly token: string;
	/** Grows with every lease of a key in Redis; absent when Redis did not take part. */
	readonly fence?: string;
	/** Epoch ms by the node's clock: scans counted later may be missing in what is loaded under it. */
	readonly grantedAt: number;
}

/**
 * Why the cache is asked: for a `read`, for one that goes on waiting (`again`), or `ahead` of a read that is expected
 * `AHEAD_MS` from now.
 */
export const READ_PURPOSES = ["read", "again", "ahead"] as const;
export type ReadPurpose = (typeof READ_PURPOSES)[number];

/**
 * Longest that an answer for a range that includes now is kept after its `asOf`, ms. At the client it may be 2 s old: the
 * rest is for the way there.
 */
export const OPEN_ANSWER_MS = 1_700;

/** How long before an expected read its answer is made ready, ms. */
export const AHEAD_MS = 900;

/** What the cache says, and whether it lacks a tier that is configured. */
export type CacheReading = Reading & { readonly degraded?: true };

type Reading =
	/** `json` is the answer, or of a `refused` one the error. With a lease the asker loads it anew without waiting for it. */
	| {
			readonly state: "hit";
			readonly kind: AnswerKind;
			readonly json: string;
			readonly depends: Dependence;
			readonly tier: "l1" | "l2" | "stale";
			readonly lease?: Lease;
	  }
	/** Not there: the asker loads it. */
	| { readonly state: "miss"; readonly lease: Lease }
	/** Not there, and somebody is loading it. */
	| { readonly state: "loading" }
	/** To one who asks ahead: nothing needs to be done. */
	| { readonly state: "ready" };

/** An answer to be kept. Of a `refused` question, `json` is the error. */
export interface KeptAnswer {
	readonly kind: AnswerKind;
	readonly json: string;
	/** The instant at which it was true of the store, epoch ms. */
	readonly asOf: number;
	readonly depends: Dependence;
	/** How long it took to load, ms. */
	readonly tookMs: number;
}

/** How far ahead a scan may be dated, ms: what gateways accept, and a minute for clocks that differ. */
export const DATED_AHEAD_MS = 6 * 60_000;

/** Scans of the minute that begins at `at`, epoch ms. */
export interface MinuteCount {
	readonly at: number;
	readonly scans: number;
}

export type MinuteReading =
	/** Minutes that have scans, in order: everything up to `positions` is in them. */
	| { readonly state: "counted"; readonly minutes: readonly MinuteCount[]; readonly positions: Positions }
	/** Not proven to be whole. Where `node` is named, the store's word on them is welcome there. */
	| { readonly state: "unknown"; readonly node?: string };

/** What the store said of the minutes of an organisation or a code, from one on and of all that may be dated ahead. */
export interface StoredMinutes {
	readonly organisation: string;
	readonly code?: string;
	readonly epoch: string;
	readonly positions: Positions;
	/** First instant of the first minute, epoch ms. */
	readonly from: number;
	/** Those that have scans. */
	readonly minutes: readonly MinuteCount[];
}

/** Reads since start, by how they were answered. */
export type ReadCounts = Readonly<Record<"l1" | "l2" | "stale" | "miss", number>>;

export interface CacheStats {
	/** `slow` does not answer in time, `full` refuses writes, `none` is not configured. */
	readonly redis: "ok" | "away" | "slow" | "full" | "none";
	/** True when a tier that is configured does not serve. */
	readonly degraded: boolean;
	readonly l1: { readonly entries: number; readonly bytes: number };
	readonly reads: ReadCounts;
	/** Misses are counted by what the loaded answer was, so those that were not kept are of no kind. */
	readonly kinds: Readonly<Record<AnswerKind, ReadCounts>>;
	/** Share of reads that each tier answered of those it was asked, from 0 to 1; null before the first. */
	readonly hitRates: { readonly l1: number | null; readonly l2: number | null };
	/** Since when every commit was heard of, epoch ms: what is older is not believed. */
	readonly heardSince: number;
}
