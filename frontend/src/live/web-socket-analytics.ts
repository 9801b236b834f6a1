/**
 * The client's end of the realtime contract: one connection to one namespace, and the channels it carries. It mends gaps,
 * notices silence, reconnects, and subscribes again from the place that each channel holds, so that what it tells its
 * listeners is whole or is said not to be. It knows neither Vue nor the DOM.
 *
 * @example
 * const live = new WebSocketAnalytics({ url: "", namespace: "/analytics", reducer: analyticsReducer });
 * live.connect();
 * const stop = live.subscribe("org", ({ data, state }) => show(data?.total.scans, state));
 */
import { io, type Socket } from "socket.io-client";
import type { Bye, Namespace, PositionBeat, SubscribeReply, Update, Welcome } from "../../../contracts/live.ts";
import type { LinkState } from "./freshness.ts";
import { type Listener, LiveChannel, type LiveError, type Surroundings } from "./live-channel.ts";
import { type ReconnectOptions, reconnectDelay, spreadRetry } from "./reconnect-delay.ts";
import type { Reducer } from "./reducer.ts";

export interface LiveOptions<Snapshot, Change extends Snapshot, View> {
	/** Origin of the realtime server; `""` is the page's own. */
	readonly url: string;
	readonly namespace: Namespace;
	readonly reducer: Reducer<Snapshot, Change, View>;
	/** An API key; the session cookie is used where it is absent. */
	readonly token?: string;
	readonly reconnect?: ReconnectOptions;
	/** How long an attempt to connect may take at first, ms; it grows to four times that. @defaultValue 2500 */
	readonly connectTimeoutMs?: number;
	/** How long the server may take to answer a subscription, ms. @defaultValue 6000 */
	readonly ackTimeoutMs?: number;
}

/** How often silence and age are looked at, ms. */
const WATCH_INTERVAL_MS = 250;
const DEFAULT_HEARTBEAT_MS = 5_000;
const DEFAULT_CONNECT_TIMEOUT_MS = 2_500;
const DEFAULT_ACK_TIMEOUT_MS = 6_000;
/** A gap this soon after the last request is mended a little later, ms. */
const MENDING_INTERVAL_MS = 100;
/** Answers to a check of a doubtful connection come soon, or the connection is dead, ms. */
const VERIFY_TIMEOUT_MS = 3_500;
const REFUSALS: readonly string[] = ["unauthorized", "forbidden"];
const PASSING: readonly string[] = ["rate_limited", "overloaded"];

export class WebSocketAnalytics<Snapshot, Change extends Snapshot, View> {
	readonly #options: LiveOptions<Snapshot, Change, View>;
	readonly #channels = new Map<string, LiveChannel<Snapshot, Change, View>>();
	readonly #timers = new Set<ReturnType<typeof setTimeout>>();
	#socket: Socket | undefined;
	#link: LinkState | "idle" = "idle";
	#error: LiveError | undefined;
	#failures = 0;
	#heartbeatMs = DEFAULT_HEARTBEAT_MS;
	#clockOffsetMs = 0;
	#watch: ReturnType<typeof setInterval> | undefined;

	constructor(options: LiveOptions<Snapshot, Change, View>) {
		this.#options = options;
	}

	/** Connects and stays connected until `disconnect`. After a refusal it tries once more from the beginning. */
	connect(): void {
		if (this.#link !== "idle" && this.#link !== "refused") return;
		this.#link = "connecting";
		this.#error = undefined;
		this.#failures = 0;
		this.#watch ??= setInterval(() => this.#look(), WATCH_INTERVAL_MS);
		this.#open();
	}

	/** Ends the connection. Channels and what they know are kept for the next `connect`. */
	disconnect(): void {
		this.#link = "idle";
		clearInterval(this.#watch);
		this.#watch = undefined;
		this.#drop();
		this.#tellAll();
	}

	/** Tells `listener` at once and then at every change. @returns what ends this subscription. */
	subscribe(name: string, listener: Listener<View>): () => void {
		let channel = this.#channels.get(name);
		if (!channel) {
			channel = new LiveChannel(name, this.#options.reducer);
			this.#channels.set(name, channel);
			if (this.#link === "open") this.#ask(channel);
		}
		channel.listeners.add(listener);
		listener(channel.view(this.#surroundings()));
		return () => this.unsubscribe(name, listener);
	}

	/** The channel is given back to the server when its last listener goes. */
	unsubscribe(name: string, listener: Listener<View>): void {
		const channel = this.#channels.get(name);
		if (!channel?.listeners.delete(listener) || channel.listeners.size > 0) return;
		this.#channels.delete(name);
		if (this.#link === "open") this.#socket?.emit("unsubscribe", { channel: name }, () => undefined);
	}

	/**
	 * Finds out now whether the connection still stands: to be called when the network changed or the page woke up.
	 * A connection that waits to try again tries at once, and so does one that was refused: who is signed in may have changed.
	 */
	verify(): void {
		if (this.#link === "open") for (const channel of this.#channels.values()) this.#ask(channel, VERIFY_TIMEOUT_MS);
		else if (this.#link === "down") this.#open();
		else if (this.#link === "refused") this.connect();
	}

	/** Now on the server's clock, epoch ms. */
	serverNow(): number {
		return Date.now() + this.#clockOffsetMs;
	}

	#open(): void {
		this.#drop();
		const { url, namespace, token, connectTimeoutMs = DEFAULT_CONNECT_TIMEOUT_MS } = this.#options;
		const socket = io(`${url}${namespace}`, {
			transports: ["websocket"],
			forceNew: true,
			// Waits, limits and refusals are this class's business.
			reconnection: false,
			withCredentials: true,
			auth: token === undefined ? {} : { token },
		});
		this.#socket = socket;
		// A slow network gets more time only after several attempts, so that a return is noticed quickly.
		this.#after(connectTimeoutMs * Math.min(4, 1 + Math.floor(this.#failures / 4)), () => {
			if (this.#link !== "open") this.#lost();
		});
		socket.on("welcome", (welcome: Welcome) => this.#welcomed(welcome));
		socket.on("update", (update: Update<Change>) =>
			this.#received(update, (channel, now) => channel.update(update, now)),
		);
		socket.on("position", (beat: PositionBeat) => this.#received(beat, (channel, now) => channel.beat(beat, now)));
		socket.on("bye", (bye: Bye) => {
			if (bye.reason === "revoked") this.#refused({ code: "unauthorized", message: "The credential was revoked" });
			else this.#lost(spreadRetry(bye.retryAfterMs));
		});
		socket.on("connect_error", (error: Error & { data?: { code?: string; retryAfterMs?: number } }) => {
			const { code, retryAfterMs } = error.data ?? {};
			if (code && REFUSALS.includes(code)) this.#refused({ code, message: error.message });
			else this.#lost(retryAfterMs === undefined ? undefined : spreadRetry(retryAfterMs));
		});
		socket.on("disconnect", () => this.#lost());
	}

	#welcomed(welcome: Welcome): void {
		this.#heartbeatMs = welcome.heartbeatMs;
		this.#clockOffsetMs = Date.parse(welcome.serverTime) - Date.now();
		this.#link = "open";
		if (this.#channels.size === 0) this.#failures = 0;
		for (const channel of this.#channels.values()) this.#ask(channel);
		this.#tellAll();
	}

	#received(
		message: { readonly channel: string },
		take: (channel: LiveChannel<Snapshot, Change, View>, now: number) => boolean,
	): void {
		const channel = this.#channels.get(message.channel);
		if (!channel || this.#link !== "open" || channel.refused) return;
		if (!take(channel, this.serverNow())) this.#mend(channel);
		channel.tell(this.#surroundings());
	}

	#ask(channel: LiveChannel<Snapshot, Change, View>, timeoutMs = this.#options.ackTimeoutMs): void {
		const socket = this.#socket;
		const asked = channel.ask(this.serverNow());
		const request = asked.since ? { channel: channel.name, since: asked.since } : { channel: channel.name };
		const answered = (timedOut: Error | null, reply: SubscribeReply<Snapshot | Change>) => {
			if (socket !== this.#socket || this.#channels.get(channel.name) !== channel) return;
			if (timedOut) this.#lost();
			else if (reply.ok) {
				this.#failures = 0;
				if (!channel.accept(asked, reply, this.serverNow())) this.#askLater(channel);
			} else this.#subscriptionFailed(channel, reply.error);
			channel.tell(this.#surroundings());
		};
		socket?.timeout(timeoutMs ?? DEFAULT_ACK_TIMEOUT_MS).emit("subscribe", request, answered);
		channel.tell(this.#surroundings());
	}

	#subscriptionFailed(channel: LiveChannel<Snapshot, Change, View>, error: LiveError): void {
		if (error.code === "unauthorized") this.#refused(error);
		else if (PASSING.includes(error.code)) this.#askLater(channel);
		else channel.refuse(error);
	}

	/** Asks for what is missing; not in a storm, whatever the server says. */
	#mend(channel: LiveChannel<Snapshot, Change, View>): void {
		if (this.serverNow() - channel.askedAt < MENDING_INTERVAL_MS) this.#askLater(channel);
		else this.#ask(channel);
	}

	#askLater(channel: LiveChannel<Snapshot, Change, View>): void {
		channel.putOff();
		this.#after(reconnectDelay(1, this.#options.reconnect), () => {
			if (this.#channels.get(channel.name) === channel) this.#ask(channel);
		});
	}

	#lost(waitMs?: number): void {
		this.#drop();
		this.#link = "down";
		this.#failures += 1;
		this.#after(waitMs ?? reconnectDelay(this.#failures, this.#options.reconnect), () => this.#open());
		this.#tellAll();
	}

	#refused(error: LiveError): void {
		this.#drop();
		this.#link = "refused";
		this.#error = error;
		this.#tellAll();
	}

	/** Leaves the socket and every timer of this attempt behind. */
	#drop(): void {
		for (const timer of this.#timers) clearTimeout(timer);
		this.#timers.clear();
		const socket = this.#socket;
		this.#socket = undefined;
		socket?.removeAllListeners();
		socket?.disconnect();
		for (const channel of this.#channels.values()) channel.interrupt();
	}

	/** Looks for silence: a silent channel asks again, and a connection on which all are silent is given up. */
	#look(): void {
		const now = this.serverNow();
		const open = [...this.#channels.values()].filter((channel) => !channel.refused && !channel.mending);
		const silent = open.filter((channel) => channel.silentFor(now) > 2 * this.#heartbeatMs);
		if (this.#link === "open" && silent.length > 0) {
			if (silent.length === open.length) this.#lost();
			else for (const channel of silent) this.#ask(channel);
		}
		this.#tellAll();
	}

	#tellAll(): void {
		for (const channel of this.#channels.values()) channel.tell(this.#surroundings());
	}

	#surroundings(): Surroundings {
		return {
			link: this.#link === "idle" ? "connecting" : this.#link,
			error: this.#error,
			now: this.serverNow(),
			heartbeatMs: this.#heartbeatMs,
		};
	}

	#after(ms: number, what: () => void): void {
		const timer = setTimeout(() => {
			this.#timers.delete(timer);
			what();
		}, ms);
		this.#timers.add(timer);
	}
}
