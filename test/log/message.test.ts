/* The coding of messages: whatever is damaged on the way is recognised and never taken for scans. */
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { decodeMessage, encodeMessage, type ScanMessage } from "../../platform/log/message.ts";

const message: ScanMessage = {
	producer: "p",
	number: 7,
	acceptedAt: 1_763_900_000_000,
	totals: { default: 12 },
	scans: [
		{
			id: "s1",
			organisation: "default",
			code: "c1",
			slug: "menu",
			at: 1_763_900_000_000,
			source: "qr",
			device: "mobile",
			bot: false,
		},
	],
};

test("any single bit that is flipped makes a message malformed", () => {
	const data = encodeMessage(message);
	expect(decodeMessage(data)).toEqual({ kind: "scans", message });
	for (let bit = 0; bit < data.length * 8; bit++) {
		const damaged = Uint8Array.from(data);
		damaged[bit >> 3]! ^= 1 << (bit & 7);
		expect(decodeMessage(damaged).kind).toBe("malformed");
	}
});

test("any message that was cut short is malformed", () => {
	const data = encodeMessage(message);
	for (let length = 0; length < data.length; length++)
		expect(decodeMessage(data.subarray(0, length)).kind).toBe("malformed");
});

test("a message of a newer version is not malformed: it waits for a newer reader", () => {
	expect(decodeMessage(ofVersion(2))).toEqual({ kind: "newer", version: 2 });
	expect(decodeMessage(ofVersion(0))).toMatchObject({ kind: "malformed" });
});

/** What another release would write: its own body behind the header that all of them share. */
function ofVersion(version: number): Uint8Array {
	const body = Buffer.from("something else");
	const header = Buffer.alloc(5);
	header[0] = version;
	header.writeUInt32BE(crc32(body, crc32(Uint8Array.of(version))), 1);
	return Buffer.concat([header, body]);
}
