/**
 * Transactions in one long-lived session. They run one after the other; one that met another is begun again, a commit
 * whose end is unknown is committed again, both for a bounded time. When MongoDB is away they fail as such.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { Binary, ClientSession, MongoClient } from "mongodb";
import { TRANSACTION } from "./mongo-connection.ts";
import { isAway, isCommitUnknown, isDuplicateKey, isTransient } from "./mongo-errors.ts";

export interface TransactionOptions {
	/**
	 * How long a transaction that meets others is begun again, ms.
	 * @defaultValue 5_000
	 */
	readonly retryMs?: number;
	/**
	 * How long a commit whose end is unknown is committed again, ms.
	 * @defaultValue 8_000
	 */
	readonly commitMs?: number;
}

const FIRST_PAUSE_MS = 4;
const LONGEST_PAUSE_MS = 200;

export class TransactionSession {
	readonly #session: ClientSession;
	readonly #retryMs: number;
	readonly #commitMs: number;
	#last: Promise<unknown> = Promise.resolve();

	constructor(client: MongoClient, options: TransactionOptions = {}) {
		this.#session = client.startSession({ causalConsistency: false });
		this.#retryMs = options.retryMs ?? 5_000;
		this.#commitMs = options.commitMs ?? 8_000;
	}

	/** The id under which the server knows the session: whoever ends it ends what is open in it. */
	get id(): Binary {
		const id = this.#session.id?.id;
		if (!id) throw new Error("The session has no id");
		return id;
	}

	/**
	 * Runs `body` and commits what it wrote, after the transactions before it. `body` may run several times: whatever it
	 * remembers it must remember anew.
	 *
	 * @param kept called after the commit, before the next transaction begins; without it everything is taken back
	 */
	run<T>(body: (session: ClientSession) => Promise<T>, kept?: () => void): Promise<T> {
		const turn = this.#last.then(async () => {
			const result = await this.#repeat(body, kept !== undefined);
			kept?.();
			return result;
		});
		this.#last = turn.then(
			() => undefined,
			() => this.#abort(),
		);
		return turn;
	}

	async close(): Promise<void> {
		await this.#last;
		await this.#session.endSession();
	}

	async #repeat<T>(body: (session: ClientSession) => Promise<T>, keep: boolean): Promise<T> {
		const deadline = performance.now() + this.#retryMs;
		for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
			try {
				return await this.#once(body, keep);
			} catch (error) {
				// A key that came to be there meanwhile is seen by the next look-up.
				if (!isTransient(error) && !isDuplicateKey(error)) throw error;
				if (performance.now() >= deadline) throw error;
				await this.#abort();
				await delay(pause * (0.5 + Math.random()));
			}
		}
	}

	async #once<T>(body: (session: ClientSession) => Promise<T>, keep: boolean): Promise<T> {
		this.#session.startTransaction(TRANSACTION);
		const result = await body(this.#session);
		if (keep) await this.#commit();
		else await this.#abort();
		return result;
	}

	async #commit(): Promise<void> {
		const deadline = performance.now() + this.#commitMs;
		for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
			try {
				return await this.#session.commitTransaction();
			} catch (error) {
				const unknown = isCommitUnknown(error) || isAway(error);
				if (!unknown || performance.now() >= deadline) throw error;
				await delay(pause);
			}
		}
	}

	/** What was open is taken back; a server that is away takes it back by itself. Never fails. */
	async #abort(): Promise<void> {
		if (!this.#session.inTransaction()) return;
		await this.#session.abortTransaction().catch(() => undefined);
	}
}
