import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { covers, decodeOffset, encodeOffset, join, toVector } from "../../services/realtime/offset.ts";
import { Presence } from "../../services/realtime/presence.ts";
import { decideRecovery } from "../../services/realtime/recovery.ts";

const vector = fc.array(fc.nat(5), { maxLength: 4 });

describe("a place in what was counted", () => {
	test("has one form on the wire, whatever partitions were named, and comes back as it was", () => {
		fc.assert(
			fc.property(vector, vector, (a, b) => {
				const same = covers(a, b) && covers(b, a);
				expect(encodeOffset(a) === encodeOffset(b)).toBe(same);
				expect(encodeOffset(decodeOffset(encodeOffset(a)) ?? [])).toBe(encodeOffset(a));
			}),
		);
	});

	test("joined with another lacks nothing of either", () => {
		fc.assert(
			fc.property(vector, vector, (a, b) => {
				expect(covers(join(a, b), a) && covers(join(a, b), b)).toBe(true);
			}),
		);
	});

	test("is refused when it is none of ours", () => {
		for (const offset of ["", ".", "1.", "-1", "1e3", "0x1", "9".repeat(17), " 1", "9007199254740993"]) {
			expect(decodeOffset(offset)).toBeUndefined();
		}
		expect(toVector({ 2: 7 })).toEqual([0, 0, 7]);
	});
});

describe("who comes back", () => {
	const place = { epoch: "e", sent: [10, 5] };
	const kind = (since?: { epoch: string; offset: string }) => decideRecovery(since, place).kind;

	test("is behind when all it has seen was sent here, else ahead, or of another history", () => {
		expect(kind()).toBe("fresh");
		expect(kind({ epoch: "e", offset: "10.5" })).toBe("behind");
		expect(kind({ epoch: "e", offset: "3" })).toBe("behind");
		expect(kind({ epoch: "e", offset: "11" })).toBe("ahead");
		expect(kind({ epoch: "e", offset: "1.6" })).toBe("ahead");
		expect(kind({ epoch: "e", offset: "1.1.1" })).toBe("ahead");
		expect(kind({ epoch: "f", offset: "10.5" })).toBe("foreign");
		expect(kind({ epoch: "e", offset: "nonsense" })).toBe("foreign");
	});
});

describe("presence", () => {
	const told = { node: "b", channels: { org: 3 } };

	test("counts a node until it leaves or falls silent, and a sign of life keeps its counts", () => {
		const presence = new Presence("a", { presenceStaleMs: 1_900 });
		presence.hear(told, 0);
		presence.hear({ node: "b", channels: {}, unchanged: true }, 1_500);
		expect(presence.elsewhere("org", 3_000)).toBe(3);
		expect(presence.elsewhere("org", 3_500)).toBe(0);
		presence.hear(told, 4_000);
		presence.hear({ node: "b", channels: {}, leaving: true }, 4_100);
		expect(presence.elsewhere("org", 4_100)).toBe(0);
	});

	test("tells counts when they changed or somebody new listens, else that it lives", () => {
		const presence = new Presence("a", { presenceStaleMs: 1_900 });
		const own = { org: 1 };
		expect(presence.report(own)).toEqual({ node: "a", channels: own });
		expect(presence.report(own)).toEqual({ node: "a", channels: {}, unchanged: true });
		presence.hear(told, 0);
		expect(presence.report(own)).toEqual({ node: "a", channels: own });
		expect(presence.report({ org: 2 })).toEqual({ node: "a", channels: { org: 2 } });
	});
});
