/**
 * The codes of a gateway in a file, one a line. It is a memory aid, never a source: what is missing or cut is asked for.
 */

import { open, rename, rm, writeFile } from "node:fs/promises";
import type { RoutableCode } from "../../contracts/code.ts";

/** Lines made at a time: between them redirects are answered. */
const LINES_AT_ONCE = 200;

/** Codes of a snapshot; none when there is no such file, or up to where it can be read. */
export async function* readSnapshot(file: string): AsyncGenerator<RoutableCode> {
	try {
		await using handle = await open(file);
		for await (const line of handle.readLines()) yield JSON.parse(line) as RoutableCode;
	} catch {
		// The rest is asked for.
	}
}

/** Replaces a snapshot; nothing happens to the old one when the new one cannot be written. */
export async function writeSnapshot(file: string, codes: readonly RoutableCode[]): Promise<void> {
	const fresh = `${file}.new`;
	try {
		await writeFile(fresh, lines(codes));
		await rename(fresh, file);
	} catch {
		await rm(fresh, { force: true }).catch(() => undefined);
	}
}

async function* lines(codes: readonly RoutableCode[]): AsyncGenerator<string> {
	for (let from = 0; from < codes.length; from += LINES_AT_ONCE) {
		const some = codes.slice(from, from + LINES_AT_ONCE);
		yield `${some.map((code) => JSON.stringify(code)).join("\n")}\n`;
	}
}
