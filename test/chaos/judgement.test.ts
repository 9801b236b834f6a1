import { appendFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { differences, judge, visitorsOf } from "../../scripts/chaos/judgement.ts";
import { readRecord, ScanRecord } from "../../scripts/chaos/record.ts";
import { temporaryFolder } from "../harness/folder.ts";

const scan = { code: 0, source: "api", at: 1_700_000_000_000, bot: false, visitor: "ada" } as const;

/** Four scans: acknowledged, acknowledged, refused, hurried. */
async function recorded() {
	const file = path.join(await temporaryFolder(), "scans.ndjson");
	const record = new ScanRecord(file);
	const scans = record.sent([scan, { ...scan, visitor: "bob" }, scan, scan]);
	record.became(scans.slice(0, 2), "acknowledged");
	record.became(scans.slice(2, 3), "refused");
	record.became(scans.slice(3), "hurried");
	record.close();
	return { file, scans: readRecord(file) };
}

test("what the record allows is no violation, with and without the scan that was only hurried", async () => {
	const { scans } = await recorded();
	const without = judge(
		scans,
		new Map([
			["k0", 1],
			["k1", 1],
		]),
	);
	const withIt = judge(
		scans,
		new Map([
			["k0", 1],
			["k1", 1],
			["k3", 1],
		]),
	);
	expect(without).toMatchObject({ violations: [], counted: 2, acknowledged: 2, countedUnacknowledged: 0 });
	expect(withIt).toMatchObject({ violations: [], counted: 3, acknowledged: 2, countedUnacknowledged: 1 });
});

test.each([
	["a lost scan", { k0: 1 }, "1 acknowledged scans are lost"],
	["a doubled scan", { k0: 2, k1: 1 }, "1 scans are counted more than once"],
	["a hurried scan counted twice", { k0: 1, k1: 1, k3: 2 }, "1 scans are counted more than once"],
	["a refused scan that is counted", { k0: 1, k1: 1, k2: 1 }, "1 refused scans are counted"],
	["a scan that nobody sent", { k0: 1, k1: 1, k9: 1 }, "1 scans that nobody sent are counted: k9"],
])("%s is named", async (_, store, violation) => {
	const { violations } = judge((await recorded()).scans, new Map(Object.entries(store)));
	expect(violations).toEqual([expect.stringContaining(violation)]);
});

test("a scan that was never answered is named", async () => {
	const file = path.join(await temporaryFolder(), "scans.ndjson");
	new ScanRecord(file).sent([scan]);
	expect(judge(readRecord(file), new Map([["k0", 1]])).violations).toEqual([
		expect.stringContaining("1 scans were never answered"),
	]);
});

test("a record that contradicts itself is not believed", async () => {
	const { file } = await recorded();
	await appendFile(file, '{"key":0,"outcome":"refused"}\n');
	expect(() => readRecord(file)).toThrow("says twice");
});

test("first visits are told by code, visitor and day; differences say both numbers", async () => {
	const { scans } = await recorded();
	expect(visitorsOf(scans, 0)).toBe(2);
	expect(visitorsOf(scans, 1)).toBe(0);
	expect(differences("scans of day", new Map([["a", 1]]), new Map([["b", 2]]))).toEqual([
		"scans of day a: 0, the record says 1",
		"scans of day b: 2, the record says 0",
	]);
});
