/**
 * What a screen may say about its numbers. One state out of a union, derived from facts and never set: a number is called
 * live only while the connection is up, the channel is whole, and the server has proven lately that counting keeps up.
 */

export type ConnectionState = "connecting" | "catching-up" | "live" | "delayed" | "offline" | "unauthorized";

/** Counting further behind than this is no longer live, ms. */
const DELAYED_BEHIND_MS = 2_000;
/** Owners of counting speak every second: a proof that is older than this when it arrives says that they stopped, ms. */
const STALE_ON_ARRIVAL_MS = 3_000;

export type LinkState = "connecting" | "open" | "down" | "refused";

export interface Facts {
	readonly link: LinkState;
	/** Nothing is known to be missing, and no subscription is under way. */
	readonly whole: boolean;
	readonly hasData: boolean;
	/** How far counting is behind what was accepted; null when the server does not know. */
	readonly behindMs: number | null;
	/** Age of the last proof now, and when it arrived. */
	readonly proofAgeMs: number;
	readonly proofAgeOnArrivalMs: number;
	readonly heartbeatMs: number;
}

/** The one state that these facts allow. */
export function stateOf(facts: Facts): ConnectionState {
	if (facts.link === "refused") return "unauthorized";
	if (facts.link === "down") return "offline";
	if (facts.link === "connecting") return facts.hasData ? "offline" : "connecting";
	if (!facts.whole) return facts.hasData ? "catching-up" : "connecting";
	const behind = facts.behindMs !== null && facts.behindMs > DELAYED_BEHIND_MS;
	const stale = facts.proofAgeOnArrivalMs > STALE_ON_ARRIVAL_MS || facts.proofAgeMs > 2 * facts.heartbeatMs;
	return behind || stale ? "delayed" : "live";
}

/** True when numbers are only those last known. Delayed ones are true of the moment they name. */
export function isStale(state: ConnectionState): boolean {
	return state === "offline" || state === "catching-up" || state === "unauthorized";
}

const BEST_TO_WORST: readonly ConnectionState[] = [
	"live",
	"delayed",
	"catching-up",
	"connecting",
	"offline",
	"unauthorized",
];

/** What may be said of a page that shows several channels: the worst of them; live when it shows none. */
export function worstOf(states: Iterable<ConnectionState>): ConnectionState {
	let worst = 0;
	for (const state of states) worst = Math.max(worst, BEST_TO_WORST.indexOf(state));
	return BEST_TO_WORST[worst]!;
}
