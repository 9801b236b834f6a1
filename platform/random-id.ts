/** Random names from an alphabet, every character equally likely. */

import { randomInt } from "node:crypto";

const LOWER_AND_DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789";
const ID_LENGTH = 16;

/** Characters from `alphabet`, unguessable. */
export function randomText(alphabet: string, length: number): string {
	return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}

/** `code_` and 16 of `[a-z0-9]`, for the kind `code`. */
export function randomId(kind: string): string {
	return `${kind}_${randomText(LOWER_AND_DIGITS, ID_LENGTH)}`;
}
