/*
 * Batches posted over a few connections, each as soon as the last was answered; one that is asked to wait is sent again.
 * Each time all have been sent they begin anew, with other visitors: three scans of four are of somebody not seen before.
 */
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { makeRequests, TURN } from "./requests.ts";
import { KEY } from "./subjects.ts";

const CONNECTIONS = 8;
const WAIT_MS = 100;

export interface PoolOptions {
	readonly url: string;
	readonly slugs: readonly string[];
	/** Scans of one request. */
	readonly batch: number;
	/** Scans to be accepted. */
	readonly total: number;
}

export class Pool {
	accepted = 0;
	refused = 0;
	done = false;
	/** How long it took until all were accepted, s. */
	seconds = 0;
	readonly finished: Promise<void>;
	readonly #options: PoolOptions;
	readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
	readonly #bodies: readonly Body[];
	#sent = 0;

	constructor(options: PoolOptions) {
		this.#options = options;
		this.#bodies = makeRequests({ kind: "batches", key: KEY, ...options }).map(bodyOf);
		this.finished = this.#run();
		this.finished.catch(() => {
			this.done = true;
		});
	}

	async #run(): Promise<void> {
		const begin = performance.now();
		await Promise.all(Array.from({ length: CONNECTIONS }, () => this.#post()));
		this.seconds = (performance.now() - begin) / 1_000;
		this.done = true;
		this.#agent.destroy();
	}

	async #post(): Promise<void> {
		const { total, batch } = this.#options;
		while (this.#sent * batch < total) {
			const turn = Math.floor(this.#sent / this.#bodies.length);
			const body = ofTurn(this.#bodies[this.#sent++ % this.#bodies.length] as Body, turn);
			for (;;) {
				const status = await this.#send(body);
				if (status === 202) break;
				if (status !== 503 && status !== 429) throw new Error(`A batch was answered ${status}`);
				this.refused++;
				await delay(WAIT_MS);
			}
			this.accepted += batch;
		}
	}

	#send(body: Buffer): Promise<number> {
		const headers = {
			authorization: `Bearer ${KEY}`,
			"content-type": "application/json",
			"content-length": body.length,
		};
		const options = { method: "POST", agent: this.#agent, headers };
		return new Promise((resolve, reject) => {
			const outgoing = request(new URL("/api/v1/scans/batch", this.#options.url), options, (incoming) => {
				incoming.resume();
				incoming.once("end", () => resolve(incoming.statusCode ?? 0));
			});
			outgoing.once("error", reject);
			outgoing.end(body);
		});
	}
}

interface Body {
	readonly bytes: Buffer;
	/** Where the turn is written in it. */
	readonly turns: readonly number[];
}

const MARK = Buffer.from(TURN);

function bodyOf(request: Buffer): Body {
	const bytes = request.subarray(request.indexOf("\r\n\r\n") + 4);
	const turns: number[] = [];
	for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + MARK.length)) turns.push(at);
	return { bytes, turns };
}

function ofTurn({ bytes, turns }: Body, turn: number): Buffer {
	const mark = Buffer.from(`turn-${String(turn).padStart(MARK.length - "turn-".length, "0")}`);
	const fresh = Buffer.from(bytes);
	for (const at of turns) mark.copy(fresh, at);
	return fresh;
}
