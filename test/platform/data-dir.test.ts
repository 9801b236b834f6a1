/* Who gets which data folder: one process each, and of numbered ones the first that is nobody's. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { readConfig } from "../../platform/config.ts";
import { lockDataDir } from "../../platform/data-dir.ts";
import { temporaryFolder } from "../harness/folder.ts";

test("processes that are told the same numbered folder take one each, and who comes again the first that is free", async () => {
	const root = await temporaryFolder();
	const numbered = path.join(root, "gateway-{n}");
	const take = () => lockDataDir(numbered);
	const [first, second, third] = [take(), take(), take()];
	expect([first, second, third].map(({ dir }) => path.relative(root, dir))).toEqual([
		"gateway-1",
		"gateway-2",
		"gateway-3",
	]);
	second.release();
	const again = take();
	expect(again.dir).toBe(second.dir);
	const fourth = take();
	expect(path.basename(fourth.dir)).toBe("gateway-4");
	for (const lock of [first, again, third, fourth]) lock.release();
});

test("a folder that cannot be written is an error, however many numbers there are", async () => {
	const file = path.join(await temporaryFolder(), "file");
	await writeFile(file, "");
	expect(() => lockDataDir(path.join(file, "gateway-{n}"))).toThrow(
		/DATA_DIR is .*expected a folder that can be written/,
	);
});

test("a numbered folder is refused where it would hold the only copy of what was counted", () => {
	const servers = { NATS_URL: "nats://n:4222", MONGO_URL: "mongodb://m/s?replicaSet=rs0" };
	expect(readConfig({ ...servers, DATA_DIR: "/data/gateway-{n}" }).dataDir).toBe("/data/gateway-{n}");
	expect(() => readConfig({ DATA_DIR: "/data/gateway-{n}", MONGO_URL: servers.MONGO_URL })).toThrow(
		/^NATS_URL is not set: .*DATA_DIR=\/data\/gateway-\{n\}/,
	);
	expect(() => readConfig({ DATA_DIR: "/data/gateway-{n}", NATS_URL: servers.NATS_URL })).toThrow(
		/^MONGO_URL is not set/,
	);
});
