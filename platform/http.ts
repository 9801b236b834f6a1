/**
 * The HTTP servers of a process. Gateway and realtime attach to them, so that in one process they share one port and one
 * origin; the process opens them when every actor has started and closes them before the actors stop.
 */

import type { IncomingMessage, Server, ServerResponse } from "node:http";

/** Answers a request and returns true, or returns false to leave it to the next. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface HttpHost {
	/** Adds a handler to the main server; handlers are asked in the order of their addition. */
	handle(handler: RequestHandler): void;
	/** The server that Socket.IO attaches to: the main one, or one of its own on REALTIME_PORT. */
	realtimeServer(): Server;
	/** Starts to listen; the address of the main server, such as `http://127.0.0.1:3000`. */
	listen(): Promise<string>;
	/** What QR codes encode, without a trailing slash; known once `listen` has resolved. */
	publicUrl(): string;
	/** From now on no new requests are taken, and open ones end; resolves when they have, or after `graceMs`. */
	drain(graceMs: number): Promise<void>;
}
