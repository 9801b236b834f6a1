/*
 * Looks for an address of a visitor in whatever the product wrote or said: as text, as hex, in base64, and as the bytes
 * that an address is.
 */
import { readdir, readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";
import path from "node:path";

/** What an address may look like. */
export function tracesOf(address: string): readonly Buffer[] {
	const bytes = isIPv4(address) ? Buffer.from(address.split(".").map(Number)) : ipv6Bytes(address);
	const text = Buffer.from(address);
	// In base64 a text looks differently by where in its surroundings it begins; the ends depend on the neighbours.
	const inBase64 = [0, 1, 2].map((shift) => {
		const whole = Buffer.concat([Buffer.alloc(shift), text]).toString("base64");
		return Buffer.from(whole.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + text.length) * 8) / 6)));
	});
	return [text, bytes, Buffer.from(bytes.toString("hex")), ...inBase64];
}

function ipv6Bytes(address: string): Buffer {
	const [head = "", tail = ""] = address.split("::");
	const [first, last] = [head, tail].map((half) => (half === "" ? [] : half.split(":")));
	const groups = [
		...(first ?? []),
		...Array(8 - (first?.length ?? 0) - (last?.length ?? 0)).fill("0"),
		...(last ?? []),
	];
	return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}

/** Files below a folder that hold one of the traces. */
export async function filesWith(folder: string, traces: readonly Buffer[]): Promise<string[]> {
	const entries = await readdir(folder, { recursive: true, withFileTypes: true });
	const found: string[] = [];
	for (const entry of entries.filter((candidate) => candidate.isFile())) {
		const file = path.join(entry.parentPath, entry.name);
		const content = await readFile(file).catch(() => Buffer.alloc(0));
		if (traces.some((trace) => content.includes(trace))) found.push(path.relative(folder, file));
	}
	return found;
}
