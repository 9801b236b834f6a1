/* The event log in NATS, on a real nats-server that is killed, paused and started again. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { connect } from "nats";
import { afterAll, beforeAll, expect, test } from "vitest";
import { codeOf } from "../../contracts/errors.ts";
import type { EventLog } from "../../platform/log/event-log.ts";
import { type JetStreamLogOptions, openJetStreamLog } from "../../platform/log/jetstream-log.ts";
import { type RunningServer, startNats } from "../../scripts/servers/start.ts";
import { until } from "../../scripts/servers/until.ts";
import { describeEventLog } from "./event-log.suite.ts";

let dir: string;
let nats: RunningServer;
let streams = 0;
const opened: EventLog[] = [];

beforeAll(async () => {
	dir = await mkdtemp(path.join(tmpdir(), "scanpulse-jetstream-"));
	nats = await startNats({ dir });
});
afterAll(async () => {
	await nats.kill("SIGCONT");
	await Promise.all(opened.map((log) => log.close()));
	await nats.stop();
	await rm(dir, { recursive: true, force: true });
});

const newStream = () => `SCANS${++streams}`;

async function open(stream: string, options: Partial<JetStreamLogOptions> = {}): Promise<EventLog> {
	// Machines that run tests stall at times: what is not about time-outs gets a long one.
	const defaults = { servers: nats.url, stream, maxBytes: 64 * 1024 ** 2, requestTimeoutMs: 10_000 };
	const log = await openJetStreamLog({ ...defaults, openTimeoutMs: 10_000, ...options });
	opened.push(log);
	return log;
}

const isBack = (log: EventLog) => until(() => log.ends(), { what: "the log to be back" });

describeEventLog("NATS JetStream", async () => {
	const stream = newStream();
	return {
		open: (partitions = undefined) => open(stream, { partitions }),
		async killWhileAppending(text, least) {
			const log = await open(stream);
			const positions: number[] = [];
			const appending = (async () => {
				for (let i = 0; ; i++) positions.push(await log.append(0, Buffer.from(text(i))));
			})().catch(codeOf);
			await until(() => positions.length >= least, { what: "the appends" });
			await nats.kill("SIGKILL");
			expect(await appending).toBe("log_unavailable");
			await log.close();
			await nats.restart();
			return positions;
		},
	};
});

test("several processes that open a new log at once make one stream", async () => {
	const stream = newStream();
	const logs = await Promise.all(Array.from({ length: 8 }, () => open(stream, { partitions: 3 })));
	expect(new Set(logs.map(({ id }) => id)).size).toBe(1);
	const positions = await Promise.all(logs.map((log) => log.append(1, Buffer.from("a"))));
	expect(positions.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test("while NATS is away a log opens, refuses at once, and is there when NATS is", async () => {
	const stream = newStream();
	await nats.kill("SIGKILL");
	const begun = performance.now();
	const log = await open(stream, { partitions: 2, openTimeoutMs: 300 });
	expect(performance.now() - begun).toBeLessThan(1500);
	expect(log.id).toBe("");
	expect(log.partitions).toBe(2);
	const { signal } = new AbortController();
	const attempts = [
		() => log.append(0, Buffer.from("a")),
		() => log.ends(),
		() => log.at(0, 1),
		() => log.trim(1),
		() => log.read(0, 0, { signal })[Symbol.asyncIterator]().next(),
	];
	for (const attempt of attempts) {
		const asked = performance.now();
		await expect(attempt()).rejects.toMatchObject({ type: "log_unavailable" });
		// A request that waited would take a second.
		expect(performance.now() - asked).toBeLessThan(900);
	}
	await nats.restart();
	await isBack(log);
	expect(log.id).toMatch(new RegExp(`^${stream}@`));
	expect(await log.append(0, Buffer.from("a"))).toBe(1);
});

test("a log that is away can be closed within two seconds", async () => {
	const log = await open(newStream());
	await nats.kill("SIGKILL");
	const never = await open(newStream(), { openTimeoutMs: 50 });
	const begun = performance.now();
	await Promise.all([log.close(), never.close()]);
	expect(performance.now() - begun).toBeLessThan(2000);
	await nats.restart();
});

test("a lost connection ends a reader with an error, and reading again goes on without loss or repetition", async () => {
	const log = await open(newStream());
	const abort = new AbortController();
	const seen: string[] = [];
	let failures = 0;
	let position = 0;
	const reading = (async () => {
		while (!abort.signal.aborted) {
			try {
				for await (const batch of log.read(0, position, { signal: abort.signal }))
					for (const message of batch) {
						seen.push(Buffer.from(message.data).toString());
						position = message.position;
					}
			} catch (error) {
				expect(codeOf(error)).toBe("log_unavailable");
				failures++;
				await isBack(log);
			}
		}
	})();
	for (let i = 0; i < 100; i++) await log.append(0, Buffer.from(`${i}`));
	await until(() => seen.length === 100, { what: "100 messages" });
	await nats.kill("SIGKILL");
	await until(() => failures > 0, { what: "the reader to notice" });
	await nats.restart();
	await isBack(log);
	for (let i = 100; i < 200; i++) await log.append(0, Buffer.from(`${i}`));
	await until(() => seen.length === 200, { what: "200 messages" });
	abort.abort();
	await reading;
	expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => `${i}`));
});

test("a server that hangs is given up in time, and its outcome called unknown", async () => {
	const log = await open(newStream(), { requestTimeoutMs: 300 });
	await log.append(0, Buffer.from("a"));
	await nats.kill("SIGSTOP");
	try {
		// The system takes its time to stop a process: some may still be answered.
		let begun = performance.now();
		const refused = await (async () => {
			for (;;) {
				begun = performance.now();
				await log.append(0, Buffer.from("b"));
			}
		})().catch(codeOf);
		expect(refused).toBe("log_unavailable");
		expect(performance.now() - begun).toBeLessThan(2000);
	} finally {
		await nats.kill("SIGCONT");
	}
	await isBack(log);
});

test("a full log says so, keeps what it has, and takes messages again after a trim", async () => {
	const log = await open(newStream(), { maxBytes: 1024 * 1024 });
	const data = Buffer.alloc(50_000, "x");
	const positions: number[] = [];
	const refused = await (async () => {
		for (;;) positions.push(await log.append(0, data));
	})().catch(codeOf);
	expect(refused).toBe("log_full");
	expect(positions.length).toBeGreaterThan(10);
	await log.trim(positions.at(-2)!);
	expect(await log.append(0, data)).toBe(positions.at(-1)! + 1);
});

test("a log that is there is given more room, and never less", async () => {
	const stream = newStream();
	const data = Buffer.alloc(50_000, "x");
	const fill = async (log: EventLog) => {
		let bytes = 0;
		for (;;) {
			if ((await log.append(0, data).catch(codeOf)) === "log_full") return bytes;
			bytes += data.length;
		}
	};
	expect(await fill(await open(stream, { maxBytes: 1024 ** 2 }))).toBeLessThan(1024 ** 2);
	const larger = await open(stream, { maxBytes: 3 * 1024 ** 2 });
	expect(await fill(larger)).toBeGreaterThan(1.5 * 1024 ** 2);
	const [end] = await larger.ends();
	const smaller = await open(stream, { maxBytes: 1024 ** 2 });
	expect(await smaller.ends()).toContainEqual(end);
	expect(await smaller.at(0, 1)).toBeDefined();
	await smaller.trim(end!.position - 1);
	expect(await fill(smaller)).toBeGreaterThan(2 * 1024 ** 2);
});

test("room that NATS does not have is said, and the log goes on with what it has", async () => {
	const stream = newStream();
	await open(stream, { maxBytes: 1024 ** 2 });
	const warnings: string[] = [];
	const logger = { info: () => undefined, warn: (message: string) => warnings.push(message) };
	const log = await open(stream, { maxBytes: 1024 ** 5, logger });
	expect(warnings).toEqual([expect.stringContaining(`${stream} in NATS stays at 1048576 bytes`)]);
	expect(await log.append(0, Buffer.from("a"))).toBe(1);
});

test("a stream that was deleted is made anew under another id, and nobody is told that the old one goes on", async () => {
	const stream = newStream();
	const log = await open(stream);
	const id = log.id;
	await log.append(0, Buffer.from("a"));
	const operator = await connect({ servers: nats.url });
	await (await operator.jetstreamManager()).streams.delete(stream);
	await operator.close();
	await expect(log.append(0, Buffer.from("b"))).rejects.toMatchObject({ type: "log_unavailable" });
	await isBack(log);
	expect(log.id).not.toBe(id);
	expect(await log.append(0, Buffer.from("b"))).toBe(1);
});

test("a reader that is slow does not lose its place behind a long backlog", async () => {
	const log = await open(newStream());
	const data = Buffer.alloc(100_000, "x");
	for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 20 }, () => log.append(0, data)));
	const abort = new AbortController();
	let position = 0;
	for await (const batch of log.read(0, 0, { signal: abort.signal, maxMessages: 7 })) {
		for (const message of batch) expect(message.position).toBe(++position);
		await log.at(0, position);
		if (position === 400) abort.abort();
	}
	expect(position).toBe(400);
});
