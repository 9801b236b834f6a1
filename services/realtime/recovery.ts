/**
 * What a subscriber is given, decided from nothing but the place it was at, the place its channel has sent, and from
 * where on the channel can prove what happened. Pure, so that every case can be tried.
 */

import type { Place } from "../../contracts/live.ts";
import { covers, decodeOffset, type Vector } from "./offset.ts";

/** The place up to which everything was sent to a channel's subscribers. */
export interface SentPlace {
	readonly epoch: string;
	readonly sent: Vector;
}

export type Recovery =
	/** It was nowhere: a snapshot, nothing to recover. */
	| { readonly kind: "fresh" }
	/** What it holds is part of what was sent: `since` is its place. */
	| { readonly kind: "behind"; readonly since: Vector }
	/** It has seen what was not sent here: nothing older may be served as its recovery. */
	| { readonly kind: "ahead"; readonly since: Vector }
	/** Its place is of another history, or none of ours. */
	| { readonly kind: "foreign" };

/** Where a subscriber stands against its channel. */
export function decideRecovery(since: Place | undefined, place: SentPlace): Recovery {
	if (!since) return { kind: "fresh" };
	const vector = decodeOffset(since.offset);
	if (!vector || since.epoch !== place.epoch) return { kind: "foreign" };
	return { kind: covers(place.sent, vector) ? "behind" : "ahead", since: vector };
}
