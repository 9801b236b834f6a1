/*
 * The safeguards of counting: what a commit checks before and while it counts. The two stores share what is pure, and each
 * has its own of what is in its transaction; one suite holds both to the same behaviour.
 */
import type { Safeguard } from "./safeguard.ts";
import { inSuite, OF_MONGO, OF_SQLITE } from "./store-suite.ts";

const positionRefused = inSuite(
	"a commit given again because its answer was lost is refused, and nothing goes back",
	"instead of rejecting",
);
const claimRefused = inSuite(
	"a new owner goes on where the old one stopped, and the old one is refused",
	"instead of rejecting",
);
const remembered = inSuite(
	"a batch repeated after a crash changes nothing",
	"to match object { stored: 1, duplicate: +0 }",
);
const oneScan = "the first of scans with one id is stored, the others are duplicates";
const oneClientId = "a client's id is one scan whatever its code, month or partition";
const oneVisit = inSuite(
	"a visitor counts once a code and UTC day, over batches and crashes",
	"to deeply equal [ false, true, true, false ]",
);

export const COUNTING: readonly Safeguard[] = [
	{
		name: "position compare-and-set",
		protects: "a batch that was applied is not applied again, and a position never goes back",
		removals: [
			{
				of: "SQLite",
				what: "the comparison with the stored position",
				edit: {
					file: "platform/store/sqlite-ingest.ts",
					text: "stored.claim !== claim || stored.position !== from",
					without: "stored.claim !== claim",
				},
				witness: positionRefused(OF_SQLITE),
			},
			{
				of: "MongoDB",
				what: "the position in the update's filter",
				edit: {
					file: "platform/store/mongo-ingest.ts",
					text: "{ _id: partition, position: from, claim }",
					without: "{ _id: partition, claim }",
				},
				witness: positionRefused(OF_MONGO),
			},
		],
	},
	{
		name: "claim compare-and-set",
		protects: "of two nodes that own a partition for a moment, one counts",
		removals: [
			{
				of: "SQLite",
				what: "the comparison with the stored claim",
				edit: {
					file: "platform/store/sqlite-ingest.ts",
					text: "!stored || stored.claim !== claim",
					without: "!stored",
				},
				witness: claimRefused(OF_SQLITE),
			},
			{
				of: "MongoDB",
				what: "the claim in the update's filter",
				edit: {
					file: "platform/store/mongo-ingest.ts",
					text: "position: from, claim }",
					without: "position: from }",
				},
				witness: claimRefused(OF_MONGO),
			},
		],
	},
	{
		name: "producer number",
		protects: "a message that stands in the log twice, or is read again, is applied once",
		removals: [
			{
				of: "both",
				what: "skipping numbers that were applied",
				edit: {
					file: "platform/store/sequence.ts",
					text: "if (message.number <= known.number) continue;",
					without: "",
				},
				witness: {
					file: OF_SQLITE,
					test: "a partition read again from the log's first message counts nothing twice",
					says: "to match object { from: 3, to: 3, stored: +0, …(2) }",
				},
			},
			{
				of: "SQLite",
				what: "keeping the number with what was counted",
				edit: {
					file: "platform/store/sqlite-writes.ts",
					text: "this.#moveProducer.run(partition, producer, number, at);",
					without: "",
				},
				witness: remembered(OF_SQLITE),
			},
			{
				of: "MongoDB",
				what: "keeping the number with what was counted",
				edit: {
					file: "platform/store/mongo-writes.ts",
					text: "await rememberProducers(schema, session, sequenced);",
					without: "",
				},
				witness: remembered(OF_MONGO),
			},
		],
	},
	{
		name: "running totals",
		protects: "scans whose message never came are said to be missing",
		removals: [
			{
				of: "both",
				what: "comparing a message's totals with what came",
				edit: {
					file: "platform/store/sequence.ts",
					text: "const missing = Math.max(0, after - before - scans);",
					without: "const missing = 0;",
				},
				witness: {
					file: OF_SQLITE,
					test: "holes are counted as missing in the hour in which they show",
					says: "to match object { stored: 1, missing: 2 }",
				},
			},
			{
				of: "both, the end of a log",
				what: "holding what gateways say they sent against what was applied",
				edit: {
					file: "services/analytics/ledger.ts",
					text: "if (reported.logApplied && total.inLog) lost += outstanding;",
					without: "if (reported.logApplied && total.inLog) lost += 0;",
				},
				witness: {
					file: "test/analytics/ledger.test.ts",
					test: "a log that lost its end makes scans missing that nothing else can tell",
					says: "to match object { accepted: 7, missing: 3, …(2) }",
				},
			},
			{
				of: "both, the verdict",
				what: "what is missing from whether the books balance",
				edit: {
					file: "services/analytics/ledger.ts",
					text: "balanced: missing === 0 && sums.accepted",
					without: "balanced: sums.accepted",
				},
				witness: {
					file: "test/analytics/ledger.test.ts",
					test: "a message lost between the log and the store is missing, and the books do not balance",
					says: "to match object { accepted: 3, stored: 2, …(3) }",
				},
			},
		],
	},
	{
		name: "id look-up",
		protects: "a scan that comes under another producer, or that a client sends again, is a duplicate",
		removals: [
			{
				of: "SQLite",
				what: "looking up which ids exist (the table's key then refuses the batch)",
				edit: {
					file: "platform/store/sqlite-ingest.ts",
					text: "if (this.#selectScan.get(organisation, String(scan.id))) existing.add(scanKey(scan));",
					without: "",
				},
				witness: { file: OF_SQLITE, test: oneScan, says: "UNIQUE constraint failed: scans.organisation, scans.id" },
			},
			{
				of: "SQLite, other months",
				what: "the same",
				edit: {
					file: "platform/store/sqlite-ingest.ts",
					text: "if (this.#selectScan.get(organisation, String(scan.id))) existing.add(scanKey(scan));",
					without: "",
				},
				witness: { file: OF_SQLITE, test: oneClientId, says: "UNIQUE constraint failed: scans.organisation, scans.id" },
			},
			{
				of: "MongoDB",
				what: "looking up which ids of the month exist (the month's key then refuses the batch)",
				edit: {
					file: "platform/store/mongo-lookups.ts",
					text: "for (const [month, ids] of months)\n",
					without: "for (const [month, ids] of new Map<string, string[]>())\n",
				},
				witness: { file: OF_MONGO, test: oneScan, says: "E11000 duplicate key error collection" },
			},
			{
				of: "MongoDB, other months",
				what: "writing down clients' ids apart from months",
				edit: {
					file: "platform/store/mongo-writes.ts",
					text: "if (chosen.length > 0) await schema.ids.insertMany",
					without: "if (chosen.length < 0) await schema.ids.insertMany",
				},
				witness: { file: OF_MONGO, test: oneClientId, says: "to match object { stored: +0, duplicate: 1 }" },
			},
		],
	},
	{
		name: "first-visit mark",
		protects: "a visitor counts once a code and day, over batches and owners",
		removals: [
			{
				of: "SQLite",
				what: "writing down first visits",
				edit: {
					file: "platform/store/sqlite-writes.ts",
					text: "for (const visit of folded.visits) this.#writeVisit(visit, memory, now);",
					without: "",
				},
				witness: oneVisit(OF_SQLITE),
			},
			{
				of: "MongoDB",
				what: "writing down first visits",
				edit: {
					file: "platform/store/mongo-writes.ts",
					text: "await insertVisits(schema, session, folded);",
					without: "",
				},
				witness: oneVisit(OF_MONGO),
			},
		],
	},
];
