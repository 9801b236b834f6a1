/*
 * A scans process of a simulation: an event loop that reads messages of its partitions and, one transaction at a time, counts
 * what was read. Reading goes on while MongoDB is waited for; reading far ahead does not.
 */
import type { Clock } from "./clock.ts";
import { Station } from "./station.ts";
import type { ServiceTimes } from "./times.ts";

/** Most scans of a transaction; a message is never split. */
const COMMIT_SCANS = 2_000;
/** Scans read and not counted beyond which reading pauses. */
const READ_AHEAD = 20_000;

export interface Message {
	readonly scans: number;
	/** When each of its scans came, µs; empty for a backlog. */
	readonly arrivals: readonly number[];
}

export interface OwnerOptions {
	readonly clock: Clock;
	readonly times: ServiceTimes;
	/** The part of a core that it has. */
	readonly part: number;
	readonly mongo: Station;
	/** Told of each transaction. */
	onCommitted(messages: readonly Message[], scans: number): void;
}

export class Owner {
	readonly loop: Station;
	readonly #options: OwnerOptions;
	#unread: Message[] = [];
	#read: Message[] = [];
	#readScans = 0;
	#reading = false;
	#committing = false;
	#begunAt = 0;
	#committedUs = 0;
	#since = 0;

	constructor(options: OwnerOptions) {
		this.#options = options;
		this.loop = new Station(options.clock, { part: options.part });
	}

	/** Scans in the log that it has not counted. */
	get behind(): number {
		return this.#readScans + this.#unread.reduce((sum, { scans }) => sum + scans, 0);
	}

	/** For how much of the time since the last `forget` a transaction was under way, from 0 to 1. */
	get committing(): number {
		const underWay = this.#committing ? this.#options.clock.now - Math.max(this.#begunAt, this.#since) : 0;
		return (this.#committedUs + underWay) / Math.max(1, this.#options.clock.now - this.#since);
	}

	/** Begins to keep anew, when it has warmed up. */
	forget(): void {
		this.loop.forget();
		this.#committedUs = 0;
		this.#since = this.#options.clock.now;
	}

	/** A message is in the log. */
	deliver(message: Message): void {
		this.#unread.push(message);
		this.#readNext();
	}

	#readNext(): void {
		if (this.#reading || this.#unread.length === 0 || this.#readScans >= READ_AHEAD) return;
		const { times } = this.#options;
		// What waits is delivered together.
		const messages = this.#unread.splice(0, 64);
		const scans = messages.reduce((sum, message) => sum + message.scans, 0);
		this.#reading = true;
		this.loop.work(times.readMessageUs * messages.length + times.readScanUs * scans, () => {
			this.#reading = false;
			this.#read.push(...messages);
			this.#readScans += scans;
			this.#commit();
			this.#readNext();
		});
	}

	#commit(): void {
		if (this.#committing || this.#read.length === 0) return;
		const { clock, times, mongo, onCommitted } = this.#options;
		let scans = 0;
		let count = 0;
		for (const message of this.#read) {
			if (count > 0 && scans + message.scans > COMMIT_SCANS) break;
			scans += message.scans;
			count++;
		}
		const messages = this.#read.splice(0, count);
		this.#committing = true;
		this.#begunAt = clock.now;
		this.loop.work(times.commitUs + times.commitScanUs * scans, () => {
			const synced = () => {
				this.#readScans -= scans;
				this.#committing = false;
				this.#committedUs += clock.now - Math.max(this.#begunAt, this.#since);
				onCommitted(messages, scans);
				this.#commit();
				this.#readNext();
			};
			const worked = () => clock.after(times.commitDelayUs, synced);
			mongo.work(times.mongoCommitUs + times.mongoScanUs * scans, worked);
		});
	}
}
