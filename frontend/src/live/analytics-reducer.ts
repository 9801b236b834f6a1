/**
 * What a client knows of an analytics channel: the counts as the server last said them, and the minutes it has seen go
 * by. Every message carries whole counts, so a reduction never adds up what could be lost or doubled.
 */
import type { AnalyticsState, AnalyticsUpdate } from "../../../contracts/live.ts";

/** How many minutes are remembered, the current one included. */
export const REMEMBERED_MINUTES = 30;
const MINUTE_MS = 60_000;

export interface MinuteCount {
	/** Epoch ms of the minute's first instant. */
	readonly at: number;
	readonly scans: number;
}

export interface AnalyticsView extends AnalyticsState {
	/** Minutes in which something was heard, oldest first; a minute without scans in between is absent. */
	readonly minutes: readonly MinuteCount[];
	/** Epoch ms of the first minute of which everything is known; minutes from there on that are absent had no scans. */
	readonly minutesSince: number;
}

/** The view after a snapshot. Minutes that went by unseen are forgotten, because their counts cannot be known. */
export function fromSnapshot(view: AnalyticsView | undefined, snapshot: AnalyticsState): AnalyticsView {
	const now = minuteOf(snapshot);
	const last = view?.minutes.at(-1)?.at;
	const unbroken = view !== undefined && last === now.at;
	return {
		total: snapshot.total,
		today: snapshot.today,
		minute: snapshot.minute,
		minutes: unbroken ? remember(view.minutes, now) : [now],
		minutesSince: unbroken ? view.minutesSince : now.at,
	};
}

/** The view after an update that follows what is held. */
export function withUpdate(view: AnalyticsView, update: AnalyticsUpdate): AnalyticsView {
	return {
		total: update.total,
		today: update.today,
		minute: update.minute,
		minutes: remember(view.minutes, minuteOf(update)),
		minutesSince: view.minutesSince,
	};
}

/** Scans of the minute that it is now: the last one heard of ends by itself, without a message. */
export function scansThisMinute(view: AnalyticsState, now: number): number {
	const minute = minuteOf(view);
	return now >= minute.at + MINUTE_MS ? 0 : minute.scans;
}

function minuteOf(state: AnalyticsState): MinuteCount {
	return { at: Date.parse(state.minute.at), scans: state.minute.scans };
}

function remember(minutes: readonly MinuteCount[], now: MinuteCount): readonly MinuteCount[] {
	const oldest = now.at - (REMEMBERED_MINUTES - 1) * MINUTE_MS;
	return [...minutes.filter(({ at }) => at !== now.at && at >= oldest), now];
}
