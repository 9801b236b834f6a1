/*
 * Where one machine does all, those who count leave the processor to those whom a phone waits for, and those who read to
 * those who count.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { getPriority } from "node:os";
import { afterEach, expect, test } from "vitest";
import { type OwnedProcess, startProcess } from "../../scripts/servers/process.ts";
import { until } from "../../scripts/servers/until.ts";
import type { Turn } from "../../scripts/servers/yielding.ts";

const owned: OwnedProcess[] = [];
afterEach(() => Promise.all(owned.splice(0).map((process) => process.kill())));

function startIdle(turn?: Turn): OwnedProcess {
	const idle = startProcess({ command: process.execPath, args: ["-e", "setInterval(() => {}, 1e6)"], turn });
	owned.push(idle);
	return idle;
}

test("who goes later is nicer, from its first thread on", async () => {
	const [first, second, last] = [startIdle().pid, startIdle("second").pid, startIdle("last").pid] as const;
	await until(() => getPriority(second) > getPriority(first), { what: "the second to be nicer than the first" });
	await until(() => getPriority(last) > getPriority(second), { what: "the last to be nicer than the second" });
	expect(getPriority(first)).toBe(getPriority(process.pid));
});

test("so is its session, where the system shares the processor among sessions", async () => {
	const sessionOf = (pid: number) => `/proc/${pid}/autogroup`;
	const shared = existsSync(sessionOf(process.pid));
	const [first, second, last] = [startIdle().pid, startIdle("second").pid, startIdle("last").pid] as const;
	expect(existsSync(sessionOf(second))).toBe(shared);
	if (!shared) return;
	const becomes = (pid: number, nice: string) =>
		until(async () => (await readFile(sessionOf(pid), "utf8")).endsWith(`nice ${nice}\n`), { what: "a nicer session" });
	await Promise.all([becomes(second, "5"), becomes(last, "12")]);
	expect(await readFile(sessionOf(first), "utf8")).toMatch(/nice 0\n$/);
});
