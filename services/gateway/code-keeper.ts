/**
 * Sees to it that the gateway knows the codes before anybody scans them: it reads all of them at the start, then every
 * few seconds those that changed, which mends what a lost broadcast left wrong, and keeps a snapshot in the data folder,
 * so that a gateway that starts while nobody can be asked redirects all the same.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { Params, Result } from "../../contracts/actions.ts";
import type { CodeDirectory } from "./code-directory.ts";
import { readSnapshot, writeSnapshot } from "./code-snapshot.ts";

export interface CodeKeeperOptions {
	readonly codes: CodeDirectory;
	/** Path of the snapshot file. */
	readonly snapshot: string;
	/** Asks the codes actor. */
	readonly routes: (params: Params<"codes.routes">) => Promise<Result<"codes.routes">>;
	/** Between two readings of what changed, ms. @defaultValue 4,000 */
	readonly changesEveryMs?: number;
	/** Between two readings of all codes, ms. @defaultValue 600,000 */
	readonly everyMs?: number;
	/** Until it is tried again to read them, ms. @defaultValue 1,000 */
	readonly retryMs?: number;
	/** Longest that a start waits for the first reading, ms. @defaultValue 2,000 */
	readonly patienceMs?: number;
}

/** Codes of one answer: those with many rules are some kilobytes each, and a message holds 1 MB. */
const PAGE = 100;
/** After a start, or when others joined, broadcasts may go past for a moment: so long changes are read often, ms. */
const EAGER_MS = 5_000;
const EAGER_EVERY_MS = 500;
/**
 * How far a reading of changes reaches back before the last one, ms: an edit is dated before it is committed, by the clock
 * of whichever process made it.
 */
const OVERLAP_MS = 15_000;
/** Readings may fail for so long before the gateway no longer trusts to know every code, ms. */
const TRUSTED_MS = 15_000;
/** A snapshot is written again after so many times what the last one took, so that large ones are written seldom. */
const WRITING_SHARE = 50;

export class CodeKeeper {
	readonly #options: Required<CodeKeeperOptions>;
	readonly #stopping = new AbortController();
	readonly #readOnce = Promise.withResolvers<void>();
	#keeping: Promise<void> = Promise.resolve();
	/** From when on changes are asked for, epoch ms of the codes actor; undefined until all codes were read. */
	#since: number | undefined;
	#readAllAt = Number.NEGATIVE_INFINITY;
	#eagerUntil = Number.NEGATIVE_INFINITY;
	/** Ends the wait for the next reading. */
	#wake = new AbortController();
	/** False when there were more codes than there is room for. */
	#allFit = false;
	#written = -1;
	#writeAgainAt = Number.NEGATIVE_INFINITY;

	constructor(options: CodeKeeperOptions) {
		this.#options = { changesEveryMs: 4_000, everyMs: 600_000, retryMs: 1_000, patienceMs: 2_000, ...options };
	}

	/** Resolves when the snapshot and the codes were read, or these not in time; the rest goes on beside. */
	async start(): Promise<void> {
		const { snapshot, codes, patienceMs } = this.#options;
		for await (const code of readSnapshot(snapshot)) codes.restore(code);
		this.#keeping = this.#keep();
		await Promise.race([this.#readOnce.promise, delay(patienceMs, undefined, { ref: false })]);
	}

	/** Whoever tells of changes has just joined, or was out of reach: what it told meanwhile may not have come here. */
	mayHaveMissed(): void {
		this.#eagerUntil = performance.now() + EAGER_MS;
		this.#wake.abort();
	}

	async stop(): Promise<void> {
		this.#stopping.abort();
		this.#wake.abort();
		await this.#keeping;
		await this.#writeSnapshot();
	}

	async #keep(): Promise<void> {
		const { changesEveryMs, retryMs } = this.#options;
		const stopping = this.#stopping.signal;
		this.#eagerUntil = performance.now() + EAGER_MS;
		while (!stopping.aborted) {
			this.#wake = new AbortController();
			const read = await this.#read().catch(() => false);
			if (read) this.#readOnce.resolve();
			if (read && performance.now() >= this.#writeAgainAt) await this.#writeSnapshot();
			const eager = performance.now() < this.#eagerUntil;
			const waitMs = read ? Math.min(changesEveryMs, eager ? EAGER_EVERY_MS : changesEveryMs) : retryMs;
			if (stopping.aborted) return;
			await delay(waitMs, undefined, { signal: this.#wake.signal, ref: false }).catch(() => undefined);
		}
	}

	/** False when it was stopped. @throws when not all could be read. */
	async #read(): Promise<boolean> {
		const { codes, routes, everyMs } = this.#options;
		const all = this.#since === undefined || performance.now() - this.#readAllAt >= everyMs;
		const since = all ? undefined : this.#since;
		let allFit = true;
		let firstAt: number | undefined;
		let after: string | undefined;
		do {
			const page = await routes({ after, since, limit: PAGE });
			if (this.#stopping.signal.aborted) return false;
			firstAt ??= page.at;
			for (const code of page.codes) allFit = codes.fill(code) && allFit;
			after = allFit || !all ? (page.next ?? undefined) : undefined;
		} while (after !== undefined);
		this.#since = (firstAt as number) - OVERLAP_MS;
		if (all) this.#readAllAt = performance.now();
		this.#allFit = allFit && (all || this.#allFit);
		if (this.#allFit) codes.holdsAllFor(TRUSTED_MS);
		return true;
	}

	async #writeSnapshot(): Promise<void> {
		const { codes, snapshot } = this.#options;
		const { changes } = codes;
		// Before anything was heard, the file knows at least as much.
		if (changes === 0 || changes === this.#written) return;
		const begun = performance.now();
		await writeSnapshot(snapshot, codes.codes());
		const now = performance.now();
		this.#writeAgainAt = now + WRITING_SHARE * (now - begun);
		this.#written = changes;
	}
}
