/*
 * A private copy of the repository's tracked files as they are now, in which source can be broken while others work with
 * the original.
 */
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import type { Edit } from "./safeguard.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");
const LISTING_LIMIT_BYTES = 64 * 1024 * 1024;

export interface SourceCopy {
	readonly dir: string;
	/** Does something while an edit is made, and takes the edit back. */
	whileBroken<T>(edit: Edit, work: () => Promise<T>): Promise<T>;
	remove(): Promise<void>;
}

/** Copies what git tracks; packages are linked. */
export async function copySource(): Promise<SourceCopy> {
	const dir = await mkdtemp(path.join(tmpdir(), "scanpulse-safeguards-"));
	const listing = await promisify(execFile)("git", ["ls-files", "-z"], { cwd: ROOT, maxBuffer: LISTING_LIMIT_BYTES });
	for (const file of listing.stdout.split("\0").filter(Boolean)) {
		await mkdir(path.dirname(path.join(dir, file)), { recursive: true });
		await copyFile(path.join(ROOT, file), path.join(dir, file)).catch((error) => {
			// Tracked, but deleted by a change that is not committed yet.
			if (error.code !== "ENOENT") throw error;
		});
	}
	await symlink(path.join(ROOT, "node_modules"), path.join(dir, "node_modules"));
	return {
		dir,
		async whileBroken(edit, work) {
			const file = path.join(dir, edit.file);
			const source = await readFile(file, "utf8");
			await writeFile(file, taken(source, edit));
			try {
				return await work();
			} finally {
				await writeFile(file, source);
			}
		},
		remove: () => rm(dir, { recursive: true, force: true }),
	};
}

/**
 * The source without the safeguard.
 *
 * @throws when the text to be replaced does not stand in it exactly once.
 */
export function taken(source: string, { file, text, without }: Edit): string {
	const times = source.split(text).length - 1;
	if (times !== 1) throw new Error(`${file} has this ${times} times instead of once: ${text}`);
	return source.replace(text, () => without);
}
