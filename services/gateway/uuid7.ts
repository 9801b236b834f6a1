/** Ids of scans that came without one: UUIDv7, so that ids made one after the other lie together in an index. */

import { randomFillSync } from "node:crypto";

const RANDOM_BYTES = 10;
const POOL_IDS = 256;

const pool = Buffer.allocUnsafe(RANDOM_BYTES * POOL_IDS);
let used = pool.length;

/**
 * A new UUIDv7 of the given instant, epoch ms.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
 */
export function uuid7(now: number): string {
	if (used === pool.length) {
		randomFillSync(pool);
		used = 0;
	}
	const random = pool.toString("hex", used, used + RANDOM_BYTES);
	used += RANDOM_BYTES;
	const time = now.toString(16).padStart(12, "0");
	const variant = ((Number.parseInt(random[3] as string, 16) & 0x3) | 0x8).toString(16);
	return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`;
}
