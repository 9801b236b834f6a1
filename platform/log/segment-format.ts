/**
 * The bytes of a segment, one file of a file log: a header that names its log, then records one after the other, then
 * zeros. Records have consecutive positions, so a segment is complete up to the first place where the next one does not
 * stand. What is appended at once is a group, synced before the next group is written: after a crash the last group
 * may be torn, and only the last.
 */

import { crc32 } from "node:zlib";
import type { Position } from "../../contracts/events.ts";
import type { LogMessage } from "./event-log.ts";

/*
 * Header: magic (8 bytes), the log's id (36, ASCII), partitions (4), first position (8), CRC-32 of all before (4), zeros.
 * Record: CRC-32 of the rest of its head (4), bytes of data (4), position (6), partition (2), first position of its group
 * (6), zeros (2), CRC-32 of the data (4), then the data. Numbers are big endian.
 */
const MAGIC = Buffer.from("scanlog1");
const ID_BYTES = 36;
const CHECKED_BYTES = 56;
export const HEADER_BYTES = 64;
export const RECORD_HEAD_BYTES = 28;
/** Larger messages are refused, and a longer record is a damaged one. */
export const MAX_DATA_BYTES = 64 * 1024 * 1024;

export interface SegmentHeader {
	readonly id: string;
	readonly partitions: number;
	/** The position of its first record. */
	readonly first: Position;
}

export function encodeHeader({ id, partitions, first }: SegmentHeader): Buffer {
	const header = Buffer.alloc(HEADER_BYTES);
	MAGIC.copy(header);
	header.write(id, MAGIC.length, ID_BYTES, "latin1");
	header.writeUInt32BE(partitions, MAGIC.length + ID_BYTES);
	header.writeBigUInt64BE(BigInt(first), CHECKED_BYTES - 8);
	header.writeUInt32BE(crc32(header.subarray(0, CHECKED_BYTES)), CHECKED_BYTES);
	return header;
}

/** Undefined when it is not the header of a segment. */
export function decodeHeader(header: Buffer): SegmentHeader | undefined {
	if (header.length < HEADER_BYTES || !header.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
	if (crc32(header.subarray(0, CHECKED_BYTES)) !== header.readUInt32BE(CHECKED_BYTES)) return undefined;
	return {
		id: header.toString("latin1", MAGIC.length, MAGIC.length + ID_BYTES),
		partitions: header.readUInt32BE(MAGIC.length + ID_BYTES),
		first: Number(header.readBigUInt64BE(CHECKED_BYTES - 8)),
	};
}

/** Bytes of a group of records on the disk. */
export function groupBytes(group: readonly { readonly data: Uint8Array }[]): number {
	let bytes = RECORD_HEAD_BYTES * group.length;
	for (const { data } of group) bytes += data.length;
	return bytes;
}

/** Writes a group into a buffer that has room for it, as it is on the disk; the position of its first message is `first`. */
export function encodeGroup(
	group: readonly { readonly partition: number; readonly data: Uint8Array }[],
	first: Position,
	records: Buffer,
): void {
	let at = 0;
	for (const [index, { partition, data }] of group.entries()) {
		records.writeUInt32BE(data.length, at + 4);
		records.writeUIntBE(first + index, at + 8, 6);
		records.writeUInt16BE(partition, at + 14);
		records.writeUIntBE(first, at + 16, 6);
		records.writeUInt16BE(0, at + 22);
		records.writeUInt32BE(crc32(data), at + 24);
		records.writeUInt32BE(crc32(records.subarray(at + 4, at + RECORD_HEAD_BYTES)), at);
		records.set(data, at + RECORD_HEAD_BYTES);
		at += RECORD_HEAD_BYTES + data.length;
	}
}

interface RecordHead {
	readonly position: Position;
	readonly partition: number;
	/** First position of the group that it was appended with. */
	readonly group: Position;
	/** Of the data. */
	readonly length: number;
	readonly checksum: number;
}

/** The head of the record at an offset, undefined when none stands there, or not all of it. */
function decodeHead(bytes: Buffer, at: number): RecordHead | undefined {
	if (at + RECORD_HEAD_BYTES > bytes.length) return undefined;
	const length = bytes.readUInt32BE(at + 4);
	if (length > MAX_DATA_BYTES) return undefined;
	if (crc32(bytes.subarray(at + 4, at + RECORD_HEAD_BYTES)) !== bytes.readUInt32BE(at)) return undefined;
	return {
		position: bytes.readUIntBE(at + 8, 6),
		partition: bytes.readUInt16BE(at + 14),
		group: bytes.readUIntBE(at + 16, 6),
		length,
		checksum: bytes.readUInt32BE(at + 24),
	};
}

/** The data of a record whose head stands at `at`; undefined when it is not all there, or not what was written. */
function decodeData(bytes: Buffer, at: number, { length, checksum }: RecordHead): Buffer | undefined {
	const data = bytes.subarray(at + RECORD_HEAD_BYTES, at + RECORD_HEAD_BYTES + length);
	return data.length === length && crc32(data) === checksum ? data : undefined;
}

interface SegmentEnd {
	/** The position after the last record. */
	readonly next: Position;
	/** The offset after the last record. */
	readonly offset: number;
	/** The last position of each partition that has one in the segment. */
	readonly last: ReadonlyMap<number, Position>;
	/** A group of later positions stands behind the end: what is between was synced once, and is damaged. */
	readonly damaged: boolean;
}

/** Where a segment ends, of which `bytes` is all. */
export function findEnd(bytes: Buffer, first: Position): SegmentEnd {
	const last = new Map<number, Position>();
	let next = first;
	let offset = HEADER_BYTES;
	for (;;) {
		const head = decodeHead(bytes, offset);
		if (head?.position !== next || !decodeData(bytes, offset, head)) break;
		last.set(head.partition, head.position);
		next++;
		offset += RECORD_HEAD_BYTES + head.length;
	}
	return { next, offset, last, damaged: hasLaterGroup(bytes, offset, next) };
}

/** Whether a group that began after `position` stands anywhere behind `from`. */
function hasLaterGroup(bytes: Buffer, from: number, position: Position): boolean {
	for (let at = from; at + RECORD_HEAD_BYTES <= bytes.length; at++) {
		// The zeros of a head, before the dearer look: most of what is searched is zero, or text.
		if (bytes[at + 22] !== 0 || bytes[at + 23] !== 0 || bytes.readUIntBE(at + 16, 6) <= position) continue;
		const head = decodeHead(bytes, at);
		if (head && head.position >= head.group) return true;
	}
	return false;
}

/** The messages of a stretch of a segment that begins with a record, and how much of it they are. */
export function decodeRecords(bytes: Buffer): { readonly messages: LogMessage[]; readonly used: number } {
	const messages: LogMessage[] = [];
	let used = 0;
	for (;;) {
		const head = decodeHead(bytes, used);
		const end = used + RECORD_HEAD_BYTES + (head?.length ?? 0);
		if (!head || end > bytes.length) return { messages, used };
		// Data that is damaged is given all the same: the message's own checksum tells, and counts what is lost with it.
		const data = bytes.subarray(used + RECORD_HEAD_BYTES, end);
		messages.push({ partition: head.partition, position: head.position, data });
		used = end;
	}
}
