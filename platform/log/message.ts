/**
 * One message of the event log: scans of one producer in one partition, with what is needed to apply it exactly once.
 * Layout: version (1 byte), CRC-32 of version and body (4 bytes, big endian), body (JSON in UTF-8). Newer versions keep the
 * first five bytes as they are, so that a damaged message is never taken for one of a newer release.
 */

import { crc32 } from "node:zlib";
import type { AcceptedScan } from "../../contracts/scan.ts";

const VERSION = 1;
const HEADER_BYTES = 5;

export interface ScanMessage {
	/** One a gateway start and partition sequence; a spool file has its own. */
	readonly producer: string;
	/** 1, 2, 3 … of this producer in this partition. */
	readonly number: number;
	/** When the scans were accepted, epoch ms. */
	readonly acceptedAt: number;
	/**
	 * This producer's running total of accepted scans in this partition, this message included, by organisation: of every
	 * organisation that has scans in this message.
	 */
	readonly totals: Readonly<Record<string, number>>;
	readonly scans: readonly AcceptedScan[];
}

export type Decoded =
	| { readonly kind: "scans"; readonly message: ScanMessage }
	/** Written by a newer release: this reader must be upgraded before it goes on. */
	| { readonly kind: "newer"; readonly version: number }
	| { readonly kind: "malformed"; readonly reason: string };

export function encodeMessage({ scans, ...head }: ScanMessage): Uint8Array {
	return encodeWithScans(
		head,
		scans.map((scan) => JSON.stringify(scan)),
	);
}

/** A message whose scans are JSON already, so that none is written twice. */
export function encodeWithScans(head: Omit<ScanMessage, "scans">, scans: readonly string[]): Uint8Array {
	const body = `${JSON.stringify(head).slice(0, -1)},"scans":[${scans.join(",")}]}`;
	const data = Buffer.allocUnsafe(HEADER_BYTES + Buffer.byteLength(body));
	data[0] = VERSION;
	data.write(body, HEADER_BYTES);
	data.writeUInt32BE(checksum(VERSION, data.subarray(HEADER_BYTES)), 1);
	return data;
}

export function decodeMessage(data: Uint8Array): Decoded {
	const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
	if (buffer.length <= HEADER_BYTES)
		return { kind: "malformed", reason: `${buffer.length} bytes, shorter than a header` };
	const version = buffer[0] as number;
	const body = buffer.subarray(HEADER_BYTES);
	if (checksum(version, body) !== buffer.readUInt32BE(1)) return { kind: "malformed", reason: "checksum" };
	if (version > VERSION) return { kind: "newer", version };
	if (version < VERSION) return { kind: "malformed", reason: `version ${version}` };
	return { kind: "scans", message: JSON.parse(body.toString()) as ScanMessage };
}

function checksum(version: number, body: Uint8Array): number {
	return crc32(body, crc32(Uint8Array.of(version)));
}
