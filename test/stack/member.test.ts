/*
 * A member of the stack survives kills, waits longer while it keeps dying, and stays down when it was stopped. The
 * processes are real.
 */
import { expect, test } from "vitest";
import { startProcess } from "../../scripts/servers/process.ts";
import { createMember, type Serving } from "../../scripts/stack/member.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { until } from "../harness/product.ts";

const LIVES = "setInterval(() => {}, 1000);";

function memberOf(script: () => string, restarts = true) {
	const reports: string[] = [];
	const launch = async (): Promise<Serving> => {
		const owned = startProcess({ command: process.execPath, args: ["-e", script()] });
		return { ...owned, pid: owned.pid, stop: () => owned.stop(5_000) };
	};
	const member = createMember({ name: "scans-1", launch, restarts, report: (what) => reports.push(what) });
	atEndOfFile(() => member.stop());
	return { member, reports };
}

test("a killed member is started again, and the report says so", async () => {
	const { member, reports } = memberOf(() => LIVES);
	await member.start();
	const first = member.serving()?.pid;
	await member.kill();
	const second = await until(() => member.serving()?.pid, { what: "another process" });
	expect(second).not.toBe(first);
	expect(reports).toEqual([
		...[`serves (pid ${first})`, "killed by SIGKILL", "starts again in 200 ms"],
		`serves (pid ${second})`,
	]);
});

test("the delay grows while it keeps dying", async () => {
	const { member, reports } = memberOf(() => "process.exit(3)");
	await member.start();
	const delays = () => reports.flatMap((what) => /^starts again in (\d+) ms$/.exec(what)?.[1] ?? []).map(Number);
	await until(() => delays().length >= 3, { what: "three restarts" });
	expect(delays().slice(0, 3)).toEqual([200, 400, 800]);
	expect(reports).toContain("ended with code 3");
});

test("a stopped member stays down until it is started", async () => {
	const { member, reports } = memberOf(() => LIVES);
	await member.start();
	await member.stop();
	expect(member.serving()).toBeUndefined();
	expect(reports.filter((what) => what.startsWith("starts again"))).toEqual([]);
	await member.start();
	expect(member.serving()).toBeDefined();
});

test("without restarts a dead member stays dead, and can be started by hand", async () => {
	const { member } = memberOf(() => LIVES, false);
	await member.start();
	await member.kill();
	expect(member.serving()).toBeUndefined();
	await member.start();
	expect(member.serving()).toBeDefined();
});
