/*
 * A small source of truth: commits of several partitions, kept whole, so that what was counted at any place can be told.
 * It plays what counts and what reads: announcements, beats and readings as contracts/ declares them.
 */
import type { CodeDelta, FeedReading, ScansCommitted, ScansPosition, StateReading } from "../../contracts/events.ts";
import type { Counts, FeedScan } from "../../contracts/scan.ts";

export const ORGANISATION = "default";

export interface Added {
	readonly code: string;
	readonly scans: number;
	readonly bots?: number;
	readonly country?: string;
	/** Epoch ms. @defaultValue now */
	readonly at?: number;
}

interface Commit {
	readonly partition: number;
	to: number;
	readonly deltas: readonly CodeDelta[];
	readonly scans: readonly FeedScan[];
}

const NONE: Counts = { scans: 0, visitors: 0, bots: 0 };
const DAY_MS = 86_400_000;

export class Truth {
	epoch = "epoch-1";
	/** How far the organisation's midnight is behind that of UTC, ms. */
	zoneMs = 0;
	readonly positions: number[];
	readonly #commits: Commit[] = [];
	#number = 0;
	#restarted = new Set<number>();

	constructor(partitions: number) {
		this.positions = new Array(partitions).fill(0);
	}

	/** The log is lost: the next commit of each partition is at the beginning of a new one. What was counted stays. */
	restartLog(): void {
		for (const commit of this.#commits) commit.to = 0;
		this.#restarted = new Set(this.positions.keys());
	}

	/** Counts scans and gives the announcement of it, in one part. */
	commit(partition: number, added: readonly Added[]): ScansCommitted {
		const from = this.positions[partition] as number;
		// Positions of a partition have gaps.
		const to = this.#restarted.delete(partition) ? 1 : from + 1 + (this.#number % 3);
		const now = Date.now();
		const byCode = Map.groupBy(added, ({ code }) => code);
		const scans: FeedScan[] = [];
		const deltas = Array.from(byCode, ([code, all]) => {
			let total = this.counts(undefined, code);
			let delta = NONE;
			const quarters: Record<string, Counts> = {};
			const minutes: Record<string, number> = {};
			const country: Record<string, number> = {};
			for (const { scans: count, bots = 0, country: where = "DE", at = now } of all) {
				const counts = { scans: count, visitors: count, bots };
				total = sum(total, counts);
				delta = sum(delta, counts);
				const quarter = String(at - (at % 900_000));
				const minute = String(at - (at % 60_000));
				quarters[quarter] = sum(quarters[quarter] ?? NONE, counts);
				minutes[minute] = (minutes[minute] ?? 0) + count;
				country[where] = (country[where] ?? 0) + count;
				for (let i = 0; i < count + bots; i++) scans.push(this.#scan(code, at, i >= count));
			}
			return { organisation: ORGANISATION, code, ...delta, total, quarters, minutes, by: { country } };
		});
		this.positions[partition] = to;
		this.#commits.push({ partition, to, deltas, scans });
		const feed = scans.map((scan) => ({ ...scan, organisation: ORGANISATION }));
		return { epoch: this.epoch, partition, from, to, at: now, part: 0, parts: 1, codes: deltas, feed, skipped: {} };
	}

	beat(partition: number, behindMs = 0): ScansPosition {
		const position = this.positions[partition] as number;
		return { epoch: this.epoch, partition, position, logEnd: position, behindMs, at: Date.now() };
	}

	/** What had been counted at a place; now when absent. */
	counts(place: readonly number[] = this.positions, code?: string): Counts {
		return this.#until(place)
			.flatMap(({ deltas }) => deltas)
			.filter((delta) => code === undefined || delta.code === code)
			.reduce<Counts>(sum, NONE);
	}

	/** Scans counted up to a place, in order of commit. */
	scans(place: readonly number[] = this.positions, code?: string): FeedScan[] {
		const all = this.#until(place).flatMap(({ scans }) => scans);
		return code === undefined ? all : all.filter((scan) => scan.code === code);
	}

	state(code?: string): StateReading {
		const now = Date.now();
		const start = now - ((now - this.zoneMs) % DAY_MS);
		const minute = now - (now % 60_000);
		const deltas = this.#commits
			.flatMap((commit) => commit.deltas)
			.filter((d) => code === undefined || d.code === code);
		const quarters = deltas.flatMap((delta) => Object.entries(delta.quarters));
		const today = quarters
			.filter(([at]) => Number(at) >= start && Number(at) < start + DAY_MS)
			.map(([, counts]) => counts);
		return {
			epoch: this.epoch,
			positions: { ...this.positions },
			day: { start, end: start + DAY_MS },
			state: {
				total: this.counts(undefined, code),
				today: today.reduce<Counts>(sum, NONE),
				minute: {
					at: new Date(minute).toISOString(),
					scans: deltas.reduce((count, delta) => count + (delta.minutes[minute] ?? 0), 0),
				},
			},
		};
	}

	feed(code: string | undefined, limit: number): FeedReading {
		return { epoch: this.epoch, positions: { ...this.positions }, scans: this.scans(undefined, code).slice(-limit) };
	}

	#until(place: readonly number[]): Commit[] {
		return this.#commits.filter(({ partition, to }) => to <= (place[partition] ?? 0));
	}

	#scan(code: string, at: number, bot: boolean): FeedScan {
		const id = `scan-${++this.#number}`;
		const device = bot ? "bot" : "mobile";
		return { id, code, slug: code, at: new Date(at).toISOString(), device, source: "qr", bot, first: !bot };
	}
}

export const sum = (a: Counts, b: Counts): Counts => ({
	scans: a.scans + b.scans,
	visitors: a.visitors + b.visitors,
	bots: a.bots + b.bots,
});
