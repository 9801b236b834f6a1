/**
 * Makes the file of a log's next segment before it is needed: filled with zeros and synced, so that appends move data and
 * no file lengths. Each is twice as large as the one before, up to the largest, and smaller again where the disk has no
 * room.
 */

import { join } from "node:path";
import { CodedError } from "../../contracts/errors.ts";
import type { FileLayer, OpenFile } from "./file-layer.ts";
import { HEADER_BYTES } from "./segment-format.ts";

/** The first segment is small, so that a spool is there at once; each next one is twice as large, up to the largest. */
const FIRST_SEGMENT_BYTES = 1024 * 1024;
const LARGEST_SEGMENT_BYTES = 8 * 1024 * 1024;
/** A log of few bytes has segments so small that a trim frees some. */
const SEGMENTS_OF_FULL_LOG = 8;
const SMALLEST_SEGMENT_BYTES = 16 * 1024;
const ZEROS = Buffer.alloc(256 * 1024);
const FULL_RETRY_MS = 500;
const NAME = "next.new";

export interface NextSegmentOptions {
	readonly dir: string;
	readonly files: FileLayer;
	/** Most bytes of the whole log. */
	readonly maxBytes: number;
}

interface Prepared {
	readonly file: OpenFile;
	readonly bytes: number;
}

export class NextSegment {
	/** Where it lies until it is renamed to be a segment. */
	readonly path: string;
	readonly #files: FileLayer;
	readonly #largest: number;
	#prepared: Promise<Prepared> | undefined;
	/** Bytes of the one that is made next. */
	#bytes = FIRST_SEGMENT_BYTES;
	#retryFullAt = 0;

	constructor({ dir, files, maxBytes }: NextSegmentOptions) {
		this.path = join(dir, NAME);
		this.#files = files;
		this.#largest = Math.min(LARGEST_SEGMENT_BYTES, maxBytes / SEGMENTS_OF_FULL_LOG);
	}

	/**
	 * The file with room for a group: the one that lies ready, or as large a one as there is room for.
	 *
	 * @throws `log_full` when the disk has no room, also when it had none a moment ago
	 */
	async take(group: number): Promise<Prepared> {
		if (this.#retryFullAt > performance.now()) throw full("the disk had none a moment ago");
		const ready = await this.#prepared?.catch(() => undefined);
		this.#prepared = undefined;
		if (ready && ready.bytes >= HEADER_BYTES + group) return ready;
		await ready?.file.close();
		for (;;) {
			try {
				return await this.#make(group);
			} catch (error) {
				await this.#files.remove(this.path).catch(() => undefined);
				if (!isNoRoom(error)) throw error;
				this.#bytes /= 2;
				if (this.#bytes >= Math.max(SMALLEST_SEGMENT_BYTES, group)) continue;
				this.#retryFullAt = performance.now() + FULL_RETRY_MS;
				throw full(error instanceof Error ? error.message : String(error));
			}
		}
	}

	/** Has it ready before it is needed; whether that fails is seen when it is. */
	prepare(): void {
		if (this.#prepared || this.#retryFullAt > performance.now()) return;
		this.#prepared = this.#make(0);
		this.#prepared.catch(() => undefined);
	}

	/** Removes what a process left behind that was killed. */
	async removeOld(): Promise<void> {
		await this.#files.remove(this.path);
	}

	async close(): Promise<void> {
		const prepared = await this.#prepared?.catch(() => undefined);
		await prepared?.file.close();
		if (prepared) await this.#files.remove(this.path).catch(() => undefined);
	}

	async #make(group: number): Promise<Prepared> {
		const size = Math.ceil(Math.max(SMALLEST_SEGMENT_BYTES, Math.min(this.#largest, this.#bytes)));
		const bytes = Math.max(size, HEADER_BYTES + group);
		const file = await this.#files.open(this.path, "make");
		try {
			for (let at = 0; at < bytes; at += ZEROS.length) {
				await file.write(ZEROS.subarray(0, bytes - at), at);
				// By and by: all of it at the end would hold up the appends that are synced meanwhile.
				await file.sync();
			}
		} catch (error) {
			await file.close().catch(() => undefined);
			throw error;
		}
		this.#bytes = 2 * size;
		return { file, bytes };
	}
}

/** What an append is refused with where there is no room; nothing of it is in the log then. */
export function full(reason: string): CodedError {
	return new CodedError("log_full", `No room to append to the event log: ${reason}`);
}

/** The disk is full, a quota is used up, or a file may not be so long. */
function isNoRoom(error: unknown): boolean {
	return ["ENOSPC", "EDQUOT", "EFBIG"].includes((error as NodeJS.ErrnoException)?.code ?? "");
}
