/**
 * One live channel on this node: its state, the place it is true at, and the chain of updates that every subscriber is
 * part of. State is loaded once for all who wait, continued by commits, and loaded again when commits were missed; while
 * it is, nothing is sent but beats that say so. All subscribers are always at the same place, the one last sent.
 */

import type { Positions } from "../../contracts/events.ts";
import type { Place, PositionBeat, SubscribeReply, Update } from "../../contracts/live.ts";
import type { Content, LiveChannel, LiveSource, Outlet, Slice } from "./live-channel.ts";
import { covers, encodeOffset, join, toVector, type Vector } from "./offset.ts";
import type { Break } from "./partition-tracker.ts";
import { ReadingUnderWay } from "./reading-under-way.ts";
import { decideRecovery } from "./recovery.ts";

export interface ChannelOptions {
	readonly patienceMs: number;
	readonly aheadMs: number;
}

interface Reading {
	readonly epoch: string;
	readonly positions: Positions;
}

/** Waits between readings that failed or came too old, ms. */
const FIRST_RETRY_MS = 25;
const LAST_RETRY_MS = 1_000;
const LOOK_AGAIN_MS = 20;

export class Channel<R extends Reading, Data> implements LiveChannel {
	readonly key: string;
	readonly organisation: string;
	readonly namespace: string;
	readonly name: string;
	readonly subscribers = new Set<string>();
	readonly #source: LiveSource;
	readonly #content: Content<R, Data>;
	readonly #read: () => Promise<R>;
	readonly #outlet: Outlet;
	readonly #options: ChannelOptions;
	#live = false;
	#loading = false;
	#closed = false;
	#epoch = "";
	/** What the content includes beyond what the node holds, when it was read ahead of the announcements. */
	#floor: Vector = [];
	readonly #underWay = new ReadingUnderWay();
	/** True when what subscribers hold cannot be continued from. */
	#severed = false;
	#sent: Vector = [];
	#flushedAt = 0;
	#beatAt = 0;
	#verifiedAt = 0;
	readonly #waiting = new Set<() => void>();

	constructor(
		identity: {
			readonly key: string;
			readonly organisation: string;
			readonly namespace: string;
			readonly name: string;
		},
		source: LiveSource,
		content: Content<R, Data>,
		read: () => Promise<R>,
		outlet: Outlet,
		options: ChannelOptions,
	) {
		this.key = identity.key;
		this.organisation = identity.organisation;
		this.namespace = identity.namespace;
		this.name = identity.name;
		this.#source = source;
		this.#content = content;
		this.#read = read;
		this.#outlet = outlet;
		this.#options = options;
		this.reload();
	}

	/** What was counted of this channel in the next commit of a partition. */
	apply(slice: Slice, now: number): void {
		if (!this.#live) {
			this.#underWay.keep(slice, this.#source.held());
			return;
		}
		if (slice.to <= (this.#floor[slice.partition] ?? 0)) return;
		if (!this.#content.apply(slice, now)) this.reload();
	}

	/** Commits of a partition up to `position` were missed, or its positions began anew. */
	broken(partition: number, position: number, how: Break): void {
		if (how === "reset") {
			this.#severed = true;
			this.#underWay.outdate();
			this.#floor = without(this.#floor, partition);
		}
		if (this.#live && (this.#floor[partition] ?? 0) >= position) return;
		this.#underWay.require(partition, position);
		this.reload();
	}

	/** Everything belongs to another epoch now. */
	epochChanged(): void {
		this.#severed = true;
		this.#floor = [];
		this.#underWay.forget();
		this.reload();
	}

	/** Reads the state anew; what was announced meanwhile is not lost. */
	reload(): void {
		this.#live = false;
		if (this.#loading || this.#closed) return;
		this.#loading = true;
		void this.#load().finally(() => {
			this.#loading = false;
		});
	}

	/** When the next update may go out, epoch ms; undefined when there is nothing to send. */
	dueAt(tickMs: number): number | undefined {
		return this.#live && this.#content.pending ? this.#flushedAt + tickMs : undefined;
	}

	flush(now: number): void {
		if (!this.#live || !this.#content.pending) return;
		const from = encodeOffset(this.#sent);
		this.#sent = this.#vector();
		this.#flushedAt = now;
		const data = this.#content.take(now);
		this.#outlet.update(this, { ...this.#place(), from, channel: this.name, at: iso(now), data });
	}

	/** Rolls clocks over, and says where the channel stands when the last beat is `beatMs` ago. */
	sweep(now: number, beatMs: number): void {
		if (this.#live && this.#content.roll(now)) {
			// What the clock alone says is sent before the reading, which may take long to come.
			this.flush(now);
			this.reload();
		}
		if (now - this.#beatAt >= beatMs) this.beat(now);
	}

	/** Says to all subscribers, or some, where the channel stands. */
	beat(now: number, connections?: readonly string[]): void {
		if (!this.#epoch) return;
		const from = encodeOffset(this.#sent);
		// Some only are told: then the others would not follow a step.
		if (this.#live && !this.#content.pending && !connections) this.#sent = this.#vector();
		if (!connections) this.#beatAt = now;
		this.#outlet.position(this, this.#positionBeat(from, now), connections);
	}

	/**
	 * Resolves when `answer` can serve a subscriber that was at `since`: the state is there and, as far as that can be
	 * had within the options' patience, not older than what the subscriber holds.
	 *
	 * @returns false when there is no state to serve
	 */
	async prepare(since: Place | undefined): Promise<boolean> {
		const { patienceMs, aheadMs } = this.#options;
		if (!(await this.#whenLive(patienceMs))) return false;
		const deadline = performance.now() + aheadMs;
		while (this.#isAhead(since) && performance.now() < deadline) await delay(LOOK_AGAIN_MS);
		if (!this.#isAhead(since)) return this.#whenLive(patienceMs);
		this.reload();
		return this.#whenLive(patienceMs);
	}

	/** What a subscriber is answered; whoever gets it is at the place it names, and must get every later update. */
	answer(since: Place | undefined, now: number): Exclude<SubscribeReply, { ok: false }> {
		let recovery = decideRecovery(since, { epoch: this.#epoch, sent: this.#sent });
		if (recovery.kind === "ahead" && covers(this.#vector(), recovery.since)) {
			if (this.#content.pending) this.flush(now);
			else this.beat(now);
			recovery = decideRecovery(since, { epoch: this.#epoch, sent: this.#sent });
		}
		const reply = { ok: true, channel: this.name, ...this.#place() } as const;
		if (recovery.kind !== "behind") return { ...reply, recovered: false, snapshot: this.#content.snapshot() };
		const missed = this.#content.missed(recovery.since);
		if (missed === "unproven") return { ...reply, recovered: false, snapshot: this.#content.snapshot() };
		if (missed === "snapshot") return { ...reply, recovered: true, snapshot: this.#content.snapshot() };
		const from = encodeOffset(recovery.since);
		const updates: Update[] = missed.map((data) => ({
			...this.#place(),
			from,
			channel: this.name,
			at: iso(now),
			data,
		}));
		return { ...reply, recovered: true, missed: updates };
	}

	close(): void {
		this.#closed = true;
		this.#live = false;
		this.#wake();
	}

	async #load(): Promise<void> {
		for (let wait = FIRST_RETRY_MS; !this.#closed && !this.#live; wait = Math.min(wait * 2, LAST_RETRY_MS)) {
			if (await this.#tryToLoad()) return;
			await delay(wait);
		}
	}

	async #tryToLoad(): Promise<boolean> {
		const began = await this.#source.turn();
		try {
			this.#underWay.begin(join(this.#source.held(), this.#floor));
			const beganAt = Date.now();
			const reading = await this.#read();
			const positions = toVector(reading.positions);
			if (!this.#source.meet(reading.epoch, positions.length) || !this.#underWay.isMetBy(positions)) return false;
			if (!this.#closed) this.#adopt(reading, positions, beganAt);
			return true;
		} catch (error) {
			this.#source.failed(this.key, error);
			return false;
		} finally {
			began();
		}
	}

	#adopt(reading: R, positions: Vector, readAt: number): void {
		const now = Date.now();
		const severed = this.#severed || (this.#epoch !== "" && this.#epoch !== reading.epoch);
		const first = this.#epoch === "";
		const chained = this.#content.load(reading, positions, now, first || severed);
		const since = this.#underWay.take();
		this.#severed = false;
		this.#epoch = reading.epoch;
		this.#floor = positions;
		this.#verifiedAt = Math.max(this.#verifiedAt, readAt);
		this.#live = true;
		for (const slice of since) this.apply(slice, now);
		if (first || severed || !chained) this.#restartChain(now, !first);
		else this.flush(now);
		this.#wake();
	}

	/** Subscribers cannot follow from where they are: the beat that names a place they are not at tells them. */
	#restartChain(now: number, tell: boolean): void {
		this.#sent = this.#vector();
		this.#content.take(now);
		if (!tell) return;
		this.#beatAt = now;
		this.#outlet.position(this, this.#positionBeat(encodeOffset(this.#sent), now));
	}

	#vector(): Vector {
		const held = this.#source.held();
		if (covers(held, this.#floor)) {
			this.#floor = [];
			return held;
		}
		return join(held, this.#floor);
	}

	#place(): Place {
		return { epoch: this.#epoch, offset: encodeOffset(this.#sent) };
	}

	#positionBeat(from: string, now: number): PositionBeat {
		if (this.#live) this.#verifiedAt = Math.max(this.#verifiedAt, this.#source.verifiedAt());
		const behindMs = this.#live ? this.#source.behindMs(now) : null;
		return { channel: this.name, ...this.#place(), from, verifiedAt: iso(this.#verifiedAt), behindMs };
	}

	#isAhead(since: Place | undefined): boolean {
		const recovery = decideRecovery(since, { epoch: this.#epoch, sent: this.#sent });
		return recovery.kind === "ahead" && !(this.#live && covers(this.#vector(), recovery.since));
	}

	async #whenLive(patienceMs: number): Promise<boolean> {
		if (this.#live || this.#closed) return this.#live;
		let timer: NodeJS.Timeout | undefined;
		let wake = () => {};
		await new Promise<void>((resolve) => {
			wake = resolve;
			timer = setTimeout(resolve, patienceMs);
			this.#waiting.add(resolve);
		});
		clearTimeout(timer);
		this.#waiting.delete(wake);
		return this.#live;
	}

	#wake(): void {
		for (const wake of this.#waiting) wake();
	}
}

const iso = (at: number) => new Date(at).toISOString();

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const without = (vector: Vector, partition: number): Vector =>
	vector.map((position, id) => (id === partition ? 0 : position));
