/** How the data of a channel becomes what a screen shows; one reducer for each kind of channel. */
import type { AnalyticsState, AnalyticsUpdate, FeedUpdate } from "../../../contracts/live.ts";
import { type AnalyticsView, fromSnapshot, withUpdate } from "./analytics-reducer.ts";
import { type FeedView, feedFromSnapshot, feedWithUpdate } from "./feed-reducer.ts";

/** Pure: neither function changes the view it is given. */
export interface Reducer<Snapshot, Update extends Snapshot, View> {
	readonly snapshot: (view: View | undefined, data: Snapshot) => View;
	readonly update: (view: View, data: Update) => View;
}

export const analyticsReducer: Reducer<AnalyticsState, AnalyticsUpdate, AnalyticsView> = {
	snapshot: fromSnapshot,
	update: withUpdate,
};

export const feedReducer: Reducer<FeedUpdate, FeedUpdate, FeedView> = {
	snapshot: feedFromSnapshot,
	update: feedWithUpdate,
};

/** What `/ops` carries is the same as over HTTP, whole each time. */
export const statusReducer: Reducer<unknown, unknown, unknown> = {
	snapshot: (_view, data) => data,
	update: (_view, data) => data,
};
