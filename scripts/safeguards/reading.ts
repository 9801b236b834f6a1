/*
 * The safeguards of reading the log: where reading begins, what it does with what it cannot read or store, and how an
 * owner follows one that died.
 */
import type { Safeguard, Witness } from "./safeguard.ts";

const rewound = (test: string, says: string): Witness => ({ file: "test/scans/rewound-log.test.ts", test, says });
const RESTORED = "that was restored from an older copy is read from its first message, other messages standing there";

export const READING: readonly Safeguard[] = [
	{
		name: "message identity",
		protects: "what came into a log that lost its end, or was made anew, is counted",
		removals: [
			{
				of: "both",
				what: "reading again from the first message",
				edit: {
					file: "services/scans/starting-point.ts",
					text: "return { after: 0, rewound: true };",
					without: "return { after: state.position, rewound: false };",
				},
				witness: rewound(
					"that was restored and ends before what was counted is read from its first message",
					"expected 5 to be 7",
				),
			},
			{
				of: "both, the message",
				what: "comparing producer and number of the message at the position",
				edit: {
					file: "services/scans/starting-point.ts",
					text: "if (message && isSame(state.identity, message.data))",
					without: "if (message)",
				},
				witness: rewound(RESTORED, "expected 5 to be 7"),
			},
			{
				of: "both, the log",
				what: "comparing the log's id",
				edit: {
					file: "services/scans/starting-point.ts",
					text: "if (state.identity.log === log.id) {",
					without: "{",
				},
				witness: rewound(
					"that was made anew is told from the old one, also where both have a message that nobody can read",
					"expected 2 to be 3",
				),
			},
			{
				of: "both, while reading",
				what: "comparing after the connection was lost",
				edit: {
					file: "services/scans/starting-point.ts",
					text: "return { after: 0, rewound: true };",
					without: "return { after: state.position, rewound: false };",
				},
				witness: rewound(
					"JetStream that comes back with an older copy while it is read is read from its first message",
					"expected 5 to be 7",
				),
			},
		],
	},
	{
		name: "version gate",
		protects: "a message of a newer release waits for an upgraded reader",
		removals: [
			{
				of: "both",
				what: "telling a newer message from a malformed one",
				edit: {
					file: "platform/log/message.ts",
					text: 'if (version > VERSION) return { kind: "newer", version };',
					without: 'if (version > VERSION) return { kind: "malformed", reason: "version" };',
				},
				witness: {
					file: "test/scans/newer-release.test.ts",
					test: "a reader that is too old waits before the message, counts its other partitions, and all is counted after its upgrade",
					says: "expected false to be true",
				},
			},
			{
				of: "both, other partitions",
				what: "leaving alone the partition that cannot be read, and only that one",
				edit: {
					file: "services/scans/scans.service.ts",
					text: "this.own([...this.owners.keys()].filter((owned) => owned !== partition)).catch(reportTo(this));",
					without: "this.outdated = true;\n\t\t\t\t\t\tthis.own([]).catch(reportTo(this));",
				},
				witness: {
					file: "test/scans/newer-release.test.ts",
					test: "a reader that is too old waits before the message, counts its other partitions, and all is counted after its upgrade",
					says: "in vain for scan elsewhere 1 to be counted",
				},
			},
		],
	},
	{
		name: "halving",
		protects: "a scan that nothing can store takes no other with it, and holds nothing up",
		removals: ["SQLite", "MongoDB"].map((store) => ({
			of: store,
			what: "leaving out the scan that is to blame, and only that one",
			edit: {
				file: "services/scans/refused.ts",
				text: "if (ids.length > 1) suspects.push(ids.slice(half), ids.slice(0, half));",
				without: "if (ids.length > 1) for (const id of ids) refused[id] = reason;",
			},
			witness: {
				file: "test/scans/unstorable.test.ts",
				test: `${store}: of a batch with a scan that cannot be stored, that scan alone is dropped`,
				says: "to match object [ Array(1) ]",
			},
		})),
	},
	{
		name: "end of a dead owner's session",
		protects: "counting goes on within 5 s when an owner dies within a transaction",
		removals: [
			{
				of: "MongoDB",
				what: "ending the session that holds the partition's document",
				edit: {
					file: "platform/store/mongo-claims.ts",
					text: "if (before && !sameSession(before.session, session)) await endSession(client, before.session);",
					without: "",
				},
				witness: {
					file: "test/store/mongo-outage.test.ts",
					test: "an owner killed in the middle of a commit is followed within 5 s, and its scans count once",
					says: "Partition 0 could not be claimed in 5000 ms",
				},
			},
		],
	},
];
