/*
 * Loading a store as the product counts: messages as gateways make them, of running numbers and totals, through `ingest`,
 * a writer for each store that is given, several partitions side by side where there are several.
 */
import { setTimeout as delay } from "node:timers/promises";
import { codeOf } from "../../contracts/errors.ts";
import type { AcceptedScan } from "../../contracts/scan.ts";
import type { IngestedPart, IngestPart, ScanStore } from "../../platform/store/scan-store.ts";
import { partitionOf } from "../../services/gateway/partition-of.ts";

/** As many as a busy gateway gathers in a turn. */
const SCANS_A_MESSAGE = 50;
const MOST_ATTEMPTS = 10;
const AGAIN_MS = 20;
/** Gathered batches a partition, before the generator waits. */
const WAITING = 2;

export interface Loaded {
	readonly stored: number;
	readonly seconds: number;
}

/** @param stores one for each partition @param heard told of every scan, in order */
export async function load(
	stores: readonly ScanStore[],
	scans: Iterable<AcceptedScan>,
	batch: number,
	heard: (scan: AcceptedScan) => void,
): Promise<Loaded> {
	const begun = performance.now();
	const turns = new Turns();
	const writers = await Promise.all(stores.map((store, partition) => Writer.claim(store, partition, turns)));
	const gathered = stores.map((): AcceptedScan[] => []);
	for (const scan of scans) {
		heard(scan);
		const partition = partitionOf(scan.code, stores.length);
		const own = gathered[partition] as AcceptedScan[];
		own.push(scan);
		if (own.length < batch) continue;
		gathered[partition] = [];
		await (writers[partition] as Writer).take(own);
	}
	for (const [partition, own] of gathered.entries()) await (writers[partition] as Writer).take(own);
	const stored = await Promise.all(writers.map((writer) => writer.end()));
	return { stored: stored.reduce((sum, n) => sum + n, 0), seconds: (performance.now() - begun) / 1_000 };
}

/** One after the other. */
class Turns {
	#last: Promise<unknown> = Promise.resolve();

	take<T>(work: () => Promise<T>): Promise<T> {
		const turn = this.#last.then(work);
		this.#last = turn.catch(() => undefined);
		return turn;
	}
}

/** Writes one partition, a batch after the other. */
class Writer {
	readonly #store: ScanStore;
	readonly #partition: number;
	readonly #claim: number;
	readonly #turns: Turns;
	readonly #months = new Set<string>();
	#position: number;
	#number = 0;
	#stored = 0;
	readonly #totals = new Map<string, number>();
	readonly #under: Promise<void>[] = [];
	#last: Promise<void> = Promise.resolve();

	private constructor(store: ScanStore, partition: number, claim: number, position: number, turns: Turns) {
		this.#store = store;
		this.#partition = partition;
		this.#claim = claim;
		this.#position = position;
		this.#turns = turns;
	}

	static async claim(store: ScanStore, partition: number, turns: Turns): Promise<Writer> {
		const { claim, position } = await store.claim(partition, "year");
		return new Writer(store, partition, claim, position, turns);
	}

	/** Resolves when it may be given more. */
	async take(scans: readonly AcceptedScan[]): Promise<void> {
		this.#last = this.#last.then(() => this.#write(scans));
		// Who waits for it next has the error.
		this.#last.catch(() => undefined);
		this.#under.push(this.#last);
		if (this.#under.length >= WAITING) await this.#under.shift();
	}

	async end(): Promise<number> {
		await this.#last;
		return this.#stored;
	}

	async #write(scans: readonly AcceptedScan[]): Promise<void> {
		const messages = [];
		for (let start = 0; start < scans.length; start += SCANS_A_MESSAGE) {
			const own = scans.slice(start, start + SCANS_A_MESSAGE);
			for (const { organisation } of own) this.#totals.set(organisation, (this.#totals.get(organisation) ?? 0) + 1);
			const message = {
				...{ producer: `year-${this.#partition}`, number: ++this.#number, acceptedAt: own.at(-1)?.at ?? 0 },
				...{ totals: Object.fromEntries(this.#totals), scans: own },
			};
			messages.push({ kind: "scans" as const, position: this.#position + messages.length + 1, message });
		}
		if (messages.length === 0) return;
		const part = { partition: this.#partition, claim: this.#claim, log: "year", from: this.#position, messages };
		const months = new Set(scans.map(({ at }) => new Date(at).toISOString().slice(0, 7)));
		// The first scans of a month that is over meet the other partitions' first, which a year of them would do at once.
		const first = !months.isSubsetOf(this.#months);
		const [ingested] = await (first ? this.#turns.take(() => this.#ingest(part)) : this.#ingest(part));
		for (const month of months) this.#months.add(month);
		this.#position = ingested?.to ?? this.#position;
		this.#stored += ingested?.stored ?? 0;
	}

	/** As owners of partitions do, it gives a batch again that could not be committed. */
	async #ingest(part: IngestPart): Promise<IngestedPart[]> {
		for (let attempt = 1; ; attempt++) {
			try {
				return await this.#store.ingest([part]);
			} catch (error) {
				if (codeOf(error) !== "unavailable" || attempt === MOST_ATTEMPTS) throw error;
				await delay(AGAIN_MS * attempt);
			}
		}
	}
}
