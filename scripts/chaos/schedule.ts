/*
 * Who is struck, how and when: a pure function of the seed, so that a run that failed can be had again. Members are dealt
 * like cards, so that every one has its turn before any has the next; two different ones may well be down at once.
 */
import { chance } from "./random.ts";

export interface Strike {
	/** From the beginning of the run, ms. */
	readonly atMs: number;
	readonly member: string;
	/** `kill` is SIGKILL; `restart` is SIGTERM; `pause` is SIGSTOP, and SIGCONT after `pauseMs`. */
	readonly kind: "kill" | "restart" | "pause";
	/** 0 unless it is a pause. */
	readonly pauseMs: number;
}

export interface ScheduleOptions {
	readonly seed: number;
	/** No strike begins later, and no pause ends later, ms. */
	readonly durationMs: number;
	readonly members: readonly string[];
	/** Mean time between two strikes, ms. @defaultValue 1800 */
	readonly everyMs?: number;
	/** How many of the strikes are kills. @defaultValue 0.6 */
	readonly killShare?: number;
	/** How many of the strikes are orderly restarts; what is left are pauses. @defaultValue 0.15 */
	readonly restartShare?: number;
	/** Longer than an owner of counting may be silent, so that its work is taken from it. @defaultValue 6000 */
	readonly longestPauseMs?: number;
}

/** The first strike lets scanning begin, ms. */
const FIRST_AT_MS = 1_000;
const SHORTEST_PAUSE_MS = 200;
/** A member is left alone so long after it was struck: time to come back, ms. */
const RESPITE_MS = 2_500;

/** Strikes in the order of their moments. */
export function planStrikes(options: ScheduleOptions): Strike[] {
	const { seed, durationMs, members, everyMs = 1_800, longestPauseMs = 6_000 } = options;
	const { killShare = 0.6, restartShare = 0.15 } = options;
	const { next, below } = chance(seed);
	const freeFrom = new Map<string, number>();
	const strikes: Strike[] = [];
	let deck: string[] = [];
	for (let atMs = FIRST_AT_MS; atMs < durationMs; atMs += Math.round(everyMs * (0.4 + 1.2 * next()))) {
		if (deck.length === 0) deck = [...members];
		// Chance is drawn the same number of times whatever becomes of the strike.
		const [first, lot, length] = [below(deck.length), next(), next()];
		const turn = [...deck.slice(first), ...deck.slice(0, first)];
		const member = turn.find((name) => (freeFrom.get(name) ?? 0) <= atMs);
		if (member === undefined) continue;
		const room = Math.min(longestPauseMs, durationMs - atMs);
		const pauses = lot >= killShare + restartShare && room >= SHORTEST_PAUSE_MS;
		const kind = pauses ? "pause" : lot >= killShare && lot < killShare + restartShare ? "restart" : "kill";
		const pauseMs = pauses ? Math.round(SHORTEST_PAUSE_MS + length * (room - SHORTEST_PAUSE_MS)) : 0;
		strikes.push({ atMs, member, kind, pauseMs });
		deck.splice(deck.indexOf(member), 1);
		freeFrom.set(member, atMs + pauseMs + RESPITE_MS);
	}
	return strikes;
}
