/*
 * Where one machine does all, those who count leave the processor to those whom a phone waits for.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { getPriority } from "node:os";
import { afterEach, expect, test } from "vitest";
import { type OwnedProcess, startProcess } from "../../scripts/servers/process.ts";
import { until } from "../../scripts/servers/until.ts";

const owned: OwnedProcess[] = [];
afterEach(() => Promise.all(owned.splice(0).map((process) => process.kill())));

function startIdle(yields: boolean): OwnedProcess {
	const idle = startProcess({ command: process.execPath, args: ["-e", "setInterval(() => {}, 1e6)"], yields });
	owned.push(idle);
	return idle;
}

test("a process that yields is nicer than one that does not, from its first thread on", async () => {
	const others = startIdle(false).pid;
	const { pid } = startIdle(true);
	await until(() => getPriority(pid) > getPriority(others), { what: "the process to be nicer" });
	expect(getPriority(others)).toBe(getPriority(process.pid));
});

test("so is its session, where the system shares the processor among sessions", async () => {
	const sessionOf = (pid: number) => `/proc/${pid}/autogroup`;
	const shared = existsSync(sessionOf(process.pid));
	const [plain, nicer] = [startIdle(false).pid, startIdle(true).pid];
	expect(existsSync(sessionOf(nicer))).toBe(shared);
	if (!shared) return;
	await until(async () => (await readFile(sessionOf(nicer), "utf8")).endsWith("nice 5\n"), { what: "a nicer session" });
	expect(await readFile(sessionOf(plain), "utf8")).toMatch(/nice 0\n$/);
});
