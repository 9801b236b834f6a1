/**
 * What a client knows of a feed: the latest scans, newest first, each once, and how many the server left out because
 * there were more than a feed shows.
 */
import type { FeedUpdate } from "../../../contracts/live.ts";
import type { FeedScan } from "../../../contracts/scan.ts";

/** Most scans that a feed keeps. */
export const FEED_LENGTH = 50;

export interface FeedView {
	readonly scans: readonly FeedScan[];
	/** Scans left out since the client first subscribed. */
	readonly skipped: number;
}

/** The feed after a snapshot, which is the server's word on what the latest scans are. */
export function feedFromSnapshot(view: FeedView | undefined, snapshot: FeedUpdate): FeedView {
	return { scans: newestFirst(snapshot.scans), skipped: view?.skipped ?? 0 };
}

/** The feed with the scans of an update. */
export function feedWithUpdate(view: FeedView, update: FeedUpdate): FeedView {
	const known = new Set(view.scans.map(({ id }) => id));
	const fresh = update.scans.filter(({ id }) => !known.has(id));
	return { scans: newestFirst([...fresh, ...view.scans]), skipped: view.skipped + (update.skipped ?? 0) };
}

function newestFirst(scans: readonly FeedScan[]): readonly FeedScan[] {
	const once = [...new Map(scans.map((scan) => [scan.id, scan])).values()];
	return once.sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, FEED_LENGTH);
}
