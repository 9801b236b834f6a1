/*
 * The client's own record, on disk: an append-only file with a line when a scan is sent and a line when it is known what
 * became of it. The product's numbers are held against what is read back from the file, never against memory.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

/** A scan as the client made it. Sent again it stays the same line: it is one scan. */
export interface SentScan {
	/** Its number, by which it is found again in the store. */
	readonly key: number;
	/** Index of its code. */
	readonly code: number;
	readonly source: "api" | "qr" | "link";
	/** The client's id for it. */
	readonly id?: string;
	/** When it happened, epoch ms. */
	readonly at: number;
	readonly bot: boolean;
	/** Tells its visitor from others on the same code; absent when it has none. */
	readonly visitor?: string;
}

/**
 * What the client was told. `acknowledged`: 202, or 302 with `X-Scan-Id`. `hurried`: 302 without. `refused`: a redirect was
 * answered with an error, so nothing was taken. `unanswered`: nothing was answered, and it was not safe to repeat.
 */
export type Outcome = "acknowledged" | "hurried" | "refused" | "unanswered";

/** A scan of the record; without an outcome the client has asked until the end and was never answered. */
export type RecordedScan = SentScan & { readonly outcome: Outcome | undefined };

export class ScanRecord {
	readonly #file: number;
	#next = 0;

	constructor(path: string) {
		this.#file = openSync(path, "ax");
	}

	/** Notes scans before they are sent for the first time. */
	sent(scans: readonly Omit<SentScan, "key">[]): SentScan[] {
		const keyed = scans.map((scan) => ({ key: this.#next++, ...scan }));
		this.#append(keyed);
		return keyed;
	}

	/** Notes what became of scans. */
	became(scans: readonly SentScan[], outcome: Outcome): void {
		this.#append(scans.map(({ key }) => ({ key, outcome })));
	}

	close(): void {
		closeSync(this.#file);
	}

	#append(lines: readonly object[]): void {
		writeSync(this.#file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
	}
}

/** Every scan of a record, by its key. @throws Error when a line makes no sense: a record must not be doubted */
export function readRecord(path: string): RecordedScan[] {
	const scans: RecordedScan[] = [];
	for (const line of readFileSync(path, "utf8").split("\n")) {
		if (line === "") continue;
		const entry = JSON.parse(line) as SentScan | { key: number; outcome: Outcome };
		const known = scans[entry.key];
		if (!("outcome" in entry)) scans[entry.key] = { ...entry, outcome: undefined };
		else if (known && known.outcome === undefined) scans[entry.key] = { ...known, outcome: entry.outcome };
		else throw new Error(`The record says twice, or of an unknown scan, what became of it: ${line}`);
	}
	return scans;
}
