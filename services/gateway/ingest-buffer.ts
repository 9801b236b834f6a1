/**
 * Makes accepted scans durable: gathers those of one turn of the event loop and appends them to the event log, one
 * message per partition, one message in flight per partition, each numbered by its producer. A message whose fate is
 * not known is repeated as it is and nothing overtakes it; when that takes too long, or the log refuses, the message
 * goes to the spool as it is, so that it is recognised should it be in the log already, and the gateway goes on under a
 * new producer. Memory is bounded: what does not fit is refused.
 */

import { setTimeout as delay } from "node:timers/promises";
import { CodedError, codeOf, dataOf } from "../../contracts/errors.ts";
import type { AcceptedScan } from "../../contracts/scan.ts";
import { DurableTotals } from "./durable-totals.ts";
import { partitionOf } from "./partition-of.ts";
import { type EncodedScan, Producer } from "./producer.ts";

/** What a lane appends to: the event log, or a spool. Resolves when durable. */
export interface Appendable {
	append(partition: number, data: Uint8Array): Promise<unknown>;
}

export interface IngestOptions {
	readonly partitions: number;
	readonly log: Appendable;
	/** Where scans wait while the log is away. */
	readonly spool: Appendable;
	/** Told when the log takes nothing and scans go to the spool. */
	readonly onAway?: (error: unknown) => void;
	/** Told when neither the log nor the spool takes scans. */
	readonly onRefused?: (error: unknown) => void;
	/** Most scans of one message. @defaultValue 1,000 */
	readonly maxScans?: number;
	/** Most bytes of one message. @defaultValue 512 KiB */
	readonly maxBytes?: number;
	/** Most scans gathered or in flight. @defaultValue 50,000 */
	readonly maxPending?: number;
	/** Most bytes gathered or in flight. @defaultValue 64 MiB */
	readonly maxPendingBytes?: number;
	/**
	 * How long a message whose fate is unknown is repeated before it is given up, ms; at once when the log is known to be
	 * away, so that nobody waits for it. @defaultValue 2,000
	 */
	readonly repeatForMs?: number;
}

/** The scans of one `accept`; settled when the last of them is durable, or one of them cannot be. */
interface Ticket {
	waiting: number;
	readonly resolve: () => void;
	readonly reject: (error: unknown) => void;
}

interface Gathered extends EncodedScan {
	/** Of its JSON in UTF-8. */
	readonly bytes: number;
	readonly ticket: Ticket;
}

interface Lane {
	readonly partition: number;
	gathered: Gathered[];
	busy: boolean;
	/** When the message in flight was sent, ms of performance.now; infinite while there is none. */
	sentAt: number;
	producer: Producer;
}

const REPEAT_DELAY_MS = 50;
/** After a message of so many scans that was durable sooner than so, ms, a lane gathers for a millisecond: a sync is not cheap. */
const PACED_SCANS = 8;
const SOON_MS = 0.3;
const PACE_MS = 1;
const OVERLOADED_RETRY_MS = 1_000;
/** So many scans that are not durable yet are a crowd. */
const CROWD = 32;
/** A message is late when it takes so many times what messages take, and never before so many ms. */
const LATE_TIMES = 3;
const LATE_MS = 2;
/** How much one message changes what is known of how long they take. */
const USUAL_WEIGHT = 0.1;

export class IngestBuffer {
	readonly #options: Required<Omit<IngestOptions, "onAway" | "onRefused">> &
		Pick<IngestOptions, "onAway" | "onRefused">;
	readonly #lanes: readonly Lane[];
	readonly #accepted = new Map<string, number>();
	readonly #durable = new DurableTotals();
	#pending = 0;
	#pendingBytes = 0;
	#scheduled = false;
	#away = false;
	#idle: (() => void)[] = [];
	/** How long a message usually takes until it is durable, ms. */
	#usualMs = 1;

	constructor(options: IngestOptions) {
		this.#options = {
			maxScans: 1_000,
			maxBytes: 512 * 1024,
			maxPending: 50_000,
			maxPendingBytes: 64 * 1024 * 1024,
			repeatForMs: 2_000,
			...options,
		};
		this.#lanes = Array.from({ length: options.partitions }, (_, partition) => ({
			partition,
			gathered: [],
			busy: false,
			sentAt: Number.POSITIVE_INFINITY,
			producer: new Producer(),
		}));
	}

	/** Scans gathered or in flight. */
	get pending(): number {
		return this.#pending;
	}

	/** True while a crowd waits for a message that takes much longer than messages usually do. */
	get late(): boolean {
		if (this.#pending < CROWD) return false;
		const since = performance.now() - Math.max(LATE_MS, LATE_TIMES * this.#usualMs);
		return this.#lanes.some(({ sentAt }) => sentAt < since);
	}

	/** True while scans go to the spool. */
	get away(): boolean {
		return this.#away;
	}

	/** Scans made durable since the start, by organisation. */
	get accepted(): Record<string, number> {
		return Object.fromEntries(this.#accepted);
	}

	/** Running totals of scans made durable, by producer and organisation. @param settled the spool is empty */
	durableTotals(settled: boolean): Record<string, Record<string, number>> {
		return this.#durable.report(Date.now(), settled);
	}

	/** The log takes messages again: from now on scans go to it. */
	logIsBack(): void {
		this.#away = false;
		this.renewProducers();
	}

	/**
	 * Makes all that comes now independent of what was numbered before: files of the spool are drained each for itself,
	 * and a producer whose messages lie in two of them would seem to have lost some, should one not be readable.
	 */
	renewProducers(): void {
		for (const lane of this.#lanes) lane.producer = new Producer();
	}

	/**
	 * Makes scans durable.
	 *
	 * @throws `overloaded` at once when they do not fit into memory; `log_unavailable` when neither the log nor the spool
	 * took them.
	 */
	accept(scans: readonly AcceptedScan[]): Promise<void> {
		const encoded: string[] = [];
		let bytes = 0;
		for (const scan of scans) {
			const json = JSON.stringify(scan);
			encoded.push(json);
			bytes += Buffer.byteLength(json);
		}
		const { maxPending, maxPendingBytes } = this.#options;
		if (this.#pending + scans.length > maxPending || this.#pendingBytes + bytes > maxPendingBytes) {
			const data = { retryAfterMs: OVERLOADED_RETRY_MS };
			return Promise.reject(new CodedError("overloaded", `${this.#pending} scans wait to become durable`, data));
		}
		if (scans.length === 0) return Promise.resolve();
		return new Promise((resolve, reject) => {
			const ticket: Ticket = { waiting: scans.length, resolve, reject };
			for (let index = 0; index < scans.length; index++) {
				const { organisation, code } = scans[index] as AcceptedScan;
				const json = encoded[index] as string;
				const lane = this.#lanes[partitionOf(code, this.#lanes.length)] as Lane;
				lane.gathered.push({ organisation, json, bytes: Buffer.byteLength(json), ticket });
			}
			this.#pending += scans.length;
			this.#pendingBytes += bytes;
			this.#schedule();
		});
	}

	/** Resolves when nothing is gathered or in flight any more. */
	settled(): Promise<void> {
		if (this.#pending === 0) return Promise.resolve();
		return new Promise((resolve) => this.#idle.push(resolve));
	}

	#schedule(): void {
		if (this.#scheduled) return;
		this.#scheduled = true;
		setImmediate(() => {
			this.#scheduled = false;
			for (const lane of this.#lanes) if (!lane.busy && lane.gathered.length > 0) void this.#run(lane);
		});
	}

	/** Empties a lane, one message after the other. */
	async #run(lane: Lane): Promise<void> {
		lane.busy = true;
		while (lane.gathered.length > 0) {
			const begunAt = performance.now();
			const batch = this.#takeBatch(lane);
			lane.sentAt = begunAt;
			try {
				await this.#makeDurable(lane, batch);
				for (const { organisation } of batch) {
					this.#accepted.set(organisation, (this.#accepted.get(organisation) ?? 0) + 1);
				}
				for (const { ticket } of batch) if (--ticket.waiting === 0) ticket.resolve();
			} catch (error) {
				for (const { ticket } of batch) ticket.reject(error);
			}
			this.#noteTime(lane);
			this.#pending -= batch.length;
			this.#pendingBytes -= batch.reduce((sum, { bytes }) => sum + bytes, 0);
			if (batch.length >= PACED_SCANS && performance.now() - begunAt < SOON_MS) await delay(PACE_MS);
		}
		lane.busy = false;
		if (this.#pending === 0) for (const resolve of this.#idle.splice(0)) resolve();
	}

	/** One that stood still says little about what is usual. */
	#noteTime(lane: Lane): void {
		const took = Math.min(performance.now() - lane.sentAt, LATE_TIMES * this.#usualMs + 1);
		this.#usualMs += USUAL_WEIGHT * (took - this.#usualMs);
		lane.sentAt = Number.POSITIVE_INFINITY;
	}

	#takeBatch(lane: Lane): Gathered[] {
		const { maxScans, maxBytes } = this.#options;
		let bytes = 0;
		let count = 0;
		for (const gathered of lane.gathered) {
			if (count === maxScans || (count > 0 && bytes + gathered.bytes > maxBytes)) break;
			bytes += gathered.bytes;
			count++;
		}
		return lane.gathered.splice(0, count);
	}

	async #makeDurable(lane: Lane, scans: readonly Gathered[]): Promise<void> {
		const { producer } = lane;
		const { data, totals } = producer.next(scans);
		if (!this.#away) {
			const refusal = await this.#appendToLog(lane.partition, data);
			if (refusal === undefined) return this.#durable.note(producer.id, totals, Date.now());
			// The message given up may yet be in the log: its number must not be used for other scans.
			if (lane.producer === producer) lane.producer = new Producer();
			this.#away = true;
			this.#options.onAway?.(refusal);
		}
		try {
			await this.#options.spool.append(lane.partition, data);
			this.#durable.note(producer.id, totals, Date.now());
		} catch (error) {
			if (lane.producer === producer) lane.producer = new Producer();
			this.#options.onRefused?.(error);
			throw new CodedError("log_unavailable", "Neither the event log nor the spool can take scans now", {
				retryAfterMs: OVERLOADED_RETRY_MS,
				reason: String(error),
			});
		}
	}

	/** Undefined when the message is durable, else why it is not known to be. */
	async #appendToLog(partition: number, data: Uint8Array): Promise<unknown> {
		const giveUpAt = Date.now() + this.#options.repeatForMs;
		for (;;) {
			try {
				await this.#options.log.append(partition, data);
				return undefined;
			} catch (error) {
				const repeats = codeOf(error) === "log_unavailable" && !dataOf(error).notSent;
				if (!repeats || Date.now() >= giveUpAt) return error;
				await delay(REPEAT_DELAY_MS);
			}
		}
	}
}
