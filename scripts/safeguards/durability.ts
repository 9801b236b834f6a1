/*
 * The safeguards of what a log has acknowledged: that it was synced, in the file and in the folder, and that what is read
 * back is what was written.
 */
import type { Safeguard } from "./safeguard.ts";

const AFTER_POWER_CUTS = {
	file: "test/log/power-cut.test.ts",
	test: "what was acknowledged is there after power cuts at any moment, once and in order",
};

export const DURABILITY: readonly Safeguard[] = [
	{
		name: "fsync",
		protects: "what was acknowledged survives a power cut",
		removals: [
			{
				of: "file log and spool",
				what: "syncing a group before it is acknowledged",
				edit: {
					file: "platform/log/segments.ts",
					text: 'await this.#options.files.open(path, "durable")',
					without: 'await this.#options.files.open(path, "write")',
				},
				witness: { ...AFTER_POWER_CUTS, says: "expected undefined to be" },
			},
			{
				of: "file log and spool, the header",
				what: "syncing a new segment before it gets its name",
				edit: {
					file: "platform/log/segments.ts",
					text: "await file.sync();\n\t\tawait files.rename",
					without: "await files.rename",
				},
				witness: { ...AFTER_POWER_CUTS, says: "is no segment of this event log" },
			},
			{
				of: "file log and spool, the name",
				what: "syncing the folder when a segment is new in it",
				edit: {
					file: "platform/log/segments.ts",
					text: "await files.syncFolder(dir);",
					without: "",
				},
				witness: { ...AFTER_POWER_CUTS, says: "expected undefined to be" },
			},
			{
				of: "file log and spool, what was trimmed",
				what: "syncing how far the log was trimmed before segments are removed",
				edit: {
					file: "platform/log/segments.ts",
					text: "await this.#mark.sync();",
					without: "",
				},
				witness: {
					file: AFTER_POWER_CUTS.file,
					test: "whichever of the segments come back that were removed before a power cut, what was not forgotten is there",
					says: "is damaged at byte",
				},
			},
		],
	},
	{
		name: "failed sync",
		protects: "a file of which a write or sync failed is never believed again",
		removals: [
			{
				of: "file log and spool",
				what: "remembering that it failed",
				edit: {
					file: "platform/log/segments.ts",
					text: "this.#deadReason = messageOf(error);",
					without: "",
				},
				witness: {
					file: "test/log/file-log.test.ts",
					test: "after a write that failed, whatever of it reached the disk, the log takes nothing more, and what it had acknowledged is there when opened again",
					says: "expected 3 to be 'log_unavailable'",
				},
			},
		],
	},
	{
		name: "checksum",
		protects: "damage is never taken for scans, nor for something that a crash tore",
		removals: [
			{
				of: "every log",
				what: "comparing the checksum of a message",
				edit: {
					file: "platform/log/message.ts",
					text: 'if (checksum(version, body) !== buffer.readUInt32BE(1)) return { kind: "malformed", reason: "checksum" };',
					without: "",
				},
				witness: {
					file: "test/log/message.test.ts",
					test: "any single bit that is flipped makes a message malformed",
					says: "expected 'newer' to be 'malformed'",
				},
			},
			{
				of: "file log and spool, a torn group",
				what: "comparing the checksum of a record's data at the opening",
				edit: {
					file: "platform/log/segment-format.ts",
					text: "if (head?.position !== next || !decodeData(bytes, offset, head)) break;",
					without: "if (head?.position !== next) break;",
				},
				witness: { ...AFTER_POWER_CUTS, says: "to deeply equal []" },
			},
			{
				of: "file log and spool, damage",
				what: "looking for what was synced behind the end",
				edit: {
					file: "platform/log/segment-format.ts",
					text: "damaged: hasLaterGroup(bytes, offset, next) };",
					without: "damaged: false };",
				},
				witness: {
					file: "test/log/power-cut.test.ts",
					test: "damage to what was synced is said at the opening, and not taken for what a crash tore",
					says: "instead of rejecting",
				},
			},
		],
	},
];
