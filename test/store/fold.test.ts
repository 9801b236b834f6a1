import { expect, test } from "vitest";
import { BUCKET_DIMENSIONS } from "../../contracts/scan.ts";
import { ingestedPart } from "../../platform/store/fold.ts";
import { CountingModel } from "./counting-model.ts";
import { NOON, Producer, part, scan } from "./scans.ts";

const QUARTER = 900_000;
const DAY = 86_400_000;
const country = BUCKET_DIMENSIONS.indexOf("country");

test("of scans with one id the first in order is stored, the others are duplicates, within and over batches", () => {
	const model = new CountingModel();
	const gateway = new Producer("g1");
	const first = model.ingest(part([gateway.message([scan({ id: "a", code: "one" }), scan({ id: "a" })])]));
	expect(first.raw.map(({ scan }) => scan.code)).toEqual(["one"]);
	const second = model.ingest(part([gateway.message([scan({ id: "a" }), scan({ id: "b" })])], { from: 1 }));
	expect(second.raw.map(({ scan }) => scan.id)).toEqual(["b"]);
	expect(second.parts[0]).toMatchObject({ duplicate: 1, dropped: 0, missing: 0 });
	expect(model.ledger).toEqual(
		new Map([
			[`acme ${NOON} accepted`, 4],
			[`acme ${NOON} stored`, 2],
			[`acme ${NOON} duplicate`, 2],
		]),
	);
});

test("the same id in two organisations is two scans", () => {
	const gateway = new Producer("g1");
	const folded = new CountingModel().ingest(
		part([gateway.message([scan({ id: "a" }), scan({ id: "a", organisation: "bolt" })])]),
	);
	expect(folded.raw).toHaveLength(2);
});

test("a visitor counts once a code and UTC day of the scan; bots and unknown visitors never", () => {
	const gateway = new Producer("g1");
	const folded = new CountingModel().ingest(
		part([
			gateway.message([
				scan({ visitor: "v", bot: true, device: "bot" }),
				scan({ visitor: "v" }),
				scan({ visitor: "v" }),
				scan({ visitor: "v", code: "two" }),
				scan({ visitor: "v", at: NOON + DAY }),
				scan({ visitor: "v", at: NOON - QUARTER }),
				scan({}),
			]),
		]),
	);
	expect(folded.raw.map(({ scan }) => scan.first)).toEqual([false, true, false, true, true, false, false]);
	expect(folded.visits).toHaveLength(3);
});

test("a refused scan and one that is not a scan become dead letters and are dropped by reason", () => {
	const model = new CountingModel();
	const gateway = new Producer("g1");
	const broken = { ...scan(), at: Number.NaN };
	const folded = model.ingest(
		part([gateway.message([scan({ id: "bad" }), broken, scan()])], { refused: { bad: "too odd" } }),
	);
	expect(folded.deadLetters.map(({ reason, position }) => [reason, position])).toEqual([
		["too odd", 1],
		["invalid", 1],
	]);
	expect(JSON.parse(new TextDecoder().decode(folded.deadLetters[0]?.data))).toMatchObject({ id: "bad" });
	expect(model.ledger).toEqual(
		new Map([
			[`acme ${NOON} accepted`, 3],
			[`acme ${NOON} stored`, 1],
			[`acme ${NOON} too odd`, 1],
			[`acme ${NOON} invalid`, 1],
		]),
	);
});

test("a code's and its organisation's buckets count scans, visitors and bots, in all and by value", () => {
	const model = new CountingModel();
	model.ingest(
		part([
			new Producer("g1").message([
				scan({ country: "DE", visitor: "v" }),
				scan({ country: "DE", code: "two", bot: true }),
				scan(),
				scan({ at: NOON + QUARTER }),
			]),
		]),
	);
	const organisation = model.buckets.get(`acme undefined ${NOON}`);
	expect(organisation).toMatchObject({ scans: 2, visitors: 1, bots: 1 });
	expect(organisation?.values[country]).toEqual(
		new Map([
			["DE", { scans: 1, visitors: 1, bots: 1 }],
			["(none)", { scans: 1, visitors: 0, bots: 0 }],
		]),
	);
	expect(model.buckets.get(`acme poster ${NOON}`)).toMatchObject({ scans: 2, visitors: 1, bots: 0 });
	expect(model.buckets.get(`acme two ${NOON}`)).toMatchObject({ scans: 0, visitors: 0, bots: 1 });
	expect(model.totals.get("acme undefined")).toEqual({ scans: 3, visitors: 1, bots: 1 });
	expect(model.revisions.get(`acme 2026-03-14 ${NOON}`)).toBe(3);
});

test("an announcement says what each code gained: counts, values, quarters, and minutes of the last hour", () => {
	const gateway = new Producer("g1");
	const folded = new CountingModel().ingest(
		part([
			gateway.message([
				scan({ country: "DE", visitor: "v" }),
				scan({ country: "DE", bot: true }),
				scan({ at: NOON - DAY, utm_source: "__proto__" }),
			]),
		]),
	);
	const total = { scans: 10, visitors: 5, bots: 1 };
	const { codes, ...rest } = ingestedPart(folded.parts[0] as never, () => total);
	expect(rest).toMatchObject({ partition: 0, from: 0, to: 1, stored: 3, duplicate: 0, dropped: 0, missing: 0 });
	expect(codes).toHaveLength(1);
	expect(codes[0]).toMatchObject({
		organisation: "acme",
		code: "poster",
		scans: 2,
		visitors: 1,
		bots: 1,
		total,
		quarters: {
			[NOON]: { scans: 1, visitors: 1, bots: 1 },
			[NOON - DAY]: { scans: 1, visitors: 0, bots: 0 },
		},
		minutes: { [NOON]: 1 },
	});
	expect(codes[0]?.by.country).toEqual({ DE: 1, "(none)": 1 });
	expect(Object.entries(codes[0]?.by.utm_source ?? {})).toEqual([
		["(none)", 1],
		["__proto__", 1],
	]);
});

test("beyond the cap values count as (other), and sums still match", () => {
	const model = new CountingModel(2);
	const gateway = new Producer("g1");
	const countries = ["A", "B", "C", undefined, "A", "D", "C"];
	model.ingest(part([gateway.message(countries.map((country) => scan({ country })))]));
	const tallies = model.buckets.get(`acme poster ${NOON}`)?.values[country] as Map<string, { scans: number }>;
	expect([...tallies].map(([value, { scans }]) => [value, scans])).toEqual([
		["A", 2],
		["B", 1],
		["(none)", 1],
		["(other)", 3],
	]);
});
