/**
 * A place in what was counted: the applied position of every partition, and its form on the wire. One vector serves all
 * channels, a code's too, so nothing live depends on knowing which partition a code hashes to. Offsets are canonical:
 * equal places have equal strings, because clients compare strings.
 */

import type { Position, Positions } from "../../contracts/events.ts";

/** Positions by partition; what is missing is 0, before the first message. */
export type Vector = readonly Position[];

const OFFSET = /^\d{1,16}(\.\d{1,16}){0,1023}$/;

/** `12.40.7.9`: positions in the order of partitions, zeros at the end left out. */
export function encodeOffset(vector: Vector): string {
	let length = vector.length;
	while (length > 1 && !vector[length - 1]) length--;
	if (length === 0) return "0";
	return Array.from({ length }, (_, partition) => vector[partition] ?? 0).join(".");
}

/** The vector of an offset, or undefined when it is none of ours. */
export function decodeOffset(offset: string): Vector | undefined {
	if (!OFFSET.test(offset)) return undefined;
	const vector = offset.split(".").map(Number);
	return vector.every(Number.isSafeInteger) ? vector : undefined;
}

export function toVector(positions: Positions): Vector {
	const vector: Position[] = [];
	for (const [partition, position] of Object.entries(positions)) vector[Number(partition)] = position;
	return Array.from(vector, (position) => position ?? 0);
}

/** Whether `a` lacks nothing that `b` has. */
export function covers(a: Vector, b: Vector): boolean {
	return b.every((position, partition) => (a[partition] ?? 0) >= (position ?? 0));
}

/** The least place that covers both. */
export function join(a: Vector, b: Vector): Vector {
	return Array.from({ length: Math.max(a.length, b.length) }, (_, partition) =>
		Math.max(a[partition] ?? 0, b[partition] ?? 0),
	);
}
