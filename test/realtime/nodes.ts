/*
 * A live node without sockets and brokers: what it sends goes straight to listeners, announcements come as a test lets
 * them through, and readings take as long and fail as often as it says.
 */
import type { Credential } from "../../contracts/account.ts";
import type { AnalyticsUpdate, FeedUpdate, PositionBeat, SubscribeReply, Update } from "../../contracts/live.ts";
import { LiveNode } from "../../services/realtime/live-node.ts";
import { DEFAULT_OPTIONS, type RealtimeOptions } from "../../services/realtime/options.ts";
import type { CountsListener, FeedListener } from "./listener.ts";
import { ORGANISATION, type Truth } from "./truth.ts";

type AnyListener = CountsListener | FeedListener;

const CREDENTIAL: Credential = { kind: "key", id: "key", organisation: ORGANISATION, scopes: ["analytics:read"] };

export class DirectNode {
	readonly live: LiveNode;
	/** Readings fail while it is set. */
	unreadable = false;
	/** How long the answer to a reading is on its way, ms: it was true when it left. */
	readingMs = 0;
	/** So many readings are answered as they were the last time, as by a store that lags. */
	oldReadings = 0;
	/** Connections that take nothing. */
	readonly stalled = new Set<string>();
	readonly #listeners = new Map<string, { channel: string; listener: AnyListener }>();
	#next = 0;

	constructor(name: string, truth: Truth, options: Partial<RealtimeOptions> = {}) {
		const before = new Map<string, unknown>();
		const read = async <T>(key: string, reading: () => T): Promise<T> => {
			if (this.unreadable) throw new Error("The store is away");
			const old = this.oldReadings > 0 ? (before.get(key) as T | undefined) : undefined;
			if (old) this.oldReadings--;
			const value = old ?? reading();
			before.set(key, value);
			if (this.readingMs > 0) await new Promise((resolve) => setTimeout(resolve, this.readingMs));
			return value;
		};
		this.live = new LiveNode({
			node: name,
			heartbeatMs: 200,
			options: { ...DEFAULT_OPTIONS, ...options },
			port: {
				send: (_namespace, connections, event, payload) => {
					for (const id of connections) this.#deliver(id, event, payload);
				},
				stalledMs: (_namespace, id) => (this.stalled.has(id) ? 1_000 : 0),
				close: () => undefined,
			},
			admission: { allowedOrigins: () => [], administratorOf: () => null, prove: async () => CREDENTIAL },
			sources: {
				state: (_organisation, code) => read(`state ${code}`, () => truth.state(code)),
				feed: (_organisation, code, limit) => read(`feed ${code}`, () => truth.feed(code, limit)),
				jobs: async () => [],
				health: async () => ({}),
				ledger: async () => ({}),
				hasCode: async () => true,
				failed: () => undefined,
				missed: () => undefined,
			},
			tellPresence: () => undefined,
		});
		this.live.start();
	}

	/** Subscribes a listener, from where it is, over a connection of its own. */
	join(namespace: string, channel: string, listener: AnyListener): { connection: string; answered: Promise<boolean> } {
		const connection = `connection-${++this.#next}`;
		this.live.connections.connect(connection, namespace, CREDENTIAL);
		this.#listeners.set(connection, { channel, listener });
		return { connection, answered: this.again(connection) };
	}

	/** Subscribes a connection's listener again, from where it is. @returns whether it was answered with a state */
	async again(id: string): Promise<boolean> {
		const { channel, listener } = this.#listeners.get(id) as { channel: string; listener: AnyListener };
		let ok = false;
		await this.live.connections.subscribe(id, { channel, since: listener.place }, (reply: SubscribeReply) => {
			ok = reply.ok;
			if (reply.ok) listener.subscribed(reply);
		});
		return ok;
	}

	leave(id: string): void {
		this.#listeners.delete(id);
		this.stalled.delete(id);
		this.live.connections.ended(id);
	}

	stop(): void {
		this.live.stop();
	}

	#deliver(id: string, event: string, payload: unknown): void {
		const listener = this.#listeners.get(id)?.listener;
		if (event === "update") listener?.update(payload as Update<AnalyticsUpdate & FeedUpdate>);
		if (event === "position") listener?.position(payload as PositionBeat);
	}
}
