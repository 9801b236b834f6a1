/*
 * The power goes at any moment: everything that the file log had acknowledged is there afterwards, in order, on a file
 * system that loses all it may lose. A SIGKILL cannot show this, since the system writes what a killed process left.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { EventLog } from "../../platform/log/event-log.ts";
import { openFileLog } from "../../platform/log/file-log.ts";
import { chance } from "../../scripts/chaos/random.ts";
import { ForgetfulDisk } from "./forgetful-disk.ts";

const MAX_BYTES = 512 * 1024;

/** What stands in partition 0, by position. */
async function contents(log: EventLog): Promise<Map<number, string>> {
	const found = new Map<number, string>();
	const end = (await log.ends())[0]?.position ?? 0;
	const reading = new AbortController();
	if (end === 0) return found;
	for await (const batch of log.read(0, 0, { signal: reading.signal })) {
		for (const { position, data } of batch) found.set(position, Buffer.from(data).toString());
		if (found.has(end)) reading.abort();
	}
	return found;
}

interface Noted {
	readonly appended: Set<string>;
	/** By position. */
	readonly acknowledged: Map<number, string>;
}

/** Appends messages of these sizes, several at once, until the power is gone; what was acknowledged is noted. */
function appendUntilCut(log: EventLog, sizes: readonly number[], name: string, { appended, acknowledged }: Noted) {
	for (const [index, size] of sizes.entries()) {
		const text = `${name}/${index} ${"x".repeat(size)}`;
		appended.add(text);
		log.append(0, Buffer.from(text)).then(
			(position) => acknowledged.set(position, text),
			() => undefined,
		);
	}
}

const rounds = fc.array(
	fc.record({
		bursts: fc.array(fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 8 }), { maxLength: 8 }),
		turnsToCut: fc.integer({ min: 0, max: 60 }),
		trim: fc.boolean(),
	}),
	{ minLength: 1, maxLength: 5 },
);

test("what was acknowledged is there after power cuts at any moment, once and in order", async () => {
	let acknowledgements = 0;
	await fc.assert(
		fc.asyncProperty(rounds, fc.integer(), async (plan, seed) => {
			const disk = new ForgetfulDisk(chance(seed).next);
			const open = () => openFileLog({ dir: "/log", files: disk.mount(), maxBytes: MAX_BYTES });
			const noted: Noted = { appended: new Set(), acknowledged: new Map() };
			const { appended, acknowledged } = noted;
			let trimmed = 0;
			for (const [round, { bursts, turnsToCut, trim }] of plan.entries()) {
				const log = await open();
				const found = await contents(log);
				const expected = [...acknowledged].filter(([position]) => position > trimmed);
				for (const [position, text] of expected) expect(found.get(position)).toBe(text);
				// What was never acknowledged may be there, but only what was appended, and each text at one place.
				const texts = new Set(found.values());
				expect(texts.size).toBe(found.size);
				expect([...texts.difference(appended)]).toEqual([]);
				const known = Math.max(0, ...acknowledged.keys());
				if (trim && known > 0) {
					trimmed = known - 1;
					await log.trim(trimmed);
				}
				for (const [burst, sizes] of bursts.entries()) {
					appendUntilCut(log, sizes, `${round}/${burst}`, noted);
					for (let turn = 0; turn < turnsToCut / bursts.length; turn++) await nextTurn();
				}
				disk.cutPower();
				const atCut = acknowledged.size;
				await nextTurn();
				expect(acknowledged.size).toBe(atCut);
				acknowledgements += atCut;
			}
		}),
		// Making a failing course shorter takes minutes; its seed is worth more than that.
		{ numRuns: 250, includeErrorInReport: true, interruptAfterTimeLimit: 40_000, markInterruptAsFailure: true },
	);
	expect(acknowledgements).toBeGreaterThan(500);
});

test("whichever of the segments come back that were removed before a power cut, what was not forgotten is there", async () => {
	for (let seed = 0; seed < 32; seed++) {
		const disk = new ForgetfulDisk(chance(seed).next);
		const open = (partitions: number) =>
			openFileLog({ dir: "/log", files: disk.mount(), maxBytes: MAX_BYTES, partitions });
		// The second partition stays empty, so that its last message is looked for in every segment.
		const log = await open(2);
		const message = Buffer.alloc(10_000, "x");
		for (let position = 1; position <= 30; position++) await log.append(0, message);
		await log.trim(28);
		disk.cutPower();
		const after = await open(2);
		expect(await after.ends()).toEqual([
			{ partition: 0, position: 30 },
			{ partition: 1, position: 0 },
		]);
		expect((await contents(after)).size).toBe(2);
	}
});

test("damage to what was synced is said at the opening, and not taken for what a crash tore", async () => {
	const files = new ForgetfulDisk(() => 0).mount();
	const log = await openFileLog({ dir: "/log", files });
	for (let index = 0; index < 20; index++) await log.append(0, Buffer.from(`message ${index}`));
	await log.close();
	const [segment] = (await files.list("/log")).filter((name) => name.endsWith(".seg"));
	const file = await files.open(`/log/${segment}`, "write");
	await file.write(Buffer.from("?"), 300);
	await expect(openFileLog({ dir: "/log", files })).rejects.toThrow(/damaged at byte \d+/);
});
