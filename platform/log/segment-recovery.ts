/**
 * What a file log finds in its folder when it is opened: which segments there are, where the last one ends, and that
 * nothing that was synced is damaged. What a crash tore off the last group is wiped, so that it can never be taken for
 * something that was appended later.
 */

import { join } from "node:path";
import { CodedError } from "../../contracts/errors.ts";
import type { Position } from "../../contracts/events.ts";
import type { FileLayer } from "./file-layer.ts";
import { decodeHeader, findEnd, HEADER_BYTES, type SegmentHeader } from "./segment-format.ts";

const NAME = /^\d{16}\.seg$/;

export interface RecoveredLog {
	readonly id: string;
	readonly partitions: number;
	/** In order. */
	readonly segments: { readonly first: Position; end: number }[];
	/** The last position of each partition that has one. */
	readonly last: ReadonlyMap<number, Position>;
	/** The position after the last one. */
	readonly next: Position;
}

export function segmentPath(dir: string, first: Position): string {
	return join(dir, `${String(first).padStart(16, "0")}.seg`);
}

/**
 * Undefined when the folder holds no segment. Segments of which everything is at and below `trimmed` are not looked at: a
 * power cut in the middle of their removal may have left any of them.
 *
 * @throws `log_unavailable` when a segment is none, is of another log, or something synced in the last one is damaged.
 */
export async function recoverSegments(
	dir: string,
	files: FileLayer,
	trimmed: Position,
): Promise<RecoveredLog | undefined> {
	const names = (await files.list(dir)).filter((name) => NAME.test(name)).sort();
	const segments: { first: Position; end: number }[] = [];
	const last = new Map<number, Position>();
	let log: SegmentHeader | undefined;
	let next = 1;
	for (const name of names.reverse()) {
		const path = join(dir, name);
		const behind = segments.at(-1);
		if (behind && behind.first <= trimmed + 1) {
			segments.push({ first: Number(name.slice(0, 16)), end: await files.size(path) });
			continue;
		}
		// Which partitions end where must be known; beyond that, the name of the next segment says where this one ends.
		const whole = log === undefined || last.size < log.partitions;
		const bytes = await readFile(path, whole ? await files.size(path) : HEADER_BYTES, files);
		const header = decodeHeader(bytes);
		if (!header || header.first !== Number(name.slice(0, 16)) || (log && header.id !== log.id))
			throw new CodedError("log_unavailable", `${path} is no segment of this event log`);
		if (!whole) segments.push({ first: header.first, end: await files.size(path) });
		else {
			const { offset, damaged, ...end } = findEnd(bytes, header.first);
			if (damaged || (behind && end.next !== behind.first))
				throw new CodedError(
					"log_unavailable",
					`${path} is damaged at byte ${offset}: what follows had been synced. Restore the folder, or move it away`,
				);
			if (log === undefined) {
				next = end.next;
				await wipe(path, bytes, offset, files);
			}
			segments.push({ first: header.first, end: offset });
			for (const [partition, position] of end.last) if (!last.has(partition)) last.set(partition, position);
		}
		log ??= header;
	}
	return log && { id: log.id, partitions: log.partitions, segments: segments.reverse(), last, next };
}

async function readFile(path: string, size: number, files: FileLayer): Promise<Buffer> {
	const bytes = Buffer.alloc(size);
	const file = await files.open(path, "read");
	try {
		let at = 0;
		while (at < size) {
			const read = await file.read(bytes.subarray(at), at);
			if (read === 0) break;
			at += read;
		}
		return bytes.subarray(0, at);
	} finally {
		await file.close();
	}
}

/** Makes everything behind an offset zero, as it was before a group was torn there. */
async function wipe(path: string, bytes: Buffer, offset: number, files: FileLayer): Promise<void> {
	const rest = bytes.subarray(offset);
	if (rest.every((byte) => byte === 0)) return;
	const file = await files.open(path, "write");
	try {
		await file.write(Buffer.alloc(rest.length), offset);
		await file.sync();
	} finally {
		await file.close();
	}
}
