/*
 * The spool keeps what was accepted while the log was away: over a crash of the gateway, over a crash in the middle of
 * draining, and over files that cannot be read. A message that comes twice comes with the same producer and number.
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { CodedError, codeOf } from "../../contracts/errors.ts";
import type { AcceptedScan } from "../../contracts/scan.ts";
import { type FileLayer, machineFiles } from "../../platform/log/file-layer.ts";
import { encodeMessage, type ScanMessage } from "../../platform/log/message.ts";
import { openSpool, type Spool } from "../../platform/log/spool.ts";
import { startProcess } from "../../scripts/servers/process.ts";
import { until } from "../../scripts/servers/until.ts";

let root: string;
let dir: string;
let folders = 0;
const { signal } = new AbortController();

beforeAll(async () => {
	root = await mkdtemp(path.join(tmpdir(), "scanpulse-spool-"));
});
beforeEach(() => {
	dir = path.join(root, `${++folders}`, "spool");
});
afterAll(() => rm(root, { recursive: true, force: true }));

const scan = (id: string): AcceptedScan => ({
	id,
	organisation: "default",
	code: "c1",
	slug: "menu",
	at: 1_763_900_000_000,
	source: "qr",
	device: "mobile",
	bot: false,
});

function message(producer: string, number: number, scans = 1): ScanMessage {
	return {
		producer,
		number,
		acceptedAt: 1_763_900_000_000,
		totals: { default: number * scans },
		scans: Array.from({ length: scans }, (_, index) => scan(`${producer}-${number}-${index}`)),
	};
}

const open = (partitions = 2, options = {}) => openSpool({ dir, partitions, ...options });
const name = ({ producer, number }: ScanMessage) => `${producer}/${number}`;

/** Drains into a list per partition. */
async function drain(spool: Spool, into: string[][] = [[], []]): Promise<string[][]> {
	await spool.drain(async (partition, drained) => void into[partition]?.push(name(drained)), signal);
	return into;
}

test("what was kept comes back unchanged, in order within its partition, and then leaves no file", async () => {
	const spool = await open();
	expect(await readdir(dir)).toEqual([]);
	const kept: ScanMessage[][] = [[], []];
	for (let number = 1; number <= 100; number++)
		for (const partition of [0, 1]) {
			const next = message(`p${partition}`, number, 3);
			kept[partition]?.push(next);
			await spool.append(partition, encodeMessage(next));
		}
	expect(spool.scans).toBe(600);
	expect(await spool.bytes()).toBeGreaterThan(600 * 100);
	expect(spool.files()).toHaveLength(1);
	const drained: ScanMessage[][] = [[], []];
	await spool.drain(async (partition, next) => void drained[partition]?.push(next), signal);
	expect(drained).toEqual(kept);
	expect(spool.scans).toBe(0);
	expect(await spool.bytes()).toBe(0);
	expect(await readdir(dir)).toEqual([]);
	await spool.close();
});

test("files of earlier starts are counted at the opening and drained first, oldest first", async () => {
	for (const start of ["first", "second"]) {
		const spool = await open();
		await Promise.all([1, 2, 3].map((number) => spool.append(0, encodeMessage(message(start, number, 2)))));
		await spool.append(1, encodeMessage(message(start, 1)));
		await spool.close();
	}
	const spool = await open();
	expect(spool.scans).toBe(14);
	await spool.append(0, encodeMessage(message("third", 1)));
	expect(spool.files()).toHaveLength(3);
	expect(await drain(spool)).toEqual([
		["first/1", "first/2", "first/3", "second/1", "second/2", "second/3", "third/1"],
		["first/1", "second/1"],
	]);
	expect(await readdir(dir)).toEqual([]);
	await spool.close();
});

test("while it is drained it takes more, and the draining ends when all of that is drained too", async () => {
	const spool = await open(1);
	await spool.append(0, encodeMessage(message("p", 1)));
	const drained: string[] = [];
	await spool.drain(async (_, next) => {
		drained.push(name(next));
		if (next.number < 20) await spool.append(0, encodeMessage(message("p", next.number + 1)));
	}, signal);
	expect(drained).toEqual(Array.from({ length: 20 }, (_, index) => `p/${index + 1}`));
	expect(await readdir(dir)).toEqual([]);
	await spool.close();
});

test("nothing is lost when appends and draining race", async () => {
	const spool = await open(1);
	const drained: string[] = [];
	let writing = true;
	const write = async (producer: string) => {
		for (let number = 1; number <= 25; number++) await spool.append(0, encodeMessage(message(producer, number)));
	};
	const writers = Promise.all(["a", "b", "c"].map(write)).then(() => {
		writing = false;
	});
	while (writing || spool.scans > 0) {
		await spool.drain(async (_, next) => void drained.push(name(next)), signal);
		await nextTurn();
	}
	await writers;
	for (const producer of ["a", "b", "c"])
		expect(drained.filter((entry) => entry.startsWith(producer))).toEqual(
			Array.from({ length: 25 }, (_, index) => `${producer}/${index + 1}`),
		);
	await spool.close();
});

test("when the log refuses in the middle, draining says so and goes on there the next time", async () => {
	const spool = await open(1);
	for (let number = 1; number <= 50; number++) await spool.append(0, encodeMessage(message("p", number)));
	const drained: string[] = [];
	const refusing = spool.drain(async (_, next) => {
		if (next.number === 30) throw new CodedError("log_unavailable", "away");
		drained.push(name(next));
	}, signal);
	expect(await refusing.catch(codeOf)).toBe("log_unavailable");
	expect(drained.at(-1)).toBe("p/29");
	expect(spool.scans).toBe(21);
	await spool.append(0, encodeMessage(message("p", 51)));
	const [rest] = await drain(spool);
	expect(rest?.slice(-22)).toEqual(Array.from({ length: 22 }, (_, index) => `p/${index + 30}`));
	// What it had not noted yet comes again, no more than a handful.
	expect(rest!.length).toBeLessThanOrEqual(22 + 16);
	expect(spool.scans).toBe(0);
	await spool.close();
});

/** A gateway in a process of its own that appends to a spool, or drains it, and says each step on a line. */
function runWithSpool(script: string) {
	const file = path.join(root, `${++folders}.mjs`);
	const load = (module: string) => JSON.stringify(new URL(`../../platform/log/${module}`, import.meta.url).href);
	const text = `import { openSpool } from ${load("spool.ts")};
		import { encodeMessage } from ${load("message.ts")};
		const { signal } = new AbortController();
		const spool = await openSpool({ dir: ${JSON.stringify(dir)}, partitions: 2 });
		${script}`;
	return { start: () => writeFile(file, text).then(() => startProcess({ command: process.execPath, args: [file] })) };
}

test("what was acknowledged survives a SIGKILL of the gateway while it appends", async () => {
	const child = await runWithSpool(`
		for (let number = 1; ; number++) {
			const scans = [${JSON.stringify(scan("s"))}];
			const message = { producer: "p", number, acceptedAt: 1, totals: { default: number }, scans };
			await spool.append(1, encodeMessage(message));
			console.log(number);
		}`).start();
	let acknowledged = 0;
	child.onLine((line) => {
		acknowledged = Number(line);
	});
	await until(() => acknowledged >= 300, { what: "300 messages" });
	await child.kill("SIGKILL");
	const spool = await open();
	const waiting = spool.scans;
	const [, drained] = await drain(spool);
	expect(drained).toEqual(drained?.map((_, index) => `p/${index + 1}`));
	expect(drained!.length).toBeGreaterThanOrEqual(acknowledged);
	expect(waiting).toBe(drained!.length);
	await spool.close();
});

test("a SIGKILL in the middle of draining loses nothing, keeps the order and repeats only the last few", async () => {
	const first = await open();
	for (let number = 1; number <= 400; number++)
		await first.append(number % 2, encodeMessage(message(`p${number % 2}`, (number + (number % 2)) / 2)));
	await first.close();
	const before: string[][] = [[], []];
	// It stands still before the last hundred, so that it cannot have ended before the signal comes.
	const child = await runWithSpool(`
		let begun = 0;
		await spool.drain(async (partition, { producer, number }) => {
			if (++begun > 300) await new Promise((resolve) => setTimeout(resolve, 60_000));
			await new Promise((resolve) => setImmediate(resolve));
			await new Promise((resolve) => process.stdout.write(partition + " " + producer + "/" + number + "\\n", resolve));
		}, signal);`).start();
	child.onLine((line) => {
		const [partition, drained] = line.split(" ");
		before[Number(partition)]?.push(drained as string);
	});
	await until(() => before[0]!.length + before[1]!.length >= 150, { what: "150 messages", everyMs: 1 });
	await child.kill("SIGKILL");
	const count = before[0]!.length + before[1]!.length;
	expect(count).toBeLessThan(400);
	const spool = await open();
	const after = await drain(spool);
	await spool.close();
	for (const partition of [0, 1]) {
		const all = Array.from({ length: 200 }, (_, index) => `p${partition}/${index + 1}`);
		const done = before[partition] as string[];
		const rest = after[partition] as string[];
		expect(done).toEqual(all.slice(0, done.length));
		expect(rest).toEqual(all.slice(200 - rest.length));
		expect(done.length + rest.length).toBeGreaterThanOrEqual(200);
		expect(rest.length).toBeLessThan(200);
	}
	expect(await readdir(dir)).toEqual([]);
});

test("a file that cannot be read is passed over and stays, the others are drained", async () => {
	const earlier = await open(1);
	await earlier.append(0, encodeMessage(message("earlier", 1)));
	await earlier.close();
	const damaged = "spool-000000000000001-000001-damaged";
	await mkdir(path.join(dir, damaged));
	await writeFile(path.join(dir, damaged, "0000000000000001.seg"), "no segment, though as long as one".repeat(100));
	const warnings: string[] = [];
	const spool = await open(1, { logger: { warn: (text: string) => warnings.push(text) } });
	expect(await drain(spool)).toEqual([["earlier/1"], []]);
	expect(warnings.join()).toContain(damaged);
	expect(await readdir(dir)).toEqual([damaged]);
	await spool.close();
});

test("a full spool says so, and takes more when it was drained", async () => {
	const spool = await open(1, { maxBytes: 256 * 1024 });
	let kept = 0;
	const refused = await (async () => {
		for (;;) await spool.append(0, encodeMessage(message("p", ++kept, 50)));
	})().catch(codeOf);
	expect(refused).toBe("log_full");
	expect(spool.scans).toBe((kept - 1) * 50);
	const [drained] = await drain(spool);
	expect(drained).toHaveLength(kept - 1);
	await spool.append(0, encodeMessage(message("p", kept, 50)));
	await spool.close();
	await expect(spool.append(0, encodeMessage(message("p", 99)))).rejects.toMatchObject({ type: "log_unavailable" });
});

test("when a file fails the spool goes on in a new one, and nothing acknowledged is lost", async () => {
	let writes = 0;
	const files: FileLayer = {
		...machineFiles,
		async open(name, how) {
			const file = await machineFiles.open(name, how);
			const failed = () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" }));
			return {
				read: (into, at) => file.read(into, at),
				write: (data, at) => (how === "durable" && ++writes % 10 === 0 ? failed() : file.write(data, at)),
				sync: () => file.sync(),
				close: () => file.close(),
			};
		},
	};
	const failing = await open(1, { files });
	for (let number = 1; number <= 40; number++) await failing.append(0, encodeMessage(message("p", number)));
	expect(failing.files().length).toBeGreaterThan(3);
	await failing.close();
	const spool = await open(1);
	expect(spool.scans).toBeGreaterThanOrEqual(40);
	const [drained] = await drain(spool);
	// One whose fate was unknown when its file failed may come twice, with the same number.
	expect([...new Set(drained)]).toEqual(Array.from({ length: 40 }, (_, index) => `p/${index + 1}`));
	await spool.close();
});

test("a damaged message is passed over and said, the others are drained", async () => {
	const warnings: string[] = [];
	const spool = await open(1, { logger: { warn: (text: string) => warnings.push(text) } });
	const damaged = Uint8Array.from(encodeMessage(message("p", 2)));
	damaged[40] = 0;
	await spool.append(0, encodeMessage(message("p", 1)));
	await spool.append(0, damaged);
	await spool.append(0, encodeMessage(message("p", 3)));
	expect((await drain(spool))[0]).toEqual(["p/1", "p/3"]);
	expect(warnings.join()).toContain("checksum");
	expect(await readdir(dir)).toEqual([]);
	await spool.close();
});
