/**
 * A realtime server for tests of the client: a real Socket.IO server on a port of its own that speaks the contract and
 * does only what a test tells it, so that a test can make it skip, stall, say goodbye or go away.
 */
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type Socket } from "socket.io";
import type { AnalyticsUpdate, PositionBeat, SubscribeReply, SubscribeRequest, Update } from "../../contracts/live.ts";

export interface Asking extends SubscribeRequest {
	readonly socket: Socket;
}

export interface Peer {
	readonly url: string;
	readonly port: number;
	/** Every subscription asked for, oldest first. */
	readonly asked: Asking[];
	readonly unsubscribed: string[];
	/** Sockets that are connected now. */
	readonly sockets: Set<Socket>;
	/** What the next subscriptions are answered; by default a snapshot of `scans`. undefined leaves them unanswered. */
	answer: (request: Asking) => SubscribeReply | undefined;
	update(update: Partial<Update<AnalyticsUpdate>> & { from: string; offset: string; scans?: number }): void;
	beat(beat: Partial<PositionBeat> & { from: string; offset: string }): void;
	emit(event: string, data: unknown): void;
	stop(): Promise<void>;
}

export interface PeerOptions {
	readonly port?: number;
	readonly heartbeatMs?: number;
	/** What the server's clock is ahead of this machine's, ms. */
	readonly clockAheadMs?: number;
	/** Refuses connections with this code. */
	readonly refuse?: string;
}

export const EPOCH = "epoch-1";

/** Counts in the shape of an analytics snapshot. */
export function counts(scans: number, minute = "2026-01-01T00:00:00.000Z") {
	const all = { scans, visitors: scans, bots: 0 };
	return { total: all, today: all, minute: { at: minute, scans } };
}

/** An answer that gives a snapshot at `offset`. */
export function snapshotAt(offset: string, scans: number): (request: Asking) => SubscribeReply {
	return ({ channel, since }) => ({
		ok: true,
		channel,
		epoch: EPOCH,
		offset,
		recovered: since !== undefined,
		snapshot: counts(scans),
	});
}

export async function startPeer(options: PeerOptions = {}): Promise<Peer> {
	const { heartbeatMs = 60_000, clockAheadMs = 0, refuse } = options;
	const http: HttpServer = createServer();
	const io = new Server(http, { transports: ["websocket"] });
	const now = () => new Date(Date.now() + clockAheadMs).toISOString();
	await new Promise<void>((resolve) => http.listen(options.port ?? 0, "127.0.0.1", resolve));
	const { port } = http.address() as AddressInfo;

	const peer: Peer = {
		url: `http://127.0.0.1:${port}`,
		port,
		asked: [],
		unsubscribed: [],
		sockets: new Set(),
		answer: snapshotAt("1", 10),
		update({ scans = 0, ...update }) {
			const data = { ...counts(scans), delta: { scans: 1, visitors: 1, bots: 0, by: {} } };
			peer.emit("update", { channel: "org", epoch: EPOCH, at: now(), data, ...update });
		},
		beat(beat) {
			peer.emit("position", { channel: "org", epoch: EPOCH, verifiedAt: now(), behindMs: 0, ...beat });
		},
		emit(event, data) {
			for (const socket of peer.sockets) socket.emit(event, data);
		},
		stop: () => new Promise<void>((resolve) => io.close(() => resolve())),
	};

	for (const namespace of ["/analytics", "/scans"]) {
		io.of(namespace).use((_socket, next) => {
			next(refuse ? Object.assign(new Error("refused"), { data: { code: refuse } }) : undefined);
		});
		io.of(namespace).on("connection", (socket) => {
			peer.sockets.add(socket);
			socket.on("disconnect", () => peer.sockets.delete(socket));
			socket.on("subscribe", (request: SubscribeRequest, ack: (reply: SubscribeReply) => void) => {
				const asking = { ...request, socket };
				peer.asked.push(asking);
				const reply = peer.answer(asking);
				if (reply) ack(reply);
			});
			socket.on("unsubscribe", ({ channel }: { channel: string }, ack: (reply: object) => void) => {
				peer.unsubscribed.push(channel);
				ack({ ok: true });
			});
			socket.emit("welcome", { connectionId: socket.id, node: "peer", heartbeatMs, serverTime: now() });
		});
	}
	return peer;
}
