/*
 * Folders of a test's own, outside the checkout, gone when its file ends.
 */
import { mkdtemp, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { atEndOfFile } from "./cleanup.ts";

/** A file system in memory, where Linux has one. */
const IN_MEMORY = "/dev/shm";
/** What the data of a whole stack takes, with the files that MongoDB makes ahead. */
const ENOUGH_BYTES = 2 * 1024 ** 3;

/** An empty folder that is removed, with what is in it, when the test file ends. */
export function temporaryFolder(): Promise<string> {
	return folderIn(tmpdir());
}

/**
 * The same in memory, where a system has that and enough of it: for a test that measures how long the product takes, and
 * not how long this machine's disk keeps a synced block.
 */
export async function folderInMemory(): Promise<string> {
	const free = await statfs(IN_MEMORY).catch(() => undefined);
	return folderIn(free && free.bavail * free.bsize >= ENOUGH_BYTES ? IN_MEMORY : tmpdir());
}

async function folderIn(parent: string): Promise<string> {
	const folder = await mkdtemp(path.join(parent, "scanpulse-test-"));
	atEndOfFile(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
	return folder;
}
