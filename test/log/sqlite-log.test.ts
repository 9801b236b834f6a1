/* The event log in a file, on real files and with real processes that are killed or run into the limits of the disk. */
import { writeFileSync } from "node:fs";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { codeOf } from "../../contracts/errors.ts";
import { openSqliteLog } from "../../platform/log/sqlite-log.ts";
import { startProcess } from "../../scripts/servers/process.ts";
import { describeEventLog } from "./event-log.suite.ts";

let dir: string;
let files = 0;
const newFile = () => path.join(dir, `log-${++files}.db`);

beforeAll(async () => {
	dir = await mkdtemp(path.join(tmpdir(), "scanpulse-log-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs a module's text in a process of its own; `log` in it is the file's log, and what it says is given line by line. */
function runWithLog(file: string, script: string, shell = 'exec "$0" "$@"') {
	const module = new URL("../../platform/log/sqlite-log.ts", import.meta.url).href;
	const whole = `import { openSqliteLog } from ${JSON.stringify(module)};
		const log = await openSqliteLog({ file: ${JSON.stringify(file)} });
		${script}`;
	const entry = path.join(dir, `process-${++files}.mjs`);
	writeFileSync(entry, whole);
	const args = ["-c", shell, process.execPath, entry];
	return startProcess({ command: "/bin/bash", args });
}

describeEventLog("a file", async () => {
	const file = newFile();
	return {
		open: (partitions) => openSqliteLog({ file, partitions }),
		async killWhileAppending(text, least) {
			const texts = path.join(dir, "texts.json");
			await writeFile(texts, JSON.stringify(Array.from({ length: least * 20 }, (_, index) => text(index))));
			const child = runWithLog(
				file,
				`import { readFileSync } from "node:fs";
				const texts = JSON.parse(readFileSync(${JSON.stringify(texts)}, "utf8"));
				for (let i = 0; i < texts.length; i += 10) {
					const group = texts.slice(i, i + 10).map((text) => log.append(0, Buffer.from(text)));
					console.log((await Promise.all(group)).join(" "));
				}`,
			);
			const positions: number[] = [];
			await new Promise<void>((resolve, reject) => {
				child.onLine((line) => {
					positions.push(...line.split(" ").map(Number));
					if (positions.length >= least) resolve();
				});
				void child.exited.then(() => reject(new Error(child.output())));
			});
			await child.kill("SIGKILL");
			return positions;
		},
	};
});

test("a second process is refused while a log is open, and let in when the first was killed", async () => {
	const file = newFile();
	const child = runWithLog(
		file,
		`await log.append(0, Buffer.from("a")); console.log("open"); setInterval(() => 0, 1000);`,
	);
	await new Promise<void>((resolve) => child.onLine(() => resolve()));
	await expect(openSqliteLog({ file })).rejects.toThrow(/in use by another process/);
	await child.kill("SIGKILL");
	const log = await openSqliteLog({ file });
	expect((await log.ends())[0]?.position).toBe(1);
	await log.close();
});

test("a file whose making was cut off, or that is empty, is made again; one that is no log is refused by name", async () => {
	const empty = newFile();
	await writeFile(empty, "");
	const log = await openSqliteLog({ file: empty });
	await log.append(0, Buffer.from("a"));
	await log.close();
	const foreign = newFile();
	await writeFile(foreign, "this is no database, but long enough to be read as one".repeat(100));
	await expect(openSqliteLog({ file: foreign })).rejects.toThrow(foreign);
	await expect(openSqliteLog({ file: path.join(dir, "no-such-folder", "log.db") })).rejects.toMatchObject({
		type: "log_unavailable",
	});
});

test("a full log says so, keeps what it has, and takes messages again after a trim", async () => {
	const log = await openSqliteLog({ file: newFile(), maxBytes: 1024 * 1024 });
	const data = Buffer.alloc(50_000, "x");
	const positions: number[] = [];
	const refused = await (async () => {
		for (;;) positions.push(await log.append(0, data));
	})().catch(codeOf);
	expect(refused).toBe("log_full");
	expect(positions.length).toBeGreaterThan(10);
	expect((await log.ends())[0]?.position).toBe(positions.at(-1));
	await log.trim(positions.at(-2)!);
	expect(await log.append(0, data)).toBeGreaterThan(positions.at(-1)!);
	await log.close();
});

test("space is used again: a log that is trimmed as it is written does not grow", async () => {
	const file = newFile();
	const log = await openSqliteLog({ file });
	const data = Buffer.alloc(50_000, "x");
	for (let round = 0; round < 40; round++) {
		const positions = await Promise.all(Array.from({ length: 20 }, () => log.append(0, data)));
		await log.trim(positions.at(-1)!);
	}
	await log.close();
	expect((await stat(file)).size).toBeLessThan(8 * 1024 * 1024);
});

test("after a write that failed the file takes nothing more, and what it had acknowledged is there when opened again", async () => {
	const file = newFile();
	// Beyond the process's limit on file sizes the system refuses writes; there would be room for a small message.
	const child = runWithLog(
		file,
		`const positions = [];
		const codes = [];
		try {
			for (;;) positions.push(await log.append(0, Buffer.alloc(150_000, "x")));
		} catch (error) { codes.push(error.type); }
		for (let i = 0; i < 3; i++) await log.append(0, Buffer.from("small")).catch((error) => codes.push(error.type));
		await log.trim(1).catch((error) => codes.push(error.type));
		const read = await log.at(0, positions.at(-1));
		console.log(JSON.stringify({ positions, codes, readable: read.data.length }));
		process.kill(process.pid, "SIGKILL");`,
		'ulimit -f 1000; exec "$0" "$@"',
	);
	const line = await new Promise<string>((resolve, reject) => {
		child.onLine(resolve);
		void child.exited.then(() => reject(new Error(child.output())));
	});
	const { positions, codes, readable } = JSON.parse(line) as { positions: number[]; codes: string[]; readable: number };
	expect(positions.length).toBeGreaterThan(3);
	expect(codes).toEqual(Array(5).fill("log_unavailable"));
	expect(readable).toBe(150_000);
	await child.exited;
	const log = await openSqliteLog({ file });
	for (const position of positions) expect((await log.at(0, position))?.data.length).toBe(150_000);
	expect(await log.append(0, Buffer.from("small"))).toBeGreaterThan(positions.at(-1)!);
	await log.close();
});
