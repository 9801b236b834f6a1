/**
 * Commits what the partitions of this node have read, one transaction at a time for all of them: batches grow with the
 * load, and latency stays that of one commit. A store that is away is waited for; a batch that fails for a lasting
 * reason is halved until the scan that nothing can store is alone, and that one becomes a dead letter.
 */

import { setTimeout as delay } from "node:timers/promises";
import { codeOf } from "../../contracts/errors.ts";
import type { IngestedPart, IngestPart, ScanStore } from "../../platform/store/scan-store.ts";
import type { PartitionOwner } from "./partition-owner.ts";
import { findRefused } from "./refused.ts";

export interface CommitterOptions {
	readonly store: ScanStore;
	/** The partitions of this node at the moment. */
	owners(): readonly PartitionOwner[];
	onCommitted(parts: readonly IngestedPart[], seconds: number): void;
	/** Called when a commit failed and is tried again. */
	onTrouble(error: unknown): void;
	/**
	 * Most scans of one transaction.
	 * @defaultValue 2000
	 */
	readonly maxScans?: number;
}

const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 1_000;

export class Committer {
	readonly #options: CommitterOptions;
	readonly #stop = new AbortController();
	readonly #done: Promise<void>;
	#wake: (() => void) | undefined;
	#woken = false;
	#first = 0;

	constructor(options: CommitterOptions) {
		this.#options = options;
		this.#done = this.#run();
	}

	/** Something was read: commit it as soon as the transaction under way has ended. */
	wake(): void {
		this.#woken = true;
		this.#wake?.();
	}

	/** Lets the transaction under way end and commits no more; what was read is still in the log. */
	async stop(): Promise<void> {
		this.#stop.abort();
		this.wake();
		await this.#done;
	}

	async #run(): Promise<void> {
		while (!this.#stop.signal.aborted) {
			const parts = this.#gather();
			if (parts.length > 0) await this.#commit(parts);
			else await this.#sleep();
		}
	}

	async #sleep(): Promise<void> {
		if (!this.#woken) {
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
		this.#woken = false;
		this.#wake = undefined;
	}

	/** Each transaction begins with another partition, so that a full one does not starve the rest. */
	#gather(): IngestPart[] {
		const owners = this.#options.owners();
		let room = this.#options.maxScans ?? 2_000;
		const parts: IngestPart[] = [];
		this.#first++;
		for (let i = 0; i < owners.length && room > 0; i++) {
			const part = owners[(this.#first + i) % owners.length]?.next(room);
			if (!part) continue;
			parts.push(part);
			room -= scansOf(part);
		}
		return parts;
	}

	async #commit(parts: readonly IngestPart[]): Promise<void> {
		let retryMs = FIRST_RETRY_MS;
		while (!this.#stop.signal.aborted) {
			try {
				return await this.#ingest(parts);
			} catch (error) {
				const code = codeOf(error);
				if (code === "claim_lost") return this.#restart(parts);
				if (code !== "unavailable") return await this.#split(parts, error);
				this.#options.onTrouble(error);
				await delay(retryMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
				retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
			}
		}
	}

	async #ingest(parts: readonly IngestPart[]): Promise<void> {
		const begin = performance.now();
		const ingested = await this.#options.store.ingest(parts);
		for (const part of parts) this.#ownerOf(part)?.committed(part);
		this.#options.onCommitted(ingested, (performance.now() - begin) / 1_000);
	}

	/** A lasting failure: partitions apart, then messages apart, then the scans of one message. */
	async #split(parts: readonly IngestPart[], error: unknown): Promise<void> {
		const [part] = parts;
		if (!part) return;
		this.#options.onTrouble(error);
		if (parts.length > 1) {
			for (const one of parts) await this.#commit([one]);
			return;
		}
		if (part.messages.length > 1) {
			// The second half is gathered again from where the first one ends.
			return this.#commit([{ ...part, messages: part.messages.slice(0, Math.ceil(part.messages.length / 2)) }]);
		}
		if (part.refused) {
			// Not the scans' fault after all: begin again, slowly.
			await delay(LAST_RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
			return this.#restart(parts);
		}
		const refused = await this.#findRefused(part);
		return refused ? this.#commit([{ ...part, refused }]) : this.#restart(parts);
	}

	/** Undefined when that cannot be found out now: the store went away, or another owner has the partition. */
	async #findRefused(part: IngestPart): Promise<Record<string, string> | undefined> {
		try {
			return await findRefused(part, (trial) => this.#options.store.rehearse([trial]));
		} catch (error) {
			this.#options.onTrouble(error);
			return undefined;
		}
	}

	#restart(parts: readonly IngestPart[]): void {
		for (const part of parts) {
			const owner = this.#ownerOf(part);
			if (owner?.claim === part.claim) owner.restart();
		}
	}

	#ownerOf(part: IngestPart): PartitionOwner | undefined {
		return this.#options.owners().find((owner) => owner.partition === part.partition);
	}
}

function scansOf(part: IngestPart): number {
	return part.messages.reduce((sum, message) => sum + (message.kind === "scans" ? message.message.scans.length : 1), 0);
}
