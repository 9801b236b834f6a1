/*
 * Screens that stay open through everything: the dashboard's own client, with reducers that add up what they are told and
 * compare it with what they are said, so that a broken chain of updates is seen at the update that broke it.
 */
import type { AnalyticsState, AnalyticsUpdate, FeedUpdate } from "../../contracts/live.ts";
import type { Counts } from "../../contracts/scan.ts";
import type { FeedView } from "../../frontend/src/live/feed-reducer.ts";
import type { ChannelView } from "../../frontend/src/live/live-channel.ts";
import { feedReducer } from "../../frontend/src/live/reducer.ts";
import { WebSocketAnalytics } from "../../frontend/src/live/web-socket-analytics.ts";
import { Pauses } from "./pauses.ts";

export interface ScreenOptions {
	readonly url: string;
	readonly token: string;
	/** Ids of the codes that have a screen each. */
	readonly codes: readonly string[];
}

export interface Screens {
	/** What each screen that shows counts shows last, by its channel. */
	shown(): { readonly screen: string; readonly channel: string; readonly state: string; readonly total?: Counts }[];
	feedState(): string;
	/** Says which of these scans the feed does not show. */
	feedLacks(ids: readonly string[]): string[];
	/** Breaks of the contract that the screens saw. */
	readonly violations: readonly string[];
	/** How long the total of a code stood still at most while all codes were scanned. */
	readonly pauses: Pauses;
	close(): void;
}

const EMPTY: Counts = { scans: 0, visitors: 0, bots: 0 };
/** Two for the organisation, so that one is likely to be on each node. */
const ORGANISATION_SCREENS = 2;

export function openScreens({ url, token, codes }: ScreenOptions): Screens {
	const violations: string[] = [];
	const violate = (what: string) => {
		if (violations.length < 20) violations.push(what);
	};
	const counts = new Map<string, ChannelView<Counts>>();
	let feed: ChannelView<FeedView> | undefined;
	const pauses = new Pauses();
	const reducer = (screen: string) => ({
		snapshot: (before: Counts = EMPTY, { total }: AnalyticsState) => {
			if (isLess(total, before)) violate(`${screen} fell from ${text(before)} to ${text(total)} by a snapshot`);
			return total;
		},
		update: (before: Counts, { delta, total }: AnalyticsUpdate) => {
			const sum = added(before, delta);
			if (isLess(sum, total) || isLess(total, sum))
				violate(`${screen} adds up to ${text(sum)}, is said ${text(total)}`);
			return sum;
		},
	});
	const clients = Array.from({ length: ORGANISATION_SCREENS }, (_, index) => {
		const name = `screen ${index + 1}`;
		const client = new WebSocketAnalytics({ url, token, namespace: "/analytics", reducer: reducer(name) });
		client.subscribe("org", (view) => counts.set(name, view));
		client.connect();
		return client;
	});
	const ofCodes = new WebSocketAnalytics({
		url,
		token,
		namespace: "/analytics",
		reducer: reducer("a screen of codes"),
	});
	for (const code of codes) {
		ofCodes.subscribe(`code:${code}`, (view) => {
			counts.set(`the screen of ${code}`, view);
			if (view.data) pauses.seen(code, view.data);
		});
	}
	ofCodes.connect();
	const ofFeed = new WebSocketAnalytics<FeedUpdate, FeedUpdate, FeedView>({
		...{ url, token, namespace: "/scans" },
		reducer: {
			snapshot: feedReducer.snapshot,
			update: (view, update) => {
				const before = new Set(view.scans.map(({ id }) => id));
				const again = update.scans.filter(({ id }) => before.has(id));
				if (again.length > 0) violate(`the feed gave ${again.length} scans twice, such as ${again[0]?.id}`);
				return feedReducer.update(view, update);
			},
		},
	});
	ofFeed.subscribe("feed", (view) => {
		feed = view;
	});
	ofFeed.connect();

	return {
		violations,
		pauses,
		shown: () => [...counts].map(([screen, { channel, state, data }]) => ({ screen, channel, state, total: data })),
		feedState: () => feed?.state ?? "connecting",
		feedLacks: (ids) =>
			ids.filter((id) => !feed?.data?.scans.some((scan) => scan.id === id)).map((id) => `the feed lacks ${id}`),
		close() {
			for (const client of [...clients, ofCodes, ofFeed]) client.disconnect();
		},
	};
}

const added = (a: Counts, b: Counts): Counts => ({
	scans: a.scans + b.scans,
	visitors: a.visitors + b.visitors,
	bots: a.bots + b.bots,
});
const isLess = (a: Counts, b: Counts) => a.scans < b.scans || a.visitors < b.visitors || a.bots < b.bots;
const text = ({ scans, visitors, bots }: Counts) => `${scans}/${visitors}/${bots}`;
