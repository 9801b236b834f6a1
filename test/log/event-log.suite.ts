/*
 * What every event log promises, whatever it is made of. Each implementation runs this on the real thing: a file with
 * real processes, a real JetStream server.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeOf } from "../../contracts/errors.ts";
import type { EventLog, LogMessage } from "../../platform/log/event-log.ts";
import { decodeMessage, encodeMessage, type ScanMessage } from "../../platform/log/message.ts";

/** Where one log lives: opened several times, it is the same log. */
export interface LogPlace {
	open(partitions?: number): Promise<EventLog>;
	/**
	 * Appends `text(0)`, `text(1)` … to partition 0 of the log, which nobody has open, until at least `least` are
	 * acknowledged, and ends what must not be needed for their safety by SIGKILL while it goes on. The log can be opened
	 * again afterwards.
	 *
	 * @returns the positions acknowledged, in order
	 */
	killWhileAppending(text: (index: number) => string, least: number): Promise<number[]>;
}

const text = (data: Uint8Array) => Buffer.from(data).toString();

/** Reads until `count` messages came. */
async function take(log: EventLog, partition: number, after: number, count: number): Promise<LogMessage[]> {
	const abort = new AbortController();
	const messages: LogMessage[] = [];
	for await (const batch of log.read(partition, after, { signal: abort.signal })) {
		messages.push(...batch);
		if (messages.length >= count) abort.abort();
	}
	return messages;
}

/** The code with which something is refused, undefined when it is not. */
async function refusal(promise: Promise<unknown>): Promise<string | undefined> {
	return promise.then(
		() => undefined,
		(error) => codeOf(error) ?? String(error),
	);
}

/** Describes an event log; `newPlace` gives a place where none is yet. */
export function describeEventLog(name: string, newPlace: () => Promise<LogPlace>): void {
	describe(`the event log in ${name}`, () => {
		let place: LogPlace;
		const opened: EventLog[] = [];
		const open = async (partitions?: number) => {
			const log = await place.open(partitions);
			opened.push(log);
			return log;
		};
		beforeEach(async () => {
			place = await newPlace();
		});
		afterEach(() => Promise.all(opened.splice(0).map((log) => log.close())));

		test("messages appended one after the other, or all at once, are read in that order", async () => {
			const log = await open();
			const positions: number[] = [];
			for (let i = 0; i < 10; i++) positions.push(await log.append(0, Buffer.from(`message ${i}`)));
			const many = Array.from({ length: 2000 }, (_, i) => log.append(0, Buffer.from(`message ${10 + i}`)));
			positions.push(...(await Promise.all(many)));
			expect(positions).toEqual([...positions].sort((a, b) => a - b));
			expect(positions[0]).toBeGreaterThan(0);
			const messages = await take(log, 0, 0, positions.length);
			expect(messages.map(({ data }) => text(data))).toEqual(positions.map((_, i) => `message ${i}`));
			expect(messages.map(({ position }) => position)).toEqual(positions);
		});

		test("each partition keeps its order and nothing of the others while all are written and read at once", async () => {
			const log = await open(4);
			const write = async (partition: number) => {
				for (let i = 0; i < 300; i++) await log.append(partition, Buffer.from(`${partition}/${i}`));
			};
			const partitions = [0, 1, 2, 3];
			const readers = partitions.map((partition) => take(log, partition, 0, 300));
			await Promise.all(partitions.map(write));
			const late = partitions.map((partition) => take(log, partition, 0, 300));
			for (const [partition, reading] of [...readers.entries(), ...late.entries()]) {
				const messages = await reading;
				expect(messages.map(({ data }) => text(data))).toEqual(
					Array.from({ length: 300 }, (_, i) => `${partition}/${i}`),
				);
				expect(messages.every((message) => message.partition === partition)).toBe(true);
			}
		});

		test("reading begins after any position, also one between two messages of the partition", async () => {
			const log = await open(2);
			const positions: number[] = [];
			for (let i = 0; i < 20; i++) positions.push(await log.append(i % 2, Buffer.from(`${i}`)));
			for (const [index, after] of positions.entries()) {
				const expected = positions.filter((position, i) => i % 2 === 0 && position > after);
				if (expected.length === 0) continue;
				const messages = await take(log, 0, after, expected.length);
				expect(messages.map(({ position }) => position)).toEqual(expected);
				expect(text(messages[0]!.data)).toBe(`${index % 2 === 0 ? index + 2 : index + 1}`);
			}
		});

		test("a reader that waits gets a message at once, not after a delay", async () => {
			const log = await open();
			const abort = new AbortController();
			const reading = log.read(0, 0, { signal: abort.signal })[Symbol.asyncIterator]();
			await log.append(0, Buffer.from("warm up"));
			await reading.next();
			const begun = performance.now();
			for (let i = 0; i < 50; i++) {
				const next = reading.next();
				await log.append(0, Buffer.from(`${i}`));
				const { value } = await next;
				expect(value.map(({ data }: LogMessage) => text(data))).toEqual([`${i}`]);
			}
			expect((performance.now() - begun) / 50).toBeLessThan(20);
			abort.abort();
			expect((await reading.next()).done).toBe(true);
		});

		test("a batch is never larger than asked for", async () => {
			const log = await open();
			await Promise.all(Array.from({ length: 25 }, (_, i) => log.append(0, Buffer.from(`${i}`))));
			const abort = new AbortController();
			let seen = 0;
			for await (const batch of log.read(0, 0, { signal: abort.signal, maxMessages: 10 })) {
				expect(batch.length).toBeLessThanOrEqual(10);
				seen += batch.length;
				if (seen === 25) abort.abort();
			}
			expect(seen).toBe(25);
		});

		test("a message as large as half a megabyte comes back unchanged", async () => {
			const log = await open();
			const large = Buffer.from(Array.from({ length: 512 * 1024 }, (_, i) => (i * 31) & 0xff));
			await log.append(0, large);
			await log.append(0, large.subarray(7));
			const messages = await take(log, 0, 0, 2);
			expect(large.equals(messages[0]!.data)).toBe(true);
			expect(large.subarray(7).equals(messages[1]!.data)).toBe(true);
		});

		test("reading ends without an error when its signal says so, also while it waits", async () => {
			const log = await open();
			const abort = new AbortController();
			const waiting = (async () => {
				const batches = [];
				for await (const batch of log.read(0, 0, { signal: abort.signal })) batches.push(batch);
				return batches;
			})();
			await nextTurn();
			abort.abort();
			expect(await waiting).toEqual([]);
			for await (const _ of log.read(0, 0, { signal: abort.signal })) expect.unreachable();
		});

		test("trim forgets what is below a position in all partitions, but never the last message of the log", async () => {
			const log = await open(2);
			const positions: number[] = [];
			for (let i = 0; i < 10; i++) positions.push(await log.append(i % 2, Buffer.from(`${i}`)));
			await log.trim(positions[3]!);
			expect((await take(log, 0, 0, 3)).map(({ data }) => text(data))).toEqual(["4", "6", "8"]);
			expect((await take(log, 1, 0, 3)).map(({ data }) => text(data))).toEqual(["5", "7", "9"]);
			await log.trim(positions[9]! + 1000);
			expect(await log.at(1, positions[9]!)).toMatchObject({ partition: 1, position: positions[9] });
			expect(await log.at(0, positions[8]!)).toBeUndefined();
			await log.trim(0);
			expect(await log.ends()).toEqual([
				{ partition: 0, position: 0 },
				{ partition: 1, position: positions[9] },
			]);
		});

		test("a position is never given twice, also when all was trimmed and the log was opened again", async () => {
			const log = await open();
			const first = await log.append(0, Buffer.from("first"));
			await log.trim(first);
			await log.close();
			const again = await open();
			await again.trim(first);
			expect(await again.append(0, Buffer.from("second"))).toBeGreaterThan(first);
		});

		test("a log without messages can be trimmed, read and asked for its ends", async () => {
			const log = await open(2);
			await log.trim(100);
			expect(await log.ends()).toEqual([
				{ partition: 0, position: 0 },
				{ partition: 1, position: 0 },
			]);
			expect(await log.at(0, 1)).toBeUndefined();
			expect(await log.at(0, 0)).toBeUndefined();
		});

		test("a message is found at its position in its own partition only", async () => {
			const log = await open(2);
			const a = await log.append(0, Buffer.from("a"));
			const b = await log.append(1, Buffer.from("b"));
			const found = await log.at(1, b);
			expect(found && text(found.data)).toBe("b");
			expect(await log.at(0, b)).toBeUndefined();
			expect(await log.at(1, a)).toBeUndefined();
			expect(await log.at(0, b + 1)).toBeUndefined();
		});

		test("the ends are the positions of each partition's last message", async () => {
			const log = await open(3);
			await log.append(0, Buffer.from("a"));
			const b = await log.append(2, Buffer.from("b"));
			const c = await log.append(0, Buffer.from("c"));
			expect(await log.ends()).toEqual([
				{ partition: 0, position: c },
				{ partition: 1, position: 0 },
				{ partition: 2, position: b },
			]);
		});

		test("a log keeps its id, and another log has another one", async () => {
			const log = await open();
			const id = log.id;
			await log.append(0, Buffer.from("a"));
			await log.close();
			expect((await open()).id).toBe(id);
			place = await newPlace();
			expect((await open()).id).not.toBe(id);
		});

		test("a number of partitions other than the log's is refused by naming PARTITIONS and both values", async () => {
			const log = await open(3);
			expect(log.partitions).toBe(3);
			await log.close();
			await expect(place.open(2)).rejects.toThrow(/PARTITIONS is 2.* 3/);
			expect((await open()).partitions).toBe(3);
		});

		test("a partition that the log does not have is refused", async () => {
			const log = await open(2);
			for (const partition of [2, -1, 0.5]) {
				await expect(log.append(partition, Buffer.from("a"))).rejects.toThrow(/partitions 0–1/);
				await expect(log.at(partition, 1)).rejects.toThrow(/partitions 0–1/);
				const { signal } = new AbortController();
				const reading = log.read(partition, 0, { signal })[Symbol.asyncIterator]();
				await expect(reading.next()).rejects.toThrow(/partitions 0–1/);
			}
		});

		test("closing lets appends under way finish, ends readers with an error, and refuses what comes later", async () => {
			const log = await open();
			const abort = new AbortController();
			const reading = log.read(0, 1_000_000, { signal: abort.signal })[Symbol.asyncIterator]();
			const waiting = refusal(reading.next());
			const appends = Array.from({ length: 100 }, (_, i) => log.append(0, Buffer.from(`${i}`)));
			await log.close();
			const positions = await Promise.all(appends);
			expect(await waiting).toBe("log_unavailable");
			expect(await refusal(log.append(0, Buffer.from("late")))).toBe("log_unavailable");
			expect(await refusal(log.at(0, 1))).toBe("log_unavailable");
			expect(await refusal(log.ends())).toBe("log_unavailable");
			expect(await refusal(log.trim(1))).toBe("log_unavailable");
			expect(await refusal(take(log, 0, 0, 1))).toBe("log_unavailable");
			await log.close();
			const messages = await take(await open(), 0, 0, 100);
			expect(messages.map(({ position }) => position)).toEqual(positions);
		});

		test("what was acknowledged is there, in order and once, after a SIGKILL while appending", async () => {
			const content = (index: number) => `${index} ${"x".repeat(index % 500)}`;
			await (await open()).close();
			let known: number[] = [];
			for (let round = 0; round < 3; round++) {
				const from = known.length;
				const acknowledged = await place.killWhileAppending((index) => content(from + index), 500);
				const log = await open();
				const end = (await log.ends())[0]!.position;
				const messages = await take(log, 0, 0, 1);
				while (messages.at(-1)!.position < end) messages.push(...(await take(log, 0, messages.at(-1)!.position, 1)));
				await log.close();
				// What was in flight may be there as well, in order, after what was acknowledged.
				expect(messages.map(({ data }) => text(data))).toEqual(messages.map((_, index) => content(index)));
				const positions = messages.map(({ position }) => position);
				expect(positions.slice(0, from + acknowledged.length)).toEqual([...known, ...acknowledged]);
				expect(acknowledged.length).toBeGreaterThanOrEqual(500);
				known = positions;
			}
		});

		test("scans come out of the log as they went in", async () => {
			const log = await open();
			const message: ScanMessage = {
				producer: "gateway-1",
				number: 1,
				acceptedAt: 1_763_900_000_123,
				totals: { default: 1, "org.with.$dots": 2 },
				scans: [
					{
						id: "änderung-☕",
						organisation: "default",
						code: "c1",
						slug: "menu",
						at: 1_763_900_000_000,
						source: "qr",
						device: "mobile",
						bot: false,
						city: "Zürich",
						lat: 47.37,
						lon: 8.54,
					},
				],
			};
			await log.append(0, encodeMessage(message));
			const [read] = await take(log, 0, 0, 1);
			expect(decodeMessage(read!.data)).toEqual({ kind: "scans", message });
		});
	});
}
