/**
 * How far a file log was trimmed, so that what was forgotten does not come back at the next opening. Only the removal of
 * a segment waits for it to be synced: after a power cut an older mark may stand there and some messages come again,
 * whose readers know them by producer and number, but never a mark below a place where segments are missing.
 */

import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Position } from "../../contracts/events.ts";
import type { FileLayer, OpenFile } from "./file-layer.ts";

const BYTES = 12;
const NAME = "trimmed";

export interface TrimMark {
	readonly position: Position;
	/** Moves the mark up; a lower position changes nothing. */
	raise(to: Position): Promise<void>;
	/** Resolves when the mark survives a power cut. */
	sync(): Promise<void>;
	close(): Promise<void>;
}

export async function openTrimMark(dir: string, files: FileLayer): Promise<TrimMark> {
	const path = join(dir, NAME);
	const there = (await files.list(dir)).includes(NAME);
	const file: OpenFile = await files.open(path, there ? "write" : "make");
	if (!there) await files.syncFolder(dir);
	let position = there ? await readMark(file) : 0;
	let writing = Promise.resolve();
	return {
		get position() {
			return position;
		},
		raise(to) {
			if (to <= position) return Promise.resolve();
			position = to;
			writing = writing.then(() => file.write(encode(to), 0));
			return writing;
		},
		sync: () => file.sync(),
		close: () => file.close(),
	};
}

async function readMark(file: OpenFile): Promise<Position> {
	const bytes = Buffer.alloc(BYTES);
	await file.read(bytes, 0);
	return crc32(bytes.subarray(0, 8)) === bytes.readUInt32BE(8) ? Number(bytes.readBigUInt64BE(0)) : 0;
}

function encode(position: Position): Buffer {
	const bytes = Buffer.alloc(BYTES);
	bytes.writeBigUInt64BE(BigInt(position));
	bytes.writeUInt32BE(crc32(bytes.subarray(0, 8)), 8);
	return bytes;
}
