/**
 * Calls into a worker thread. The embedded parts run their SQLite files there, so that no commit and no query holds up a
 * redirect. Calls are answered in the order in which the worker finishes them; errors keep their code and data.
 */

import { parentPort, type Transferable, Worker } from "node:worker_threads";
import { CodedError, codeOf, dataOf } from "../contracts/errors.ts";

/** What a worker offers: each method takes one argument that survives structured cloning. */
export type WorkerMethods = Record<string, (argument: never) => unknown>;

type Argument<M extends WorkerMethods, K extends keyof M> = Parameters<M[K]>[0];
type Answer<M extends WorkerMethods, K extends keyof M> = Awaited<ReturnType<M[K]>>;

interface Request {
	readonly id: number;
	readonly method: string;
	readonly argument: unknown;
}

interface Reply {
	readonly id: number;
	readonly value?: unknown;
	readonly error?: {
		readonly message: string;
		readonly type?: string;
		readonly data?: unknown;
		readonly stack?: string;
	};
}

/** The caller's side of a worker; owns the thread from construction to `close`. */
export class WorkerClient<M extends WorkerMethods> {
	readonly #worker: Worker;
	readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
	#next = 0;
	#failure: Error | undefined;

	/**
	 * @param script the worker's module, which calls `serveWorker`
	 * @param options handed to the worker as `workerData`
	 */
	constructor(script: URL, options: unknown) {
		this.#worker = new Worker(script, { workerData: options });
		this.#worker.on("message", (reply: Reply) => this.#settle(reply));
		this.#worker.on("error", (error) => this.#fail(error as Error));
		this.#worker.on("exit", () => this.#fail(new CodedError("unavailable", "The worker thread has ended")));
	}

	/**
	 * @throws what the method threw, with code and data; `unavailable` when the thread has ended.
	 */
	call<K extends keyof M & string>(
		method: K,
		argument: Argument<M, K>,
		transfer: readonly Transferable[] = [],
	): Promise<Answer<M, K>> {
		if (this.#failure) return Promise.reject(this.#failure);
		const id = ++this.#next;
		return new Promise((resolve, reject) => {
			this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
			this.#worker.postMessage({ id, method, argument } satisfies Request, transfer);
		});
	}

	/** Ends the thread; what was not answered is refused. Ask the worker to close its files first. */
	async close(): Promise<void> {
		await this.#worker.terminate();
	}

	#settle(reply: Reply): void {
		const waiting = this.#waiting.get(reply.id);
		this.#waiting.delete(reply.id);
		if (!waiting) return;
		if (!reply.error) {
			waiting.resolve(reply.value);
			return;
		}
		const code = codeOf(reply.error);
		waiting.reject(
			code
				? new CodedError(code, reply.error.message, dataOf(reply.error))
				: Object.assign(new Error(reply.error.message), { stack: reply.error.stack }),
		);
	}

	#fail(error: Error): void {
		this.#failure ??= error;
		for (const { reject } of this.#waiting.values()) reject(this.#failure);
		this.#waiting.clear();
	}
}

/** The worker's side: answers calls with the given methods, which may be asynchronous. */
export function serveWorker(methods: WorkerMethods): void {
	const port = parentPort;
	if (!port) throw new Error("serveWorker runs in a worker thread only");
	port.on("message", async ({ id, method, argument }: Request) => {
		try {
			const handler = methods[method] as ((argument: unknown) => unknown) | undefined;
			if (!handler) throw new Error(`No method ${method} in this worker`);
			const value = await handler(argument);
			port.postMessage({ id, value } satisfies Reply);
		} catch (error) {
			const { message, stack } = error as Error;
			port.postMessage({
				id,
				error: { message, stack, type: codeOf(error), data: codeOf(error) && dataOf(error) },
			} satisfies Reply);
		}
	});
}
