/*
 * A client of one channel that keeps the contract: it applies what follows where it is, notices everything else as a gap
 * and subscribes again with `since`. What it holds was put together from deltas and scans, never from totals alone.
 */
import type { AnalyticsUpdate, FeedUpdate, Place, PositionBeat, SubscribeReply, Update } from "../../contracts/live.ts";
import type { Counts, FeedScan } from "../../contracts/scan.ts";
import { sum } from "./truth.ts";

type Reply = Exclude<SubscribeReply, { ok: false }>;

abstract class Listener<Data> {
	place: Place | undefined;
	/** Set when it must subscribe again. */
	gap = false;
	beat: PositionBeat | undefined;
	recoveries: boolean[] = [];

	subscribed(reply: Reply): void {
		if (this.place) this.recoveries.push(reply.recovered);
		if (reply.snapshot !== undefined) this.start(reply.snapshot as Data, reply.recovered);
		for (const update of (reply.missed ?? []) as readonly Update<Data>[]) this.apply(update.data);
		this.place = { epoch: reply.epoch, offset: reply.offset };
		this.gap = false;
	}

	update(update: Update<Data>): void {
		if (this.#follows(update)) this.apply(update.data);
		else return;
		this.place = { epoch: update.epoch, offset: update.offset };
	}

	position(beat: PositionBeat): void {
		if (!this.#follows(beat)) return;
		this.beat = beat;
		this.place = { epoch: beat.epoch, offset: beat.offset };
	}

	get vector(): number[] {
		return (this.place?.offset ?? "0").split(".").map(Number);
	}

	protected abstract start(snapshot: Data, recovered: boolean): void;
	protected abstract apply(data: Data): void;

	#follows({ epoch, from }: { epoch: string; from: string }): boolean {
		const follows = !this.gap && this.place?.epoch === epoch && this.place.offset === from;
		if (!follows) this.gap = true;
		return follows;
	}
}

/** Of `org` and `code:ID`: `total` by adding deltas to the last snapshot. */
export class CountsListener extends Listener<AnalyticsUpdate> {
	total: Counts = { scans: 0, visitors: 0, bots: 0 };
	said: Counts = this.total;
	state: AnalyticsUpdate | undefined;
	/** Sums over the values of `country`, since the last snapshot, and what the deltas say they must be. */
	byCountry = 0;
	sinceSnapshot = 0;

	protected start(snapshot: AnalyticsUpdate): void {
		this.total = snapshot.total;
		this.said = snapshot.total;
		this.state = snapshot;
		this.byCountry = 0;
		this.sinceSnapshot = 0;
	}

	protected apply(update: AnalyticsUpdate): void {
		this.total = sum(this.total, update.delta);
		this.said = update.total;
		this.state = update;
		this.sinceSnapshot += update.delta.scans;
		for (const count of Object.values(update.delta.by.country ?? {})) this.byCountry += count;
	}
}

/** Of `feed` and `feed:ID`: the scans it was given since its last snapshot, and how many were skipped. */
export class FeedListener extends Listener<FeedUpdate> {
	snapshot: readonly FeedScan[] = [];
	scans: FeedScan[] = [];
	skipped = 0;
	/** Where it was when it was given the snapshot. */
	since: number[] = [];
	#fresh = false;

	override subscribed(reply: Reply): void {
		super.subscribed(reply);
		if (this.#fresh) this.since = this.vector;
		this.#fresh = false;
	}

	protected start(snapshot: FeedUpdate): void {
		this.snapshot = snapshot.scans;
		this.scans = [];
		this.skipped = 0;
		this.#fresh = true;
	}

	protected apply({ scans, skipped = 0 }: FeedUpdate): void {
		this.scans.push(...scans);
		this.skipped += skipped;
	}
}
