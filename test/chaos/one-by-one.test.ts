import { expect, test } from "vitest";
import { Ends } from "../../scripts/chaos/ends.ts";
import { Growth } from "../../scripts/chaos/growth.ts";
import { planTrials, tooLong } from "../../scripts/chaos/one-by-one.ts";

const MEMBERS = ["nats", "mongo", "gateway-1", "gateway-2", "scans-1", "scans-2", "cron-1"];

test("the longest standstill is that of any one number, from the beginning to the end of the time asked for", () => {
	const growth = new Growth();
	for (const at of [0, 10, 20, 30, 40]) growth.happened("steady", at);
	for (const [at, value] of [
		[0, 1],
		[5, 2],
		[30, 2],
		[35, 3],
	] as const)
		growth.seen("slow", value, at);
	expect(growth.longest(0, 40)).toEqual({ name: "slow", ms: 30 });
	expect(growth.longest(20, 40)).toEqual({ name: "slow", ms: 15 });
	expect(growth.longest(36, 100)).toEqual({ name: "slow", ms: 64 });
	expect([growth.allSince(30), growth.allSince(36)]).toEqual([true, false]);
});

test("each kind of member is killed and stopped once; rolling, each process is restarted and no server", () => {
	expect(planTrials("each", MEMBERS).map(({ member, kind }) => `${kind} ${member}`)).toEqual([
		...["kill nats", "pause nats", "kill mongo", "pause mongo", "kill gateway-1", "pause gateway-1"],
		...["kill scans-1", "pause scans-1", "kill cron-1", "pause cron-1"],
	]);
	expect(planTrials("rolling", MEMBERS).map(({ member, kind }) => `${kind} ${member}`)).toEqual(
		["gateway-1", "gateway-2", "scans-1", "scans-2", "cron-1"].map((member) => `restart ${member}`),
	);
});

test("a standstill that is too long is named", () => {
	const trial = { member: "scans-1", kind: "restart", pauseMs: 0, serving: { name: "POSTs", ms: 40 } } as const;
	const result = { ...trial, counting: { name: "partition 2", ms: 2_100 } };
	expect(tooLong("rolling", result)).toEqual(["scans-1 (restart): partition 2 stood still for 2100 ms"]);
	expect(tooLong("each", result)).toEqual([]);
});

test("a process that ends unasked is named, and one of the product's that was asked and did not end in order", () => {
	const ends = new Ends();
	for (const kind of ["kill", "restart", "restart", "pause"] as const) ends.expect({ member: "scans-1", kind });
	ends.expect({ member: "nats", kind: "restart" });
	expect(ends.judge("scans-1", "killed by SIGKILL")).toBeUndefined();
	expect(ends.judge("scans-1", "serves (pid 1)")).toBeUndefined();
	expect(ends.judge("scans-1", "ended with code 0")).toBeUndefined();
	expect(ends.judge("scans-1", "ended with code 1")).toBe("scans-1 ended with code 1 on SIGTERM");
	expect(ends.judge("scans-1", "ended with code 0")).toBe("scans-1 ended with code 0 although nobody struck it");
	expect(ends.judge("nats", "ended with code 1")).toBeUndefined();
});
