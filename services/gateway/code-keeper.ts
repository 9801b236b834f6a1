/**
 * Sees to it that the gateway knows the codes before anybody scans them: it reads all of them at the start and again
 * now and then, which also mends what a lost broadcast left wrong, and keeps a snapshot in the data folder, so that a
 * gateway that starts while nobody can be asked redirects all the same.
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
	/** Between two readings of all codes, ms. @defaultValue 60,000 */
	readonly everyMs?: number;
	/** Until it is tried again to read them, ms. @defaultValue 1,000 */
	readonly retryMs?: number;
}

/** Codes of one answer: those with many rules are some kilobytes each, and a message holds 1 MB. */
const PAGE = 100;

export class CodeKeeper {
	readonly #options: Required<CodeKeeperOptions>;
	readonly #stopping = new AbortController();
	#keeping: Promise<void> = Promise.resolve();

	constructor(options: CodeKeeperOptions) {
		this.#options = { everyMs: 60_000, retryMs: 1_000, ...options };
	}

	/** Resolves when the snapshot of an earlier start has been read; the rest goes on beside. */
	async start(): Promise<void> {
		for await (const code of readSnapshot(this.#options.snapshot)) this.#options.codes.restore(code);
		this.#keeping = this.#keep();
	}

	async stop(): Promise<void> {
		this.#stopping.abort();
		await this.#keeping;
	}

	async #keep(): Promise<void> {
		const { codes, snapshot, everyMs, retryMs } = this.#options;
		const { signal } = this.#stopping;
		while (!signal.aborted) {
			const read = await this.#readAll();
			if (read) await writeSnapshot(snapshot, codes.codes());
			await delay(read ? everyMs : retryMs, undefined, { signal, ref: false }).catch(() => undefined);
		}
	}

	/** False when they could not all be read. */
	async #readAll(): Promise<boolean> {
		const { codes, routes } = this.#options;
		try {
			let after: string | undefined;
			do {
				const page = await routes({ after, limit: PAGE });
				if (this.#stopping.signal.aborted) return false;
				if (!page.codes.every((code) => codes.fill(code))) return true;
				after = page.next ?? undefined;
			} while (after !== undefined);
			return true;
		} catch {
			return false;
		}
	}
}
