/** What this actor uses of the Socket.IO server that moleculer-io brings: small, so that it is clear how little that is. */

import type { IncomingHttpHeaders, Server } from "node:http";

export interface IoSocket {
	readonly id: string;
	readonly nsp: { readonly name: string };
	readonly handshake: { readonly auth: Record<string, unknown>; readonly headers: IncomingHttpHeaders };
	/** The connection that the namespaces of a client share. */
	readonly conn: IoConnection;
	emit(event: string, payload: unknown): boolean;
	/** @param close the connection too */
	disconnect(close?: boolean): void;
	use(middleware: (event: [string, ...unknown[]], next: () => void) => void): void;
	on(event: "disconnect", listener: () => void): void;
}

export interface IoConnection {
	readonly transport: {
		readonly writable: boolean;
		readonly socket: { terminate(): void };
		on(event: "ready", listener: () => void): void;
	};
	/** Closes when what waits to be sent has been. */
	close(): void;
}

interface IoNamespace {
	readonly sockets: ReadonlyMap<string, IoSocket>;
	to(rooms: string[]): { emit(event: string, payload: unknown): boolean };
	use(middleware: (socket: IoSocket, next: (error?: Error) => void) => void): void;
	on(event: "connection", listener: (socket: IoSocket) => void): void;
}

export interface IoServer {
	of(namespace: string): IoNamespace;
}

/** What the mixin adds to the service. */
export interface IoMixed {
	io: IoServer;
	initSocketIO(server: Server, options: Record<string, unknown>): void;
}
