/**
 * Values as names of fields, and parts as one `_id`. A value becomes a name only escaped, so that none can reach beyond
 * its own counter: `.` and `$` mean something to MongoDB, an empty name and `__proto__` to JavaScript.
 */

const ESCAPED = /[%.$\0]/g;
const UNESCAPED = /%([0-9A-F]{2})/g;
const SEPARATED = /[%|]/g;
/** Stands for the empty value: no escaped value ends in a lone `%`. */
const EMPTY = "%";
/** Stands before a name that every object of JavaScript has. */
const RESERVED = "%_";

function percent(character: string): string {
	return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

/** A value as the name of a field. */
export function escapeKey(value: string): string {
	if (value === "") return EMPTY;
	if (value in {}) return RESERVED + value;
	return value.toWellFormed().replace(ESCAPED, percent);
}

/** The value that `escapeKey` made a name of. */
export function unescapeKey(key: string): string {
	if (key === EMPTY) return "";
	if (key.startsWith(RESERVED)) return key.slice(RESERVED.length);
	return key.replace(UNESCAPED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Parts as one `_id`, unambiguous whatever is in them. */
export function idOf(...parts: readonly (string | number)[]): string {
	return parts.map((part) => String(part).toWellFormed().replace(SEPARATED, percent)).join("|");
}

/** The parts that `idOf` joined. */
export function partsOf(id: string): string[] {
	return id
		.split("|")
		.map((part) => part.replace(UNESCAPED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))));
}
