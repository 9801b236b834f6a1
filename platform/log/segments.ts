/**
 * The folder of a file log: segments named after the first position in them, of which the last one is written, and the
 * next one lies ready, filled with zeros, so that a sync moves data and no file lengths. What was written and synced
 * survives a power cut; what a crash tore is cut off at the next opening; what was synced and is damaged is said.
 */

import { randomUUID } from "node:crypto";
import { CodedError, codeOf } from "../../contracts/errors.ts";
import type { Position } from "../../contracts/events.ts";
import type { LogMessage } from "./event-log.ts";
import type { FileLayer, OpenFile } from "./file-layer.ts";
import { full, NextSegment } from "./next-segment.ts";
import {
	decodeRecords,
	encodeGroup,
	encodeHeader,
	groupBytes,
	HEADER_BYTES,
	MAX_DATA_BYTES,
	RECORD_HEAD_BYTES,
} from "./segment-format.ts";
import { recoverSegments, segmentPath } from "./segment-recovery.ts";
import { openTrimMark, type TrimMark } from "./trim-mark.ts";

const READ_BYTES = 512 * 1024;
/** Groups up to so many bytes are written from one buffer. */
const BUFFER_BYTES = 256 * 1024;

export interface SegmentsOptions {
	readonly dir: string;
	readonly files: FileLayer;
	/** Partitions of a new log; an old one must have as many. @defaultValue those of the log, 1 for a new one */
	readonly partitions?: number;
	/** Most bytes of messages, beyond which they are refused with `log_full`. @defaultValue the disk's */
	readonly maxBytes?: number;
}

export interface Segment {
	readonly first: Position;
	/** Offset after its last record. */
	end: number;
}

/** The file of the last segment, and the bytes that it has room for. */
type WritingFile = OpenFile & { readonly capacity: number };

export class Segments {
	readonly id: string;
	readonly partitions: number;
	/** The last position of each partition, 0 when it has none. */
	readonly lastOf: Position[];
	/** The position that the next message gets. */
	next: Position;
	readonly #options: SegmentsOptions;
	readonly #mark: TrimMark;
	readonly #nextSegment: NextSegment;
	/** In order; the last one is written. */
	readonly #segments: Segment[];
	#writing: WritingFile | undefined;
	#buffer = Buffer.alloc(0);
	#deadReason: string | undefined;

	/**
	 * Opens the folder or makes it. It belongs to this process alone; the caller sees to that.
	 *
	 * @throws `conflict` when `partitions` is not the log's, `log_unavailable` when the folder cannot be used, or what was
	 * synced in it is damaged.
	 */
	static async open(options: SegmentsOptions): Promise<Segments> {
		const { dir, files, partitions, maxBytes = Number.POSITIVE_INFINITY } = options;
		const nextSegment = new NextSegment({ dir, files, maxBytes });
		try {
			await files.makeFolder(dir);
			await nextSegment.removeOld();
			const mark = await openTrimMark(dir, files);
			const recovered = await recoverSegments(dir, files, mark.position);
			if (recovered && partitions !== undefined && partitions !== recovered.partitions)
				throw new CodedError(
					"conflict",
					`PARTITIONS is ${partitions}, but the event log ${dir} was made with ${recovered.partitions} and keeps them for its life`,
				);
			const made = { id: randomUUID(), partitions: partitions ?? 1, segments: [], last: new Map(), next: 1 };
			const segments = new Segments(options, recovered ?? made, mark, nextSegment);
			if (segments.#segments.length === 0) await segments.#beginSegment(0);
			return segments;
		} catch (error) {
			if (codeOf(error)) throw error;
			throw new CodedError("log_unavailable", `The event log ${dir} cannot be opened: ${messageOf(error)}`);
		}
	}

	private constructor(
		options: SegmentsOptions,
		log: Awaited<ReturnType<typeof recoverSegments>> & object,
		mark: TrimMark,
		nextSegment: NextSegment,
	) {
		this.#options = options;
		this.#mark = mark;
		this.#nextSegment = nextSegment;
		this.id = log.id;
		this.partitions = log.partitions;
		this.next = log.next;
		this.#segments = log.segments;
		this.lastOf = Array.from({ length: log.partitions }, (_, partition) => log.last.get(partition) ?? 0);
	}

	/** Everything at and below is forgotten, but for the log's last message. */
	get trimmed(): Position {
		return Math.min(this.#mark.position, Math.max(0, this.next - 2));
	}

	/** Why nothing is written any more. */
	get deadReason(): string | undefined {
		return this.#deadReason;
	}

	/**
	 * Appends a group; resolves to the position of its first message when all of it is synced. Not to be called again
	 * before it has.
	 *
	 * @throws `log_full` when there is no room: nothing was appended. `log_unavailable` after any other error, and from
	 * then on always: whether the group is in the log is not known, and a sync that failed is never believed later.
	 */
	async append(group: readonly { readonly partition: number; readonly data: Uint8Array }[]): Promise<Position> {
		if (this.#deadReason !== undefined) throw this.#dead();
		const bytes = groupBytes(group);
		if (group.some(({ data }) => data.length > MAX_DATA_BYTES))
			throw new RangeError(`A message of the event log has at most ${MAX_DATA_BYTES} bytes`);
		try {
			const file = await this.#fileFor(bytes);
			const segment = this.#segments.at(-1) as Segment;
			const first = this.next;
			const records = this.#room(bytes);
			encodeGroup(group, first, records);
			await file.write(records, segment.end);
			segment.end += bytes;
			this.next += group.length;
			for (const [index, { partition }] of group.entries()) this.lastOf[partition] = first + index;
			if (segment.end > file.capacity / 2) this.#nextSegment.prepare();
			return first;
		} catch (error) {
			if (codeOf(error) === "log_full") throw error;
			this.#deadReason = messageOf(error);
			throw this.#dead();
		}
	}

	/** What is there after a position, of all partitions, in order, as far as one read reaches; empty at the end. */
	async *readFrom(after: Position): AsyncGenerator<readonly LogMessage[]> {
		let position = Math.max(after, this.trimmed);
		while (position < this.next - 1) {
			const index = this.#indexAfter(position);
			const segment = this.#segments[index] as Segment;
			try {
				for await (const messages of this.#readSegment(segment, this.#segments[index + 1]?.first ?? this.next)) {
					const wanted = messages.filter((message) => message.position > position);
					if (wanted.length === 0) continue;
					position = (wanted.at(-1) as LogMessage).position;
					yield wanted;
				}
			} catch (error) {
				// Trimmed in the moment before it was opened.
				if (this.#segments.includes(segment)) throw error;
			}
		}
	}

	/** Forgets what is at and below a position, and frees whole segments of that. */
	async trim(upTo: Position): Promise<void> {
		await this.#mark.raise(Math.min(upTo, this.next - 2));
		const { trimmed } = this;
		if (this.#indexAfter(trimmed) === 0) return;
		// A power cut may bring back any of those that are removed here, and not the one that followed it.
		await this.#mark.sync();
		for (const { first } of this.#segments.splice(0, this.#indexAfter(trimmed)))
			await this.#options.files.remove(segmentPath(this.#options.dir, first));
	}

	async close(): Promise<void> {
		await this.#nextSegment.close();
		await this.#writing?.close();
		await this.#mark.close();
	}

	/** The messages of a segment below a position, which must all be there. */
	async *#readSegment({ first }: Segment, until: Position): AsyncGenerator<readonly LogMessage[]> {
		const { dir, files } = this.#options;
		const path = segmentPath(dir, first);
		const file = await files.open(path, "read");
		try {
			let offset = HEADER_BYTES;
			let wanted = READ_BYTES;
			for (let next = first; next < until; ) {
				const bytes = Buffer.allocUnsafe(wanted);
				const read = await file.read(bytes, offset);
				const { messages, used } = decodeRecords(bytes.subarray(0, read));
				if (used === 0 && (read < wanted || wanted > MAX_DATA_BYTES + RECORD_HEAD_BYTES))
					throw new CodedError("log_unavailable", `${path} is damaged at byte ${offset}`);
				// A message that is longer than what was read.
				wanted = used === 0 ? wanted * 4 : READ_BYTES;
				offset += used;
				// What is being appended behind the end counts for nothing yet.
				const there = messages.filter(({ position }) => position < until);
				next += messages.length;
				if (there.length > 0) yield there;
			}
		} finally {
			await file.close();
		}
	}

	/** Where in the list the segment stands that has the position after this one; those before it have nothing behind it. */
	#indexAfter(position: Position): number {
		return Math.max(
			0,
			this.#segments.findLastIndex(({ first }) => first <= position + 1),
		);
	}

	/** A buffer for a group. One serves all that are not large: a new one for each would be most of what is collected. */
	#room(bytes: number): Buffer {
		if (bytes > this.#buffer.length) {
			if (bytes > BUFFER_BYTES) return Buffer.allocUnsafe(bytes);
			this.#buffer = Buffer.allocUnsafeSlow(Math.min(BUFFER_BYTES, 2 * bytes));
		}
		return this.#buffer.subarray(0, bytes);
	}

	/** The file that takes a group: the last segment's, or that of a new one. */
	async #fileFor(bytes: number): Promise<WritingFile> {
		const { dir, files, maxBytes = Number.POSITIVE_INFINITY } = this.#options;
		const used = this.#segments.reduce((sum, { end }) => sum + end, 0);
		if (used + bytes > maxBytes) throw full(`it may have ${maxBytes} bytes`);
		const segment = this.#segments.at(-1) as Segment;
		const path = segmentPath(dir, segment.first);
		this.#writing ??= await this.#openDurably(path, await files.size(path));
		const room = this.#writing.capacity - segment.end;
		// A group that is larger than a segment of its own would be makes an empty one longer.
		if (bytes <= room) return this.#writing;
		return this.#beginSegment(bytes);
	}

	async #beginSegment(bytes: number): Promise<WritingFile> {
		const { dir, files } = this.#options;
		const { file, bytes: capacity } = await this.#nextSegment.take(bytes);
		await file.write(encodeHeader({ id: this.id, partitions: this.partitions, first: this.next }), 0);
		await file.sync();
		await files.rename(this.#nextSegment.path, segmentPath(dir, this.next));
		await files.syncFolder(dir);
		await Promise.all([file.close(), this.#writing?.close()]);
		this.#writing = await this.#openDurably(segmentPath(dir, this.next), capacity);
		this.#segments.push({ first: this.next, end: HEADER_BYTES });
		return this.#writing;
	}

	async #openDurably(path: string, capacity: number): Promise<WritingFile> {
		return Object.assign(await this.#options.files.open(path, "durable"), { capacity });
	}

	#dead(): CodedError {
		return new CodedError(
			"log_unavailable",
			`The event log ${this.#options.dir} failed and takes no more until it is opened anew (${this.#deadReason})`,
		);
	}
}

function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
