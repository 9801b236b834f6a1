import { beforeEach, describe, expect, test } from "vitest";
import { until } from "../../scripts/servers/until.ts";
import { answerPolicy } from "../../services/cache/policies.ts";
import { answerOf, type CacheNode, closedAnswer, commitOf, ORGANISATION, startCacheNode } from "./cache-node.ts";

const DAY_MS = 24 * 60 * 60_000;
const yesterday = () => Date.now() - (Date.now() % DAY_MS) - DAY_MS / 2;

let node: CacheNode;

beforeEach(async () => {
	node = await startCacheNode();
	// Until it has heard of the partition, it believes nothing from before.
	await node.tell("scans.committed", commitOf("none", Date.now(), 0, 0));
});

/** How often an answer is served until it is stale or gone, and what it is then. */
async function end(key: string): Promise<string> {
	const reading = await until(
		async () => {
			const now = await node.read(key);
			return (now.state !== "hit" || now.tier === "stale") && now;
		},
		{ what: `${key} to be fresh no more`, everyMs: 5 },
	);
	return reading.state === "hit" ? reading.tier : reading.state;
}

describe("an answer for a range that includes now", () => {
	test("is never served when it is older than its time, whether or not anything happened", async () => {
		const { keepMs } = answerPolicy("open");
		expect(keepMs).toBeLessThan(2_000);
		const answer = answerOf("quiet", { asOf: Date.now() - 500 });
		await node.keep("quiet", await node.lease("quiet"), answer);
		for (;;) {
			const asked = Date.now();
			const reading = await node.read("quiet");
			if (reading.state !== "hit") break;
			expect(asked - answer.asOf).toBeLessThanOrEqual(keepMs);
		}
		expect(Date.now() - answer.asOf).toBeGreaterThanOrEqual(keepMs);
	});

	test("is stale, and loaded anew by one of its readers, once a scan of its codes was counted", async () => {
		await node.keep(
			"mine",
			await node.lease("mine"),
			answerOf(1, { depends: { organisation: ORGANISATION, codes: ["a"] } }),
		);
		await node.count("b", Date.now());
		expect(await node.read("mine")).toMatchObject({ tier: "l1" });
		await node.count("a", Date.now());
		expect(await end("mine")).toBe("stale");
		// The first of its readers has the lease; the others are answered meanwhile.
		expect(await node.read("mine")).toMatchObject({ state: "hit", tier: "stale", lease: undefined });
	});

	test("is loaded anew once a tick at most, however many scans there are", async () => {
		await node.keep("busy", await node.lease("busy"), answerOf(1));
		const begun = Date.now();
		await node.count("a", Date.now());
		await end("busy");
		expect(Date.now() - begun).toBeGreaterThanOrEqual(answerPolicy("open").tickMs - 50);
	});

	test("does not hold what was counted while it was loaded", async () => {
		const lease = await node.lease("race");
		await node.count("a", Date.now());
		await node.keep("race", lease, answerOf("before the scan"));
		expect(await end("race")).toBe("stale");
	});
});

describe("an answer for a range that has ended", () => {
	test("is kept whatever is scanned now, and not when a scan of it comes late", async () => {
		await node.keep("closed", await node.lease("closed"), closedAnswer(1, ["a"]));
		await node.count("a", Date.now());
		await node.count("b", yesterday());
		expect(await node.read("closed")).toMatchObject({ state: "hit", tier: "l1", lease: undefined });
		await node.count("a", yesterday());
		expect(await end("closed")).toBe("stale");
	});

	test("is not served at all when it was not seen to be right for long", async () => {
		const lease = await node.lease("unseen");
		await node.keep("unseen", { ...lease, grantedAt: Date.now() - 5_000 }, closedAnswer(1));
		await node.count("a", yesterday());
		expect((await node.read("unseen")).state).toBe("miss");
	});

	test("is served no more when its code is edited, or it is invalidated", async () => {
		await node.keep("edited", await node.lease("edited"), closedAnswer(1, ["a"]));
		await node.call("cache.invalidate", { organisation: ORGANISATION, codes: ["b"] });
		expect(await node.read("edited")).toMatchObject({ tier: "l1" });
		await node.call("cache.invalidate", { organisation: ORGANISATION, codes: ["a"] });
		expect(await end("edited")).toBe("miss");
		await node.keep("all", await node.lease("all"), closedAnswer(1));
		await node.call("cache.invalidate", { organisation: ORGANISATION });
		expect(await end("all")).toBe("miss");
	});

	test("is not believed when a commit was not heard of", async () => {
		const kept = async (key: string) => {
			await node.keep(key, await node.lease(key), closedAnswer(1));
			expect(await node.read(key)).toMatchObject({ tier: "l1" });
		};
		const beat = (position: number) =>
			node.tell("scans.position", {
				...{ epoch: "epoch", partition: 0, position, logEnd: position, behindMs: 0, at: Date.now() },
			});
		await kept("continued");
		await node.tell("scans.committed", commitOf("b", Date.now(), 0, 3));
		expect(await node.read("continued")).toMatchObject({ tier: "l1" });
		// From 3 to 5 nothing was heard.
		await node.tell("scans.committed", commitOf("b", Date.now(), 5, 6));
		expect(await end("continued")).toBe("stale");
		await kept("beaten");
		// A beat may overtake its announcement, the second one proves that it was lost.
		await beat(9);
		expect(await node.read("beaten")).toMatchObject({ tier: "l1" });
		await beat(9);
		expect(await end("beaten")).toBe("stale");
		await kept("parted");
		await node.tell("scans.committed", { ...commitOf("b", Date.now(), 9, 10), parts: 2 });
		expect(await node.read("parted")).toMatchObject({ tier: "l1" });
		await node.tell("scans.committed", commitOf("b", Date.now(), 10, 11));
		expect(await end("parted")).toBe("stale");
		await kept("restored");
		await node.tell("scans.committed", { ...commitOf("b", Date.now(), 11, 12), epoch: "another" });
		expect(await end("restored")).toBe("stale");
	});
});
