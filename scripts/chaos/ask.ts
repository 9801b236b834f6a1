/*
 * HTTP as a client on the street does it: connections are kept, an answer that does not come in time is given up, and one
 * that was cut off is none.
 */
import { Agent, type IncomingHttpHeaders, request } from "node:http";

export interface Reply {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
}

export interface Question {
	readonly method: "GET" | "HEAD" | "POST";
	readonly path: string;
	readonly headers?: Readonly<Record<string, string>>;
	/** Sent as JSON. */
	readonly body?: unknown;
}

/** Every gateway knows a new code so soon, also one that has only just joined and was not told of it, ms. */
export const KNOWN_EVERYWHERE_MS = 1_000;
const ANSWER_TIMEOUT_MS = 5_000;
/** Enough for those who wait for one gateway that stands still while the others are served. */
const CONNECTIONS = 256;

export class Caller {
	readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
	readonly #url: string;
	readonly #key: string;
	readonly #timeoutMs: number;

	/** @param timeoutMs how long an answer is waited for */
	constructor(url: string, key: string, timeoutMs = ANSWER_TIMEOUT_MS) {
		this.#url = url;
		this.#key = key;
		this.#timeoutMs = timeoutMs;
	}

	/**
	 * @throws Error when no whole answer came: nobody knows what was done, unless its code is `ECONNREFUSED`, which says that
	 * nobody was there
	 */
	ask({ method, path, headers = {}, body }: Question): Promise<Reply> {
		const text = body === undefined ? undefined : JSON.stringify(body);
		const all = {
			...headers,
			...(text !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
			...(path.startsWith("/api/") && { authorization: `Bearer ${this.#key}` }),
		};
		return new Promise((resolve, reject) => {
			const options = { method, agent: this.#agent, headers: all, timeout: this.#timeoutMs };
			const outgoing = request(`${this.#url}${path}`, options, (incoming) => {
				const chunks: Buffer[] = [];
				incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
				incoming.on("end", () => {
					const { statusCode = 0, headers: got } = incoming;
					resolve({ status: statusCode, headers: got, body: Buffer.concat(chunks).toString() });
				});
				incoming.on("error", reject);
				// A server killed in the middle of an answer leaves it without an end.
				incoming.on("close", () => reject(new Error("cut off")));
			});
			outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in time")));
			outgoing.on("error", reject);
			outgoing.end(text);
		});
	}

	/** The body of a success. @throws Error with what was said otherwise */
	async json<T>(method: "GET" | "POST", path: string, body?: unknown): Promise<T> {
		const reply = await this.ask({ method, path, body });
		if (reply.status >= 300) throw new Error(`${method} ${path} was answered ${reply.status}: ${reply.body}`);
		return JSON.parse(reply.body) as T;
	}

	close(): void {
		this.#agent.destroy();
	}
}
