/* The event log in files: real ones, with real processes that are killed or run into the limits of the disk. */
import { writeFileSync } from "node:fs";
import { mkdtemp, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { codeOf } from "../../contracts/errors.ts";
import { type FileLayer, machineFiles } from "../../platform/log/file-layer.ts";
import { openFileLog } from "../../platform/log/file-log.ts";
import { startProcess } from "../../scripts/servers/process.ts";
import { until } from "../../scripts/servers/until.ts";
import { describeEventLog } from "./event-log.suite.ts";

let dir: string;
let folders = 0;
const newFolder = () => path.join(dir, `log-${++folders}`);

beforeAll(async () => {
	dir = await mkdtemp(path.join(tmpdir(), "scanpulse-log-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs a module's text in a process of its own; `log` in it is the folder's log, and what it says is given line by line. */
function runWithLog(folder: string, script: string, shell = 'exec "$0" "$@"') {
	const module = new URL("../../platform/log/file-log.ts", import.meta.url).href;
	const whole = `import { openFileLog } from ${JSON.stringify(module)};
		const log = await openFileLog({ dir: ${JSON.stringify(folder)} });
		${script}`;
	const entry = path.join(dir, `process-${++folders}.mjs`);
	writeFileSync(entry, whole);
	const args = ["-c", shell, process.execPath, entry];
	return startProcess({ command: "/bin/bash", args });
}

describeEventLog("files", async () => {
	const folder = newFolder();
	return {
		open: (partitions) => openFileLog({ dir: folder, partitions }),
		async killWhileAppending(text, least) {
			const texts = path.join(dir, "texts.json");
			await writeFile(texts, JSON.stringify(Array.from({ length: least * 20 }, (_, index) => text(index))));
			const child = runWithLog(
				folder,
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

/** Bytes of all files in a folder. */
async function size(folder: string): Promise<number> {
	const sizes = await Promise.all((await readdir(folder)).map((name) => stat(path.join(folder, name))));
	return sizes.reduce((sum, { size }) => sum + size, 0);
}

test("a folder whose making was cut off is made again; a file that is no segment is refused by name", async () => {
	const begun = newFolder();
	await (await openFileLog({ dir: begun })).close();
	const [segment = ""] = (await readdir(begun)).filter((name) => name.endsWith(".seg"));
	await rm(path.join(begun, segment));
	await writeFile(path.join(begun, "next.new"), "");
	const log = await openFileLog({ dir: begun });
	await log.append(0, Buffer.from("a"));
	await log.close();
	await truncate(path.join(begun, segment), 20);
	await expect(openFileLog({ dir: begun })).rejects.toMatchObject({
		type: "log_unavailable",
		message: expect.stringContaining(segment),
	});
	await expect(openFileLog({ dir: path.join(begun, segment, "log") })).rejects.toMatchObject({
		type: "log_unavailable",
	});
});

test("a full log says so, keeps what it has, and takes messages again after a trim", async () => {
	const log = await openFileLog({ dir: newFolder(), maxBytes: 1024 * 1024 });
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

test("space is freed: a log that is trimmed as it is written does not grow", async () => {
	const folder = newFolder();
	const log = await openFileLog({ dir: folder });
	const data = Buffer.alloc(50_000, "x");
	for (let round = 0; round < 80; round++) {
		const positions = await Promise.all(Array.from({ length: 20 }, () => log.append(0, data)));
		await log.trim(positions.at(-1)!);
	}
	expect(await size(folder)).toBeLessThan(20 * 1024 * 1024);
	await log.close();
});

test("a reader far behind reads everything from the files while more is appended, also across a trim", async () => {
	const log = await openFileLog({ dir: newFolder(), partitions: 3 });
	const data = (index: number) => Buffer.from(`${index} ${"x".repeat((index * 7919) % 30_000)}`);
	const count = 1_500;
	const append = async (from: number, to: number) => {
		for (let index = from; index < to; index++) await log.append(index % 3, data(index));
	};
	await append(0, count / 2);
	const appending = append(count / 2, count);
	const reading = new AbortController();
	const seen: number[] = [];
	for await (const batch of log.read(1, 0, { signal: reading.signal, maxMessages: 50 })) {
		for (const message of batch) seen.push(Number.parseInt(Buffer.from(message.data).toString(), 10));
		await log.trim(batch[0]!.position - 1);
		if (seen.length === count / 3) reading.abort();
	}
	await appending;
	expect(seen).toEqual(Array.from({ length: count / 3 }, (_, index) => 3 * index + 1));
	await log.close();
});

test("what was trimmed does not come back after a SIGKILL", async () => {
	const folder = newFolder();
	const child = runWithLog(
		folder,
		`for (let i = 0; i < 10; i++) await log.append(0, Buffer.from(String(i)));
		await log.trim(7);
		console.log("trimmed");
		setInterval(() => 0, 1000);`,
	);
	await new Promise<void>((resolve) => child.onLine(() => resolve()));
	await child.kill("SIGKILL");
	const log = await openFileLog({ dir: folder });
	expect(await log.at(0, 7)).toBeUndefined();
	expect(Buffer.from((await log.at(0, 8))!.data).toString()).toBe("7");
	await log.close();
});

/** The machine's files, of which some writes go wrong. */
function faulty(fault: (data: Uint8Array) => string | undefined, writesAllTheSame = false): FileLayer {
	return {
		...machineFiles,
		async open(name, how) {
			const file = await machineFiles.open(name, how);
			return {
				read: (into, at) => file.read(into, at),
				async write(data, at) {
					const code = fault(data);
					if (!code || writesAllTheSame) await file.write(data, at);
					if (code) throw Object.assign(new Error(code), { code });
				},
				sync: () => file.sync(),
				close: () => file.close(),
			};
		},
	};
}

test("a full disk is used to the last, then the log is full, and it goes on when there is room again", async () => {
	const folder = newFolder();
	let room = 3_000_000;
	const files = faulty((written) => {
		// Only zeros make a file longer; all else is written over them.
		if (written.some((byte) => byte !== 0)) return undefined;
		if (written.length > room) return "ENOSPC";
		room -= written.length;
		return undefined;
	});
	const log = await openFileLog({ dir: folder, files });
	const data = Buffer.alloc(100_000, "x");
	const positions: number[] = [];
	const refused = await (async () => {
		for (;;) positions.push(await log.append(0, data));
	})().catch(codeOf);
	expect(refused).toBe("log_full");
	expect(positions.length).toBeGreaterThan(5);
	expect(await log.append(0, data).catch(codeOf)).toBe("log_full");
	room = 10_000_000;
	const again = () => log.append(0, data).catch(() => undefined);
	positions.push(await until(again, { what: "room", timeoutMs: 5_000, everyMs: 20 }));
	await log.close();
	const opened = await openFileLog({ dir: folder });
	for (const position of positions) expect((await opened.at(0, position))?.data.length).toBe(100_000);
	await opened.close();
});

test("after a write that failed, whatever of it reached the disk, the log takes nothing more, and what it had acknowledged is there when opened again", async () => {
	for (const reaches of [false, true]) {
		const folder = newFolder();
		let fail = false;
		const files = faulty(() => (fail ? "EIO" : undefined), reaches);
		const log = await openFileLog({ dir: folder, files });
		const positions = [await log.append(0, Buffer.from("a")), await log.append(0, Buffer.from("b"))];
		fail = true;
		expect(await log.append(0, Buffer.from("c")).catch(codeOf)).toBe("log_unavailable");
		fail = false;
		expect(await log.append(0, Buffer.from("d")).catch(codeOf)).toBe("log_unavailable");
		expect(await log.trim(1).catch(codeOf)).toBe("log_unavailable");
		expect(Buffer.from((await log.at(0, positions[1]!))!.data).toString()).toBe("b");
		await log.close();
		const again = await openFileLog({ dir: folder });
		expect(Buffer.from((await again.at(0, positions[1]!))!.data).toString()).toBe("b");
		expect(await again.append(0, Buffer.from("e"))).toBeGreaterThan(positions[1]!);
		await again.close();
	}
});
