/**
 * A kept answer as the tiers hold it, and its form in Redis: a version, flags, a header and the answer's text, compressed
 * when it is large. What another release wrote in another form is not there, never an error.
 */

import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import type { AnswerKind, Dependence } from "../../contracts/cache.ts";

export interface Entry {
	readonly kind: AnswerKind;
	readonly json: string;
	/** The instant at which it was true of the store, epoch ms. */
	readonly asOf: number;
	/** When its loading began by this node's clock, epoch ms: everything heard of until then is in it. */
	readonly since: number;
	/** When it is served no more, epoch ms. */
	readonly expiresAt: number;
	readonly depends: Dependence;
	/** How long it took to load, ms. */
	readonly tookMs: number;
	/** The node that had it loaded. */
	readonly node: string;
}

/** To be raised with every change of the form or of what answers mean: what was written before is then not found. */
export const SCHEMA = 1;

/** Texts from this size on are compressed, bytes. */
const COMPRESS_FROM_BYTES = 1_024;
const COMPRESSED = 1;
/** Version, flags and the header's length. */
const PREAMBLE_BYTES = 6;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

export async function encode({ json, ...header }: Entry): Promise<Buffer> {
	const text = Buffer.from(json);
	const large = text.length >= COMPRESS_FROM_BYTES;
	const head = Buffer.from(JSON.stringify(header));
	const preamble = Buffer.alloc(PREAMBLE_BYTES);
	preamble.writeUInt8(SCHEMA, 0);
	preamble.writeUInt8(large ? COMPRESSED : 0, 1);
	preamble.writeUInt32BE(head.length, 2);
	return Buffer.concat([preamble, head, large ? await compress(text) : text]);
}

/** The entry, or undefined when it is of another version or none. */
export async function decode(bytes: Buffer): Promise<Entry | undefined> {
	if (bytes.length < PREAMBLE_BYTES || bytes.readUInt8(0) !== SCHEMA) return undefined;
	const end = PREAMBLE_BYTES + bytes.readUInt32BE(2);
	try {
		const header = JSON.parse(bytes.toString("utf8", PREAMBLE_BYTES, end)) as Omit<Entry, "json">;
		const text = bytes.subarray(end);
		const json = (bytes.readUInt8(1) & COMPRESSED ? await decompress(text) : text).toString();
		return { ...header, json };
	} catch {
		return undefined;
	}
}
