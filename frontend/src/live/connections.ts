/**
 * The connections of a page: one to each namespace, opened when its first channel is wanted and kept from then on, so that
 * going from page to page costs a subscription and not a connection. Says the state of everything that is shown.
 */
import type { Namespace } from "../../../contracts/live.ts";
import type { AnalyticsView } from "./analytics-reducer.ts";
import type { FeedView } from "./feed-reducer.ts";
import { type ConnectionState, worstOf } from "./freshness.ts";
import type { ChannelView, Listener } from "./live-channel.ts";
import { analyticsReducer, feedReducer, statusReducer } from "./reducer.ts";
import { type LiveOptions, WebSocketAnalytics } from "./web-socket-analytics.ts";

export type AnalyticsChannel = "org" | `code:${string}`;
export type FeedChannel = "feed" | `feed:${string}`;
export type StatusChannel = "health" | "jobs" | "ledger";
export type Channel = AnalyticsChannel | FeedChannel | StatusChannel;

/** What a channel's listeners see. */
export type ViewOf<C extends Channel> = C extends AnalyticsChannel
	? AnalyticsView
	: C extends FeedChannel
		? FeedView
		: unknown;

export interface Overview {
	/** The worst state of all channels shown. */
	readonly state: ConnectionState;
	/** The oldest proof among them, epoch ms on the server's clock. */
	readonly verifiedAt: number | undefined;
	/** How far counting is behind at most, ms; 0 when nothing is known of it. */
	readonly behindMs: number;
}

export interface ConnectionsOptions extends Pick<LiveOptions<unknown, unknown, unknown>, "token" | "reconnect"> {
	/** Origin of the realtime server, read when a connection is first needed; `""` is the page's own. */
	readonly url: () => string;
}

/** The common face of connections whose channels show different things. */
interface Connection {
	connect(): void;
	disconnect(): void;
	verify(): void;
	serverNow(): number;
	/** The listener's view is that of the namespace, which `ViewOf` knows by the channel's name. */
	subscribe(channel: string, listener: never): () => void;
}

export class LiveConnections {
	readonly #options: ConnectionsOptions;
	readonly #connections = new Map<Namespace, Connection>();
	readonly #shown = new Map<symbol, ChannelView<unknown>>();
	readonly #observers = new Set<(overview: Overview) => void>();

	constructor(options: ConnectionsOptions) {
		this.#options = options;
	}

	/** Tells `listener` of the channel at once and at every change. @returns what ends it. */
	subscribe<C extends Channel>(channel: C, listener: Listener<ViewOf<C>>): () => void {
		const key = Symbol(channel);
		const told: Listener<ViewOf<C>> = (view) => {
			this.#shown.set(key, view);
			listener(view);
			this.#report();
		};
		const stop = this.#connectionFor(channel).subscribe(channel, told as never);
		return () => {
			stop();
			this.#shown.delete(key);
			this.#report();
		};
	}

	/** Tells `observer` at once and whenever something that is shown changes. @returns what ends it. */
	observe(observer: (overview: Overview) => void): () => void {
		this.#observers.add(observer);
		observer(this.#overview());
		return () => this.#observers.delete(observer);
	}

	/** Checks all connections now: the network changed, or the page woke up. */
	verify(): void {
		for (const connection of this.#connections.values()) connection.verify();
	}

	/** Ends all connections. */
	close(): void {
		for (const connection of this.#connections.values()) connection.disconnect();
		this.#connections.clear();
	}

	/** Now on the server's clock, epoch ms; this machine's until a server was heard. */
	serverNow(): number {
		const [first] = this.#connections.values();
		return first ? first.serverNow() : Date.now();
	}

	#connectionFor(channel: Channel): Connection {
		const namespace = namespaceOf(channel);
		let connection = this.#connections.get(namespace);
		if (!connection) {
			connection = this.#newConnection(namespace);
			this.#connections.set(namespace, connection);
			connection.connect();
		}
		return connection;
	}

	#newConnection(namespace: Namespace): Connection {
		const options = { ...this.#options, url: this.#options.url(), namespace };
		if (namespace === "/analytics") return new WebSocketAnalytics({ ...options, reducer: analyticsReducer });
		if (namespace === "/scans") return new WebSocketAnalytics({ ...options, reducer: feedReducer });
		return new WebSocketAnalytics({ ...options, reducer: statusReducer });
	}

	#overview(): Overview {
		const all = [...this.#shown.values()];
		// A channel that never had data shows none and cannot mislead: it matters only while nothing else is known.
		const known = all.filter(({ state }) => state !== "connecting");
		const shown = known.length > 0 ? known : all;
		const proofs = shown.flatMap(({ verifiedAt }) => verifiedAt ?? []);
		return {
			state: worstOf(shown.map(({ state }) => state)),
			verifiedAt: proofs.length > 0 ? Math.min(...proofs) : undefined,
			behindMs: Math.max(0, ...shown.map(({ behindMs }) => behindMs ?? 0)),
		};
	}

	#report(): void {
		const overview = this.#overview();
		for (const observer of this.#observers) observer(overview);
	}
}

function namespaceOf(channel: Channel): Namespace {
	if (channel === "org" || channel.startsWith("code:")) return "/analytics";
	return channel === "feed" || channel.startsWith("feed:") ? "/scans" : "/ops";
}
