/** Which partition of the event log a code's scans go to. Every gateway of every release must say the same. */

/**
 * The partition of a code: FNV-1a (32 bit) of its id's UTF-16 units, mixed, modulo the log's number of partitions.
 *
 * @see http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function partitionOf(code: string, partitions: number): number {
	return hash32(code) % partitions;
}

/** A well mixed hash, 0 to 2^32 - 1: FNV-1a with the finalizer of MurmurHash3. Not for secrets. */
export function hash32(text: string): number {
	let hash = 0x811c9dc5;
	for (let index = 0; index < text.length; index++) {
		hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
	}
	hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
	hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
	return (hash ^ (hash >>> 16)) >>> 0;
}
