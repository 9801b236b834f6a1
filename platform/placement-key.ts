/** How a placement is named wherever it is declared, printed, scanned or counted. */

/** Longest key, characters. */
const MOST = 64;

/** Lower case, stripped to `[a-z0-9-]`, cut at 64; undefined when nothing is left. */
export function placementKey(text: string): string | undefined {
	const key = text
		.toLowerCase()
		.replace(/[^a-z0-9-]/g, "")
		.slice(0, MOST);
	return key === "" ? undefined : key;
}
