/*
 * The safeguards of what two transactions must agree on: counting with the closing of days and months, and a leader of the
 * clock with the next one.
 */
import type { Safeguard, Witness } from "./safeguard.ts";
import { inSuite, OF_MONGO, OF_SQLITE } from "./store-suite.ts";

const dirtyDay = inSuite(
	"a scan that comes while its day closes is in the day, or the day is not closed",
	"Object.is equality",
);
const closingMonth = inSuite(
	"a month that is closing takes no scans and says so, until it is opened again",
	"to match object { stored: 1, dropped: 1 }",
);
const leaseLost = (file: string): Witness => ({
	file,
	test: "whoever lost the lease changes nothing any more",
	says: "expected undefined to be 'lease_lost'",
});

export const AGREEING: readonly Safeguard[] = [
	{
		name: "revisions",
		protects: "a scan that comes after its day was closed, or at the same time, is in the day or marks it dirty",
		removals: [
			{
				of: "SQLite",
				what: "ingest's writing of revisions",
				edit: {
					file: "platform/store/sqlite-writes.ts",
					text: "for (const [at, n] of quarters) this.#addRevision.run(subject, at, n);",
					without: "",
				},
				witness: dirtyDay(OF_SQLITE),
			},
			{
				of: "SQLite, at the same time",
				what: "writing the day with the revision that was folded, not with the present one",
				edit: {
					file: "platform/store/sqlite-days.ts",
					text: "const own = row.subject === subject ? revision : null;",
					without: "const own = row.subject === subject ? revisionOf(database, subject, start, end) : null;",
				},
				witness: dirtyDay(OF_SQLITE),
			},
			{
				of: "MongoDB",
				what: "ingest's writing of revisions",
				edit: {
					file: "platform/store/mongo-writes.ts",
					text: "await addToRevisions(schema, session, folded);",
					without: "",
				},
				witness: dirtyDay(OF_MONGO),
			},
		],
	},
	{
		name: "closing months",
		protects: "no scan slips into a month that is being audited and dropped",
		removals: [
			{
				of: "SQLite",
				what: "refusing scans of a month that is closing",
				edit: {
					file: "platform/store/sqlite-months.ts",
					text: "SELECT month FROM closings WHERE state <> 'open' AND month IN",
					without: "SELECT month FROM closings WHERE state = 'closed' AND month IN",
				},
				witness: closingMonth(OF_SQLITE),
			},
			{
				of: "MongoDB",
				what: "telling the partitions' documents, which ingest writes, that the month is closing",
				edit: {
					file: "platform/store/mongo-months.ts",
					text: "await schema.closings.updateMany({ month, partition: { $exists: true } }, { $set: { state } }, { session });",
					without: "",
				},
				witness: closingMonth(OF_MONGO),
			},
			{
				of: "MongoDB, at the same time",
				what: "ingest's writing of the document that says so: it only reads it",
				edit: {
					file: "platform/store/mongo-months.ts",
					text: "isClosed(await touch(schema, session, month, part.partition))",
					without: 'isClosed((await schema.closings.findOne({ _id: month }, { session })) ?? { state: "open" })',
				},
				witness: {
					file: "test/store/mongo-outage.test.ts",
					test: "a month that is marked closing while a commit of its scans is under way takes none of them",
					says: "expected { accepted: 1, stored: 1, …(3) } to match object",
				},
			},
		],
	},
	{
		name: "lease fence",
		protects: "what a leader of the clock writes late, after another took over, is refused",
		removals: [
			{
				of: "SQLite store",
				what: "refusing an older fence",
				edit: {
					file: "platform/store/sqlite-months.ts",
					text: "if (changes === 0) throw new CodedError",
					without: "if (changes < 0) throw new CodedError",
				},
				witness: {
					file: "test/store/sqlite-store.test.ts",
					test: "an older lease may not close a day; each lease has its own fence",
					says: "instead of rejecting",
				},
			},
			{
				of: "MongoDB store",
				what: "looking at the fence within the transaction",
				edit: {
					file: "platform/store/mongo-fences.ts",
					text: "if (matchedCount === 0) throw lost(name, fence);",
					without: "if (matchedCount < 0) throw lost(name, fence);",
				},
				witness: {
					file: "test/store/mongo-outage.test.ts",
					test: "a leader that stood still within a write is refused when it goes on, and the next leader's word stands",
					says: "to match /^lease_lost$/m",
				},
			},
			{
				of: "SQLite records",
				what: "looking who holds the lease",
				edit: {
					file: "platform/records/sqlite-records-file.ts",
					text: 'if (!held) throw new CodedError("lease_lost"',
					without: 'if (false) throw new CodedError("lease_lost"',
				},
				witness: leaseLost("test/records/sqlite-records.test.ts"),
			},
			{
				of: "MongoDB records",
				what: "looking who holds the lease",
				edit: {
					file: "platform/records/mongo-records.ts",
					text: "if (held.matchedCount === 0)",
					without: "if (held.matchedCount < 0)",
				},
				witness: leaseLost("test/records/mongo-records.test.ts"),
			},
		],
	},
];
