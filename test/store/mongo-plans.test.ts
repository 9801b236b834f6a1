/**
 * How the scan store reads in MongoDB: every question by an index, and no more documents than its answer needs, however
 * much else is in the store.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Document, MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { closedBlocks, closedDays } from "../../platform/store/mongo-blocks.ts";
import {
	codeBranches,
	countsBranches,
	minuteBranches,
	rawBranches,
	reachOf,
	seriesBranches,
	valueBranches,
	visitorBranches,
} from "../../platform/store/mongo-branches.ts";
import { columnsBranch } from "../../platform/store/mongo-columns.ts";
import { enoughBranches, pageBranches } from "../../platform/store/mongo-pages.ts";
import { MongoSchema } from "../../platform/store/mongo-schema.ts";
import { type Branch, type Branches, inSnapshot, readIn } from "../../platform/store/mongo-snapshot.ts";
import { openMongoStore } from "../../platform/store/mongo-store.ts";
import { utcDate } from "../../platform/store/quarters.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import { type RunningServer, startMongo } from "../../scripts/servers/start.ts";
import { NOON, scan } from "./scans.ts";
import { Closing } from "./suite/closing.ts";
import { Feeder } from "./suite/feeder.ts";
import { selection } from "./suite/with-store.ts";

const MINUTE = 60_000;
const QUARTER = 15 * MINUTE;
const CODES = 20;
const QUARTERS = 12;

let dir: string;
let server: RunningServer;
let client: MongoClient;
let store: ScanStore;
let feeder: Feeder;

beforeAll(async () => {
	dir = await mkdtemp(path.join(tmpdir(), "scanpulse-mongo-plans-"));
	server = await startMongo({ dir });
	client = new MongoClient(server.url);
	store = await openMongoStore({ client });
	feeder = await Feeder.claim(store);
	for (let quarter = 0; quarter < QUARTERS; quarter++)
		await feeder.feed(
			Array.from({ length: CODES * 5 }, (_, n) =>
				scan({ code: `code-${n % CODES}`, at: NOON + quarter * QUARTER + (n % 15) * MINUTE, country: `C${n % 3}` }),
			),
		);
});
afterAll(async () => {
	await store.close();
	await client.close();
	await server.stop();
	await rm(dir, { recursive: true, force: true });
});

test("nothing that the store does scans a collection", async () => {
	const refuse = (notablescan: boolean) => client.db("admin").command({ setParameter: 1, notablescan });
	await refuse(true);
	try {
		await expect(client.db().collection("quarters").findOne({ s: 1 })).rejects.toThrow(/notablescan/);
		const codes = ["code-1", "code-2"];
		const edges = { from: NOON + MINUTE, to: NOON + 3 * QUARTER - MINUTE };
		const filters = [{ dimension: "country" as const, values: ["C1", "(none)"] }];
		for (const differences of [{}, { codes }, edges, { ...edges, codes }, { filters }, { filters, codes }]) {
			await store.counts(selection(differences));
			await store.series(selection(differences));
			for (const by of ["country", "code"] as const) await store.breakdown(selection(differences), by);
			await store.minutes(selection(differences));
			await store.live(selection(differences), NOON);
			await store.scans(selection(differences), { at: NOON, id: "" }, 5);
		}
		const organisation = "acme";
		for (const code of [undefined, "code-1"]) {
			await store.state({ organisation, code, dayStart: NOON, dayEnd: NOON + 24 * 4 * QUARTER, minute: NOON });
			expect((await store.recent({ organisation, code, limit: 50 })).value).toHaveLength(50);
		}
		await store.ledger({ organisation });
		await store.ledger({ organisation, from: NOON, to: NOON + QUARTER });
		expect(await store.organisations()).toEqual([{ organisation, first: NOON }]);
		const lease = { name: "cron", fence: 1 };
		const zone = { organisation, timeZone: "UTC", lease };
		const [start, end] = [NOON, NOON + QUARTER];
		await store.closeDay({ ...zone, date: "2026-03-14", hours: [{ at: NOON, hour: 12 }], end });
		expect(await store.isClosed({ ...zone, kind: "day", name: "2026-03-14", start, end })).toBe(true);
		const days = [{ date: "2026-03-14", start, end }];
		expect(await store.closeMonth({ ...zone, month: "2026-03", days })).toEqual({ codes: CODES, scans: CODES * 5 });
		expect(await store.isClosed({ ...zone, kind: "month", name: "2026-03", start, end })).toBe(true);
		const hours = { organisation, from: NOON, to: NOON + QUARTERS * QUARTER, fewest: 0, lease };
		expect(await store.closeHours(hours)).toEqual({ hours: 3 });
		expect(await store.closeHours(hours)).toEqual({ hours: 0 });
		const questions = { breakdowns: ["os", "code"], hoursOfWeek: "UTC" } as const;
		for (const asked of [{}, hours, { codes }, { filters }, { filters, codes }])
			await store.answer(selection(asked), questions);
		await store.books({ organisation, producers: [feeder.producer.name] });
		expect(await store.audit({ organisation })).toMatchObject({ clean: true, scans: CODES * 5 * QUARTERS });
		expect(await store.months()).toContainEqual({ month: "202603", state: "open" });
		await store.markMonth("202512", "closing", lease);
		await store.markMonth("202603", "closing", lease);
		await store.markMonth("202603", "open", lease);
		await store.dropQuarters(NOON, lease);
		await store.partitions();
		const again = await Feeder.claim(store, 0, feeder.producer);
		await again.feed([scan({ visitor: "v" }), scan({ ownId: true })]);
		await store.rehearse([again.part([feeder.producer.message([scan()])])]);
	} finally {
		await refuse(false);
	}
});

/** What answering a branch examined, and by which indexes. */
async function examined({ collection, pipeline }: Branch) {
	const plan = await client
		.db()
		.collection(collection)
		.aggregate([...pipeline])
		.explain("executionStats");
	const stages: Document[] = [];
	const walk = (value: unknown): void => {
		if (typeof value !== "object" || value === null) return;
		if ("stage" in value) stages.push(value as Document);
		for (const inner of Object.values(value)) walk(inner);
	};
	const { queryPlanner, executionStats: stats } = (plan.queryPlanner ? plan : plan.stages[0].$cursor) as Document;
	walk(queryPlanner.winningPlan);
	const scans = stages.filter(({ stage }) => /SCAN$/.test(stage as string));
	expect(scans.map(({ stage }) => stage)).not.toContain("COLLSCAN");
	return {
		indexes: [...new Set(scans.map(({ indexName }) => indexName as string))],
		keys: stats.totalKeysExamined as number,
		documents: stats.totalDocsExamined as number,
	};
}

const MONTHS = new Set(["202602", "202603", "202604"]);
const later = NOON + 100 * 24 * 4 * QUARTER;
const wide = { from: NOON, to: NOON + QUARTERS * QUARTER };

test("an organisation's counts and series read its own buckets, not those of its codes", async () => {
	for (const branches of [countsBranches, seriesBranches]) {
		const [buckets, ...others] = branches(reachOf(selection(wide), later), MONTHS);
		expect(others).toEqual([]);
		const { indexes, documents } = await examined(buckets as Branch);
		expect(indexes).toEqual(["code_at"]);
		expect(documents).toBe(QUARTERS);
	}
	const [values] = valueBranches(reachOf(selection(wide), later), MONTHS, "country");
	expect((await examined(values as Branch)).documents).toBe(QUARTERS);
});

test("codes are read by their own buckets, all codes by those of the range", async () => {
	const codes = ["code-3", "code-7"];
	const range = { from: NOON, to: NOON + 2 * QUARTER };
	const [two] = countsBranches(reachOf(selection({ ...range, codes }), later), MONTHS);
	expect((await examined(two as Branch)).documents).toBe(2 * codes.length);
	const [all] = codeBranches(reachOf(selection(range), later), MONTHS);
	const { keys, documents } = await examined(all as Branch);
	// One more: the code of the test above.
	expect(documents).toBeLessThanOrEqual(2 * CODES + 1);
	expect(keys).toBeLessThanOrEqual(5 * CODES + 5);
});

test("the edges of a range are counted from the index alone, and only in the months they lie in", async () => {
	const range = { from: NOON + 14 * MINUTE, to: NOON + 2 * QUARTER };
	for (const codes of [undefined, ["code-4"]]) {
		const [, edge, ...others] = countsBranches(reachOf(selection({ ...range, codes }), later), MONTHS);
		expect(others).toEqual([]);
		expect(edge?.collection).toBe("scans_202603");
		const { keys, documents } = await examined(edge as Branch);
		expect(documents).toBe(0);
		expect(keys).toBeLessThanOrEqual(CODES);
	}
});

test("filters read raw scans of the range alone", async () => {
	const filters = [{ dimension: "country" as const, values: ["C1"] }];
	const range = { from: NOON, to: NOON + MINUTE };
	const [scans, ...others] = countsBranches(reachOf(selection({ ...range, filters }), later), MONTHS);
	expect(others).toEqual([]);
	const { indexes, documents } = await examined(scans as Branch);
	expect(indexes).toEqual(["organisation_at"]);
	expect(documents).toBeLessThanOrEqual(CODES);
	const minute = { ...reachOf(selection({ codes: ["code-0"] }), later), filters: [] };
	const counted = [{ $match: { bot: false } }, { $count: "scans" }];
	const [branch] = rawBranches("minute", minute, [range], MONTHS, counted);
	expect(await examined(branch as Branch)).toMatchObject({ indexes: ["code_at"], documents: 0 });
});

test("filters read closed days from their columns, of which they find each by the index", async () => {
	const organisation = "filtered";
	const at = Date.UTC(2026, 4, 3, 12);
	const scans = Array.from({ length: 300 }, (_, n) =>
		scan({ organisation, at: at + n * MINUTE, country: `C${n % 3}` }),
	);
	await (await Feeder.claim(store, 0, feeder.producer)).feed(scans);
	const closing = new Closing(store, organisation);
	for (const date of ["2026-05-02", "2026-05-03", "2026-05-04"]) await closing.day(date);
	const range = { from: at - 24 * 4 * QUARTER, to: at + 24 * 4 * QUARTER };
	const heads: Branch[] = [];
	const { days } = await inSnapshot(client, async (reading) => {
		const schema = new MongoSchema(client.db());
		const read = (branches: Branches) => {
			heads.push(...branches(new Set()));
			return readIn(schema, reading, branches);
		};
		return closedDays(read, organisation, range);
	});
	for (const head of heads) expect(await examined(head)).toMatchObject({ documents: 0 });
	const { indexes, documents } = await examined(columnsBranch(organisation, days, ["flags", "country"]));
	expect(indexes).toEqual(["date"]);
	expect(documents).toBe(3);
	const filters = [{ dimension: "country" as const, values: ["C1"] }];
	expect((await store.counts({ ...selection({ ...range, filters }), organisation })).value.scans).toBe(100);
});

test("minutes are counted from the index alone, and who is there reads only the scans of their last minutes", async () => {
	const halfHour = { from: NOON, to: NOON + 2 * QUARTER };
	for (const codes of [undefined, ["code-4"]]) {
		const reach = reachOf(selection({ ...halfHour, codes }), later);
		const [minutes, ...others] = minuteBranches(reach, halfHour, MONTHS);
		expect(others).toEqual([]);
		expect(await examined(minutes as Branch)).toMatchObject({ documents: 0 });
		const [people] = visitorBranches(reach, { from: NOON + 14 * MINUTE, to: NOON + QUARTER }, MONTHS);
		expect((await examined(people as Branch)).documents).toBeLessThanOrEqual(CODES);
	}
});

test("a page of raw scans reads no more of them than it has, wherever it begins", async () => {
	const begin = { at: NOON + 6 * QUARTER, id: "" };
	const to = NOON + QUARTERS * QUARTER;
	const march = new Set(["202603"]);
	const limit = 20;
	for (const codes of [undefined, ["code-4"], ["code-4", "code-5", "code-6"]]) {
		const wanted = { selection: selection({ codes }), begin, to, limit };
		const [first, later, ...others] = pageBranches(wanted, march);
		expect(others).toEqual([]);
		expect((await examined(first as Branch)).documents).toBeLessThanOrEqual(CODES);
		const { indexes, keys, documents } = await examined(later as Branch);
		expect(indexes).toEqual([codes ? "code_at" : "organisation_at"]);
		expect(documents).toBeLessThanOrEqual(limit + 1);
		expect(keys).toBeLessThanOrEqual(limit + 1 + 3);
		const filters = [{ dimension: "country" as const, values: ["C1"] }];
		const [last] = enoughBranches({ ...wanted, limit: 2, selection: selection({ codes, filters }) }, march);
		expect(await examined(last as Branch)).toMatchObject({ documents: 0 });
	}
});

test("closed days and months answer a range by their own documents, and by the index what is closed", async () => {
	const organisation = "closed";
	const days = Array.from({ length: 62 }, (_, day) => Date.UTC(2026, 5, 1) + day * 24 * 4 * QUARTER);
	const scans = days.flatMap((at) => [scan({ organisation, at }), scan({ organisation, code: "b", at: at + QUARTER })]);
	await (await Feeder.claim(store, 0, feeder.producer)).feed(scans);
	const closing = new Closing(store, organisation);
	for (const month of ["2026-06", "2026-07"]) await closing.wholeMonth(month);
	const asked = { ...selection({ from: days[0], to: days[60] }), organisation };
	// One day of July is left out: a month and thirty days.
	const blocks: Branch[] = [];
	const { plan } = await inSnapshot(client, async (reading) => {
		const read = (branches: Branches) => {
			blocks.push(...branches(new Set()));
			return readIn(new MongoSchema(client.db()), reading, branches);
		};
		const closed = await closedBlocks(read, organisation, asked, false, asked.to);
		return reachOf(asked, later, {}, closed.blocks, closed.quartersFrom);
	});
	expect(plan.blocks.map(({ name }) => name)).toEqual(["2026-06", ...days.slice(30, 60).map((at) => utcDate(at))]);
	expect(plan.buckets).toEqual([]);
	const [heads, months, hours, added, revised, ...others] = await Promise.all(blocks.map(examined));
	expect(others).toEqual([]);
	expect(heads).toMatchObject({ indexes: ["closed"], documents: 0 });
	expect(months).toMatchObject({ indexes: ["closed"], documents: 0 });
	expect(hours).toMatchObject({ indexes: ["closed"], documents: 0 });
	expect(added).toMatchObject({ indexes: ["date_n"], documents: 0 });
	// Those of the last days alone.
	expect(revised).toMatchObject({ indexes: ["date_n"], documents: 2 });
	expect((await store.counts(asked)).value.scans).toBe(120);
});
