/**
 * The way of scans out of this gateway: the buffer, the event log, the spool while the log is away, and the account of
 * it all that the gateway gives every second.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { GatewayReport } from "../../contracts/events.ts";
import type { AcceptedScan } from "../../contracts/scan.ts";
import type { EventLog } from "../../platform/log/event-log.ts";
import { encodeMessage } from "../../platform/log/message.ts";
import type { Spool } from "../../platform/log/spool.ts";
import { IngestBuffer, type IngestOptions } from "./ingest-buffer.ts";

export interface IngestParts {
	readonly log: EventLog;
	readonly spool: Spool;
	readonly logger: { info(message: string): void; warn(message: string): void };
	/** How often it is tried to empty the spool, ms. @defaultValue 500 */
	readonly drainEveryMs?: number;
	readonly buffer?: Pick<IngestOptions, "maxPending" | "repeatForMs">;
}

/** Longest wait between two tries to empty the spool into a log that is there, ms: one that is full stays so for a while. */
const MAX_DRAIN_WAIT_MS = 4_000;
/** That nothing can be kept is logged again after so long without a word of it, ms. */
const REFUSAL_TOLD_MS = 10_000;

export class Ingest {
	readonly #parts: IngestParts;
	readonly #buffer: IngestBuffer;
	readonly #closing = new AbortController();
	readonly #emptying: Promise<void>;
	#lost = 0;
	#lostAt = Number.NEGATIVE_INFINITY;
	#refusal = { at: Number.NEGATIVE_INFINITY, reason: "" };

	/** Owns the spool from now on; the log is its opener's. */
	constructor(parts: IngestParts) {
		const { log, spool, logger, buffer } = parts;
		this.#parts = parts;
		this.#buffer = new IngestBuffer({
			partitions: log.partitions,
			log,
			spool,
			onAway: (error) => logger.warn(`Scans go to the spool: ${(error as Error).message}`),
			onRefused: (error) => {
				if (this.refusal.agoMs > REFUSAL_TOLD_MS) logger.warn(`No scan can be kept: ${(error as Error).message}`);
				this.#refusal = { at: performance.now(), reason: (error as Error).message };
			},
			...buffer,
		});
		this.#emptying = this.#keepSpoolEmpty();
	}

	/** True while scans go to the spool. */
	get away(): boolean {
		return this.#buffer.away;
	}

	/** True while a crowd waits for a message that takes much longer than messages usually do. */
	get late(): boolean {
		return this.#buffer.late;
	}

	/** Scans that wait in the spool. */
	get spooled(): number {
		return this.#parts.spool.scans;
	}

	/** Scans of redirects that nothing took: how many since the start, and how long ago the last, ms. */
	get losses(): { readonly count: number; readonly agoMs: number } {
		return { count: this.#lost, agoMs: performance.now() - this.#lostAt };
	}

	/** Why neither the log nor the spool took scans, and how long ago that was last, ms. */
	get refusal(): { readonly reason: string; readonly agoMs: number } {
		return { reason: this.#refusal.reason, agoMs: performance.now() - this.#refusal.at };
	}

	/** Makes scans durable. @throws `overloaded` or `log_unavailable` when that cannot be. */
	accept(scans: readonly AcceptedScan[]): Promise<void> {
		return this.#buffer.accept(scans);
	}

	/** A redirect was answered whose scan nothing took. */
	countLoss(): void {
		this.#lost++;
		this.#lostAt = performance.now();
	}

	report(node: string): GatewayReport {
		const { accepted, pending } = this.#buffer;
		const { spooled } = this;
		return { node, at: Date.now(), accepted, producers: this.#buffer.durableTotals(spooled === 0), pending, spooled };
	}

	/** Lets everything that was accepted become durable, for at most `graceMs`, and closes the spool. */
	async close(graceMs: number): Promise<void> {
		await Promise.race([this.#buffer.settled(), delay(graceMs, undefined, { ref: false })]);
		this.#closing.abort();
		await this.#emptying;
		await this.#parts.spool.close();
	}

	async #keepSpoolEmpty(): Promise<void> {
		const { signal } = this.#closing;
		const { drainEveryMs = 500 } = this.#parts;
		let waitMs = drainEveryMs;
		while (!signal.aborted) {
			const refused = (this.spooled > 0 || this.away) && (await this.#isThere()) && !(await this.#catchUp(signal));
			waitMs = refused ? Math.min(2 * waitMs, MAX_DRAIN_WAIT_MS) : drainEveryMs;
			await delay(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
		}
	}

	#isThere(): Promise<boolean> {
		return this.#parts.log.ends().then(
			() => true,
			() => false,
		);
	}

	/** What is in the spool goes first and tells that the log is back; new scans follow it. False when it takes nothing. */
	async #catchUp(signal: AbortSignal): Promise<boolean> {
		const { log, spool, logger } = this.#parts;
		try {
			// The spool's files are closed to what comes now.
			this.#buffer.renewProducers();
			const before = this.spooled;
			await spool.drain(async (partition, message) => {
				await log.append(partition % log.partitions, encodeMessage(message));
				if (this.away) this.#back();
			}, signal);
			if (before > 0) logger.info(`${before - this.spooled} scans went from the spool to the event log`);
			if (this.away && this.spooled === 0) this.#back();
			return true;
		} catch {
			return false;
		}
	}

	#back(): void {
		this.#buffer.logIsBack();
		this.#parts.logger.info("Scans go to the event log again");
	}
}
