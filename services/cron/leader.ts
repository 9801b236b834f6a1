/**
 * Leadership by a fenced lease: one node of the cluster runs the jobs. The lease is renewed well before it ends; a
 * leader that cannot renew stops at once, and what it still writes is refused by its fence.
 */

import type { Lease, Records } from "../../platform/records/records.ts";

export interface LeaderOptions {
	readonly records: Records;
	readonly lease: string;
	readonly holder: string;
	/** @defaultValue 9000 */
	readonly ttlMs?: number;
	/** How often the lease is renewed or tried for. @defaultValue 3000 */
	readonly everyMs?: number;
	/** Called when leadership begins, with a signal that ends it. */
	onElected(lease: Lease, signal: AbortSignal): void;
	onTrouble(error: unknown): void;
}

export class Leader {
	readonly #options: LeaderOptions;
	#timer: NodeJS.Timeout | undefined;
	#held: { lease: Lease; abort: AbortController; expiry: NodeJS.Timeout } | undefined;
	#turn: Promise<void> = Promise.resolve();
	#stopped = false;

	constructor(options: LeaderOptions) {
		this.#options = options;
		this.#schedule(0);
	}

	get isLeader(): boolean {
		return this.#held !== undefined;
	}

	/** Gives the lease back, so that another node takes over at once. */
	async stop(): Promise<void> {
		this.#stopped = true;
		clearTimeout(this.#timer);
		await this.#turn;
		const lease = this.#held?.lease;
		this.#resign();
		if (lease) await this.#options.records.release(lease).catch(this.#options.onTrouble);
	}

	#schedule(delayMs: number): void {
		this.#timer = setTimeout(() => {
			this.#turn = this.#renew().finally(() => {
				if (!this.#stopped) this.#schedule(this.#options.everyMs ?? 3_000);
			});
		}, delayMs);
	}

	async #renew(): Promise<void> {
		const { records, lease: name, holder, ttlMs = 9_000 } = this.#options;
		const askedAt = performance.now();
		try {
			const lease = await records.acquire(name, holder, ttlMs);
			if (!lease || (this.#held && this.#held.lease.fence !== lease.fence)) this.#resign();
			if (lease) this.#hold(lease, ttlMs - (performance.now() - askedAt));
		} catch (error) {
			this.#options.onTrouble(error);
		}
	}

	/** Counted from before the question was asked, so that the lease ends here no later than in the store. */
	#hold(lease: Lease, leftMs: number): void {
		clearTimeout(this.#held?.expiry);
		const expiry = setTimeout(() => this.#resign(), Math.max(0, leftMs));
		if (this.#held) {
			this.#held.expiry = expiry;
			return;
		}
		const abort = new AbortController();
		this.#held = { lease, abort, expiry };
		this.#options.onElected(lease, abort.signal);
	}

	#resign(): void {
		clearTimeout(this.#held?.expiry);
		this.#held?.abort.abort();
		this.#held = undefined;
	}
}
