/*
 * Folders of a test's own, outside the checkout, gone when its file ends.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { atEndOfFile } from "./cleanup.ts";

/** An empty folder that is removed, with what is in it, when the test file ends. */
export async function temporaryFolder(): Promise<string> {
	const folder = await mkdtemp(path.join(tmpdir(), "scanpulse-test-"));
	atEndOfFile(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
	return folder;
}
