/**
 * The sockets, as the manager speaks to them. Nothing is sent as volatile in Socket.IO's sense, which drops the second of
 * two messages of one turn; instead the manager asks for how long a connection has taken nothing and leaves it out.
 */

import type { Port } from "./connection-manager.ts";
import type { IoConnection, IoServer, IoSocket } from "./sockets.ts";

/** How long a farewell may take to be written before the socket is cut, ms. */
const FAREWELL_MS = 1_000;

export class SocketPort implements Port {
	readonly #server: () => IoServer;
	/** Since when a transport has been seen not to take anything; namespaces of a client share one. */
	readonly #stalledSince = new WeakMap<IoConnection, { at: number }>();

	constructor(server: () => IoServer) {
		this.#server = server;
	}

	send(namespace: string, connections: readonly string[], event: string, payload: unknown): void {
		// No rooms would be everybody.
		if (connections.length === 0) return;
		const only = connections.length === 1 ? this.#socket(namespace, connections[0] as string) : undefined;
		if (only) only.emit(event, payload);
		else
			this.#server()
				.of(namespace)
				.to([...connections])
				.emit(event, payload);
	}

	stalledMs(namespace: string, connection: string): number {
		const socket = this.#socket(namespace, connection);
		if (!socket || socket.conn.transport.writable) return 0;
		let since = this.#stalledSince.get(socket.conn);
		if (!since) {
			since = { at: 0 };
			const progress = since;
			this.#stalledSince.set(socket.conn, progress);
			socket.conn.transport.on("ready", () => {
				progress.at = 0;
			});
		}
		const now = performance.now();
		since.at ||= now;
		return now - since.at;
	}

	close(namespace: string, connection: string, returns: boolean): void {
		const socket = this.#socket(namespace, connection);
		if (!socket) return;
		// A client whose server says "disconnect" stays away; one that loses its transport comes back by itself.
		if (returns) socket.conn.close();
		else socket.disconnect(true);
		const { transport } = socket.conn;
		setTimeout(() => transport.socket.terminate(), FAREWELL_MS).unref();
	}

	#socket(namespace: string, connection: string): IoSocket | undefined {
		return this.#server().of(namespace).sockets.get(connection);
	}
}
