/**
 * Keeps the salts of the days around now, in memory and in a file. They are asked for again before a day begins that has
 * none, so that midnight needs nobody; while nobody can be asked, those held go on until they must be destroyed.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { Salt } from "../../../contracts/account.ts";
import { livingSalts, readSalts, writeSalts } from "./salt-file.ts";
import { Salts } from "./visitor.ts";

export interface SaltKeeperOptions {
	/** Asks the accounts actor. */
	readonly ask: () => Promise<readonly Salt[]>;
	/** Path of the file in which they are kept. */
	readonly file: string;
	/** How often they are asked for, ms. @defaultValue 600,000 */
	readonly everyMs?: number;
	/** How often until they were had, ms. @defaultValue 500 */
	readonly retryMs?: number;
	/** Epoch ms. @defaultValue the clock */
	readonly now?: () => number;
}

const DAY_MS = 86_400_000;

export class SaltKeeper {
	readonly salts = new Salts();
	readonly #options: Required<SaltKeeperOptions>;
	readonly #first = Promise.withResolvers<void>();
	readonly #stopping = new AbortController();
	#keeping: Promise<void> = Promise.resolve();
	/** What the file holds, as far as it is known. */
	#kept: string | undefined;

	constructor(options: SaltKeeperOptions) {
		this.#options = { everyMs: 10 * 60_000, retryMs: 500, now: Date.now, ...options };
	}

	/** Resolves when those of an earlier start were read; the rest goes on beside. */
	async start(): Promise<void> {
		await this.#hold(await readSalts(this.#options.file));
		this.#keeping = this.#keep();
	}

	async stop(): Promise<void> {
		this.#stopping.abort();
		await this.#keeping;
	}

	/** Resolves when salts are held, or after `patienceMs`. */
	async held(patienceMs: number): Promise<void> {
		const waiting = new AbortController();
		const timer = delay(patienceMs, undefined, { signal: waiting.signal }).catch(() => undefined);
		await Promise.race([this.#first.promise, timer]);
		waiting.abort();
	}

	async #keep(): Promise<void> {
		const { ask, everyMs, retryMs, now } = this.#options;
		const { signal } = this.#stopping;
		while (!signal.aborted) {
			// A day whose salt could not be had borrows another's meanwhile.
			const answer = await ask().catch(() => []);
			await this.#hold(answer.length > 0 ? answer : this.salts.all());
			const enough = answer.length > 0 && this.salts.covers(now()) && this.salts.covers(now() + DAY_MS);
			await delay(enough ? everyMs : retryMs, undefined, { signal, ref: false }).catch(() => undefined);
		}
	}

	/** From now on these are the salts, without those whose time is over; the file is made to say the same. */
	async #hold(salts: readonly Salt[]): Promise<void> {
		const { file, now } = this.#options;
		const living = livingSalts(salts, now());
		this.salts.replace(living);
		if (living.length > 0) this.#first.resolve();
		const text = JSON.stringify(living);
		if (text === this.#kept) return;
		await writeSalts(file, living);
		this.#kept = text;
	}
}
