import { readdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { watchDisk } from "../../scripts/load/disk.ts";
import { temporaryFolder } from "../harness/folder.ts";

test("says how long the disk took to keep a little, and leaves nothing there", async () => {
	const dir = await temporaryFolder();
	const end = await watchDisk(dir);
	// Time enough for a second look.
	await delay(700);
	const figures = await end();
	const { "disk.sync_ms.p50": median, "disk.sync_ms.p99": slow, "disk.sync_ms.max": longest } = figures;
	expect(median).toBeGreaterThan(0);
	expect(slow).toBeGreaterThanOrEqual(median as number);
	expect(longest).toBeGreaterThanOrEqual(slow as number);
	expect(await readdir(dir)).toEqual([]);
});

test("a folder that cannot be written to is refused at once", async () => {
	const missing = path.join(await temporaryFolder(), "missing");
	await expect(watchDisk(missing)).rejects.toMatchObject({ code: "ENOENT" });
});
