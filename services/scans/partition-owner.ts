/**
 * One partition as its owner sees it: claims it, finds where to read from, reads in order and keeps what was read until
 * it is committed. Whatever goes wrong (claim lost, log or store away), it begins again from what the store says; that
 * is always safe, because nothing here is remembered that the store does not know.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { Position } from "../../contracts/events.ts";
import type { EventLog, LogMessage } from "../../platform/log/event-log.ts";
import { decodeMessage } from "../../platform/log/message.ts";
import type { IngestPart, ReadMessage, ScanStore } from "../../platform/store/scan-store.ts";
import { startingPoint } from "./starting-point.ts";

export interface OwnerOptions {
	readonly partition: number;
	/** Name under which the partition is claimed. */
	readonly owner: string;
	readonly log: EventLog;
	readonly store: ScanStore;
	/** Called when something was read and waits to be committed. */
	onRead(): void;
	/** Called when a message of a newer release was met: this process must be upgraded before it goes on. */
	onNewer(version: number): void;
	/** Called with the store's new epoch when the log was found to have lost what was applied. */
	onNewEpoch(epoch: string): void;
	/** Called when reading failed and is tried again. */
	onTrouble(error: unknown): void;
	/**
	 * Scans that may wait to be committed before reading pauses.
	 * @defaultValue 20000
	 */
	readonly maxWaiting?: number;
	/**
	 * Bytes of messages that may wait so: a log that grows faster than it is counted grows on its disk, not here.
	 * @defaultValue 16 MiB
	 */
	readonly maxWaitingBytes?: number;
}

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;

interface Waiting {
	readonly read: ReadMessage;
	readonly scans: number;
	readonly bytes: number;
}

interface Claimed {
	readonly claim: number;
	/** Id of the log that is read, as it was when the reading began. */
	readonly log: string;
	applied: Position;
	readonly waiting: Waiting[];
	waitingScans: number;
	waitingBytes: number;
	readonly abort: AbortController;
	resume: (() => void) | undefined;
}

export class PartitionOwner {
	readonly partition: number;
	readonly #options: OwnerOptions;
	readonly #stop = new AbortController();
	readonly #done: Promise<void>;
	#claimed: Claimed | undefined;
	#oldestUnread: number | undefined;

	constructor(options: OwnerOptions) {
		this.partition = options.partition;
		this.#options = options;
		this.#done = this.#run();
	}

	/** Applied position under the present claim, or undefined while there is none. */
	get applied(): Position | undefined {
		return this.#claimed?.applied;
	}

	get claim(): number | undefined {
		return this.#claimed?.claim;
	}

	/** What waits to be committed, at most about `maxScans` scans (one message at least), or null. */
	next(maxScans: number): IngestPart | null {
		const claimed = this.#claimed;
		if (!claimed || claimed.waiting.length === 0) return null;
		const messages: ReadMessage[] = [];
		let room = maxScans;
		for (const { read, scans } of claimed.waiting) {
			if (messages.length > 0 && scans > room) break;
			messages.push(read);
			room -= scans;
		}
		return {
			partition: this.partition,
			claim: claimed.claim,
			log: claimed.log,
			from: claimed.applied,
			messages,
		};
	}

	/** The part was committed; what it held is forgotten and reading may go on. */
	committed(part: IngestPart): void {
		const claimed = this.#claimed;
		if (!claimed || claimed.claim !== part.claim || claimed.applied !== part.from) return;
		for (const { read, scans, bytes } of claimed.waiting.splice(0, part.messages.length)) {
			claimed.waitingScans -= scans;
			claimed.waitingBytes -= bytes;
			claimed.applied = read.position;
		}
		claimed.resume?.();
	}

	/** Gives up what was read and begins again from what the store says. */
	restart(): void {
		this.#claimed?.abort.abort();
		this.#claimed = undefined;
	}

	/**
	 * How long the oldest message that is in the log has been waiting to be applied, ms; 0 when there is none.
	 *
	 * @param logEnd position of the partition's last message
	 */
	behindMs(logEnd: Position, now: number): number {
		const claimed = this.#claimed;
		if (claimed && logEnd <= claimed.applied) {
			this.#oldestUnread = undefined;
			return 0;
		}
		const oldest = claimed?.waiting[0]?.read;
		if (oldest?.kind === "scans") return Math.max(0, now - oldest.message.acceptedAt);
		this.#oldestUnread ??= now;
		return now - this.#oldestUnread;
	}

	/** Stops reading; resolves when nothing of this partition is under way. */
	async stop(): Promise<void> {
		this.#stop.abort();
		this.restart();
		await this.#done;
	}

	async #run(): Promise<void> {
		const { signal } = this.#stop;
		let retryMs = FIRST_RETRY_MS;
		while (!signal.aborted) {
			try {
				await this.#claimAndRead(() => {
					retryMs = FIRST_RETRY_MS;
				});
			} catch (error) {
				if (signal.aborted) return;
				this.#options.onTrouble(error);
			}
			this.restart();
			await delay(retryMs, undefined, { signal }).catch(() => undefined);
			retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
		}
	}

	async #claimAndRead(onProgress: () => void): Promise<void> {
		const { store, log, partition, owner } = this.#options;
		// A log that cannot be asked cannot say which one it is either.
		await log.ends();
		const state = await store.claim(partition, owner);
		const { after, rewound } = await startingPoint(log, state);
		if (this.#stop.signal.aborted) return;
		// Positions begin anew: what screens hold cannot be compared with them any more.
		if (rewound) this.#options.onNewEpoch(await store.renewEpoch());
		const claimed: Claimed = {
			claim: state.claim,
			log: log.id,
			applied: state.position,
			waiting: [],
			waitingScans: 0,
			waitingBytes: 0,
			abort: new AbortController(),
			resume: undefined,
		};
		claimed.abort.signal.addEventListener("abort", () => claimed.resume?.(), { once: true });
		this.#claimed = claimed;
		for await (const messages of log.read(partition, after, { signal: claimed.abort.signal })) {
			for (const message of messages) if (!this.#take(claimed, message)) return;
			if (claimed.abort.signal.aborted) return;
			onProgress();
			this.#options.onRead();
			await this.#room(claimed);
		}
	}

	/** False when the message is of a newer release, which ends the reading. */
	#take(claimed: Claimed, { position, data }: LogMessage): boolean {
		const decoded = decodeMessage(data);
		if (decoded.kind === "newer") {
			this.#options.onNewer(decoded.version);
			return false;
		}
		const read: ReadMessage =
			decoded.kind === "scans"
				? { position, kind: "scans", message: decoded.message }
				: { position, kind: "malformed", reason: decoded.reason, data };
		const scans = sizeOf(read);
		claimed.waiting.push({ read, scans, bytes: data.length });
		claimed.waitingScans += scans;
		claimed.waitingBytes += data.length;
		return true;
	}

	async #room(claimed: Claimed): Promise<void> {
		const { maxWaiting = 20_000, maxWaitingBytes = 16 * 1024 * 1024 } = this.#options;
		const isFull = () => claimed.waitingScans > maxWaiting || claimed.waitingBytes > maxWaitingBytes;
		while (isFull() && !claimed.abort.signal.aborted) {
			await new Promise<void>((resolve) => {
				claimed.resume = resolve;
			});
		}
	}
}

function sizeOf(message: ReadMessage): number {
	return message.kind === "scans" ? Math.max(1, message.message.scans.length) : 1;
}
