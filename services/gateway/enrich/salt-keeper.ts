/**
 * Keeps the salts of the days around now in memory. They are asked for again before a day begins that has none, so that
 * midnight needs nobody; while nobody can be asked, the newest one held goes on.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { Salt } from "../../../contracts/account.ts";
import { Salts } from "./visitor.ts";

/** How often they are asked for, ms, and how often until they were had. */
const EVERY_MS = 10 * 60_000;
const RETRY_MS = 500;
const DAY_MS = 86_400_000;

export class SaltKeeper {
	readonly salts = new Salts();
	readonly #ask: () => Promise<readonly Salt[]>;
	readonly #first = Promise.withResolvers<void>();
	readonly #stopping = new AbortController();

	constructor(ask: () => Promise<readonly Salt[]>) {
		this.#ask = ask;
	}

	start(): void {
		void this.#keep();
	}

	stop(): void {
		this.#stopping.abort();
	}

	/** Resolves when salts are held, or after `patienceMs`. */
	async held(patienceMs: number): Promise<void> {
		const waiting = new AbortController();
		const timer = delay(patienceMs, undefined, { signal: waiting.signal }).catch(() => undefined);
		await Promise.race([this.#first.promise, timer]);
		waiting.abort();
	}

	async #keep(): Promise<void> {
		const { signal } = this.#stopping;
		while (!signal.aborted) {
			try {
				this.salts.replace(await this.#ask());
				if (this.salts.held) this.#first.resolve();
			} catch {
				// Asked again soon; a day whose salt is missing borrows another's meanwhile.
			}
			const enough = this.salts.covers(Date.now()) && this.salts.covers(Date.now() + DAY_MS);
			await delay(enough ? EVERY_MS : RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
		}
	}
}
