/*
 * What a file of entities confirmed is in it, however the process ends and whatever the disk refuses.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { EntityCollection } from "../../mixins/entity-collection.ts";
import { FileEntityAdapter } from "../../mixins/file-adapter.ts";
import { type OwnedProcess, startProcess } from "../../scripts/servers/process.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { until } from "../harness/product.ts";

const WRITER = fileURLToPath(new URL("./writing-process.ts", import.meta.url));
/** Largest file that the refused process may write, in units of `ulimit -f` (512 or 1,024 bytes). */
const SMALL_FILE = 64;

const confirmed = (writer: OwnedProcess) => [...writer.output().matchAll(/^confirmed (\w+)$/gm)].map(([, id]) => id);

async function idsIn(file: string): Promise<string[]> {
	const adapter = new FileEntityAdapter(file, []);
	await adapter.connect();
	const found = await new EntityCollection("entities", adapter).find({});
	await adapter.disconnect();
	return found.map(({ id }) => id);
}

test("every confirmed entity survives SIGKILL, again and again", async () => {
	const file = path.join(await temporaryFolder(), "entities.db");
	const all: (string | undefined)[] = [];
	for (let round = 0; round < 5; round++) {
		const writer = startProcess({ command: process.execPath, args: [WRITER, file, String(round * 1_000_000)] });
		await until(() => confirmed(writer).length >= 20, { what: "20 entities to be confirmed", everyMs: 1 });
		await writer.kill("SIGKILL");
		all.push(...confirmed(writer));
		expect(await idsIn(file)).toEqual(expect.arrayContaining(all));
	}
});

test("what the disk refused is refused as unavailable, and nothing confirmed is lost by it", async () => {
	const file = path.join(await temporaryFolder(), "entities.db");
	const limited = `ulimit -f ${SMALL_FILE} && exec "$0" "$@"`;
	const writer = startProcess({ command: "/bin/sh", args: ["-c", limited, process.execPath, WRITER, file] });
	await writer.exited;
	expect(writer.output()).toMatch(/^refused \w+ unavailable$/m);
	expect(writer.output()).not.toMatch(/^refused \w+ (?!unavailable)/m);
	expect(confirmed(writer).length).toBeGreaterThan(10);
	expect((await idsIn(file)).sort()).toEqual(confirmed(writer).sort());
});
