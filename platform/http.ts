/**
 * The HTTP servers of a process. Gateway and realtime attach to them, so that in one process they share one port and one
 * origin; the process opens them when every actor has started and closes them before the actors stop.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, ListenOptions } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { type Config, ConfigError } from "./config.ts";

/** Answers a request and returns true, or returns false to leave it to the next. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface HttpHost {
	/** Adds a handler to the main server; handlers are asked in the order of their addition. */
	handle(handler: RequestHandler): void;
	/** The server that Socket.IO attaches to: the main one, or one of its own on REALTIME_PORT. */
	realtimeServer(): Server;
	/**
	 * Starts to listen on what was asked for; the address of the main server, such as `http://127.0.0.1:3000`, or of
	 * realtime's where only that is used, or an empty string where no actor of the process serves HTTP.
	 *
	 * @throws Error naming PORT or REALTIME_PORT and its value when it cannot be listened on.
	 */
	listen(): Promise<string>;
	/** What QR codes encode, without a trailing slash; known once `listen` has resolved. */
	publicUrl(): string;
	/** True from the beginning of `drain` on: readiness says so, and answers close their connection. */
	draining(): boolean;
	/**
	 * Ends: for `noticeMs` (0 unless given) requests are still served, so that readiness can be seen to have turned; then
	 * no new ones are taken and open ones end; resolves when they have, or after `graceMs`.
	 */
	drain(graceMs: number, noticeMs?: number): Promise<void>;
}

/** How long an idle connection is kept for its next request, ms; longer than usual proxies keep theirs. */
const KEEP_ALIVE_MS = 65_000;
/** How long a client may take for the head of a request, and for a whole one, ms. */
const HEADERS_MS = 15_000;
const REQUEST_MS = 60_000;
/**
 * Connections of one server, WebSockets among them; beyond, a new one is closed at once. One that nothing comes on costs
 * 12 KiB: what the process grew by, after a collection, for each of 8,000 and 16,000 that had asked once and were kept
 * alive (11–13 KiB; 3 of them V8's heap, nothing in buffers). A live screen's costs more, see docs/scaling.md.
 */
const MAX_CONNECTIONS = 20_000;
/** Connections that may wait to be accepted: a client that finds no place there tries again only after a second. */
const BACKLOG = 4_096;
/** How often a drain looks whether connections have become idle, ms. */
const DRAIN_LOOK_MS = 100;

type Settings = Pick<Config, "port" | "host" | "publicUrl" | "realtimePort" | "sharedPorts">;

/** Makes the servers of a process; nothing listens before `listen`. */
export function createHttpHost(config: Settings): HttpHost {
	return new Host(config);
}

class Host implements HttpHost {
	readonly #config: Settings;
	readonly #handlers: RequestHandler[] = [];
	readonly #main: Server;
	#realtime: Server | undefined;
	#open = 0;
	#draining = false;
	/** One function for all answers: each closes once. */
	readonly #closed = () => void this.#open--;

	constructor(config: Settings) {
		this.#config = config;
		this.#main = this.#createServer();
	}

	handle(handler: RequestHandler): void {
		this.#handlers.push(handler);
	}

	realtimeServer(): Server {
		const { port, realtimePort } = this.#config;
		this.#realtime ??= realtimePort === undefined || realtimePort === port ? this.#main : this.#createServer();
		return this.#realtime;
	}

	async listen(): Promise<string> {
		const { port, realtimePort = port } = this.#config;
		const usesMain = this.#handlers.length > 0 || this.#realtime === this.#main;
		const own = this.#realtime === this.#main ? undefined : this.#realtime;
		if (usesMain) await this.#listenOn(this.#main, "PORT", port);
		if (own) await this.#listenOn(own, "REALTIME_PORT", realtimePort);
		return usesMain ? this.#addressOf(this.#main) : own ? this.#addressOf(own) : "";
	}

	publicUrl(): string {
		const { publicUrl, port } = this.#config;
		return publicUrl ?? `http://localhost:${(this.#main.address() as AddressInfo | null)?.port ?? port}`;
	}

	draining(): boolean {
		return this.#draining;
	}

	async drain(graceMs: number, noticeMs = 0): Promise<void> {
		this.#draining = true;
		const servers = [...new Set([this.#main, this.#realtime ?? this.#main])].filter((server) => server.listening);
		if (noticeMs > 0 && servers.length > 0) await delay(noticeMs);
		for (const server of servers) server.close();
		const end = Date.now() + graceMs;
		// Counted by request, not by connection: a WebSocket stays open until the realtime actor says goodbye on it.
		while (this.#open > 0 && Date.now() < end) {
			for (const server of servers) server.closeIdleConnections();
			await delay(Math.min(DRAIN_LOOK_MS, Math.max(1, end - Date.now())));
		}
		for (const server of servers) server.closeAllConnections();
	}

	#createServer(): Server {
		const server = createServer({
			keepAlive: true,
			keepAliveTimeout: KEEP_ALIVE_MS,
			headersTimeout: HEADERS_MS,
			requestTimeout: REQUEST_MS,
			// Many small answers on one connection must not wait for each other's acknowledgement.
			noDelay: true,
		});
		server.maxConnections = MAX_CONNECTIONS;
		server.on("request", (request, response) => this.#dispatch(request, response));
		// A body that is too large is refused before the client is told to go on.
		server.on("checkContinue", (request, response) => this.#dispatch(request, response));
		server.on("clientError", refuseUnreadable);
		return server;
	}

	#dispatch(request: IncomingMessage, response: ServerResponse): void {
		this.#open++;
		response.on("close", this.#closed);
		if (this.#draining) response.setHeader("Connection", "close");
		try {
			for (const handler of this.#handlers) if (handler(request, response)) return;
			if (!response.headersSent) response.writeHead(404, { "Content-Length": 0 }).end();
		} catch (error) {
			// What a handler throws here is a defect; the connection of one request pays for it, not the process.
			process.emitWarning(error as Error);
			if (!response.headersSent) response.writeHead(500, { "Content-Length": 0 });
			response.end();
		}
	}

	#listenOn(server: Server, variable: string, port: number): Promise<void> {
		const options: ListenOptions = { port, host: this.#config.host, backlog: BACKLOG };
		if (this.#config.sharedPorts && process.platform === "linux") options.reusePort = true;
		return new Promise((resolve, reject) => {
			const refuse = (error: NodeJS.ErrnoException) => {
				const reason =
					error.code === "EADDRINUSE" ? "expected a free port, but another process listens on it" : error.message;
				reject(new ConfigError(`${variable} is ${port} (HOST is ${this.#config.host}): ${reason}`, { cause: error }));
			};
			server.once("error", refuse);
			server.listen(options, () => {
				server.off("error", refuse);
				resolve();
			});
		});
	}

	#addressOf(server: Server): string {
		const { host } = this.#config;
		return `http://${host.includes(":") ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`;
	}
}

/** Answers what is not HTTP, or too large or slow a head, without a request to answer to. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
	if (error.code === "ECONNRESET" || !socket.writable) {
		socket.destroy();
		return;
	}
	const status =
		error.code === "HPE_HEADER_OVERFLOW"
			? "431 Request Header Fields Too Large"
			: error.code === "ERR_HTTP_REQUEST_TIMEOUT"
				? "408 Request Timeout"
				: "400 Bad Request";
	socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
