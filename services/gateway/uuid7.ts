/** Ids of scans that came without one: UUIDv7, so that ids made one after the other lie together in an index. */

import { randomFillSync } from "node:crypto";

const RANDOM_BYTES = 10;
const RANDOM_DIGITS = 2 * RANDOM_BYTES;
const POOL_IDS = 256;

const pool = Buffer.allocUnsafe(RANDOM_BYTES * POOL_IDS);
/** The pool in hex, and how many of its digits are used up: one conversion serves many ids. */
let digits = "";
let used = 0;
/** The part of an id that its instant decides, of the last instant. */
let lastInstant = -1;
let prefix = "";

/**
 * A new UUIDv7 of the given instant, epoch ms.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
 */
export function uuid7(now: number): string {
	if (used === digits.length) {
		digits = randomFillSync(pool).toString("hex");
		used = 0;
	}
	if (now !== lastInstant) {
		const time = now.toString(16).padStart(12, "0");
		prefix = `${time.slice(0, 8)}-${time.slice(8)}-7`;
		lastInstant = now;
	}
	const from = used;
	used += RANDOM_DIGITS;
	const variant = "89ab"[digits.charCodeAt(from) & 0x3];
	return `${prefix}${digits.slice(from + 1, from + 4)}-${variant}${digits.slice(from + 4, from + 7)}-${digits.slice(from + 7, from + 19)}`;
}
