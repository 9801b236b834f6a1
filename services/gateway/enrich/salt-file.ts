/**
 * The salts that a gateway keeps beside its code snapshot, so that it counts visitors right also when it starts while
 * nobody can be asked. Only its owner may read the file, and a salt is never kept longer than in the records.
 */

import { readFile, rename, rm, writeFile } from "node:fs/promises";
import type { Salt } from "../../../contracts/account.ts";
import { SALTS_LIVE_HOURS } from "../../../platform/records/lifetimes.ts";

/** Its name in the data folder of a gateway. */
export const SALTS_FILE = "salts.json";

/** From the beginning of a salt's day, ms. */
const LIFETIME_MS = (24 + SALTS_LIVE_HOURS) * 3_600_000;

/** Those whose time is not over at `now`, epoch ms. */
export function livingSalts(salts: readonly Salt[], now: number): Salt[] {
	return salts.filter(({ day }) => Date.parse(day) + LIFETIME_MS > now);
}

/** Salts of the file; none when there is no such file or it cannot be read. */
export async function readSalts(file: string): Promise<Salt[]> {
	try {
		const read: unknown = JSON.parse(await readFile(file, "utf8"));
		return Array.isArray(read) ? read.filter(isSalt) : [];
	} catch {
		return [];
	}
}

/** Replaces the file; a folder that cannot be written keeps nothing, and no old salt outlives a failure. */
export async function writeSalts(file: string, salts: readonly Salt[]): Promise<void> {
	const fresh = `${file}.new`;
	try {
		await rm(fresh, { force: true });
		await writeFile(fresh, JSON.stringify(salts), { mode: 0o600 });
		await rename(fresh, file);
	} catch {
		await Promise.all([fresh, file].map((path) => rm(path, { force: true }).catch(() => undefined)));
	}
}

function isSalt(value: unknown): value is Salt {
	const { day, salt } = (value ?? {}) as Partial<Record<string, unknown>>;
	return typeof day === "string" && /^\d{4}-\d\d-\d\d$/.test(day) && typeof salt === "string" && salt !== "";
}
