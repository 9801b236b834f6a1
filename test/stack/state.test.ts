/*
 * Taking a stack down ends exactly what belongs to it: what is written down and still the same process, and never one that
 * merely has the id of a dead one.
 */
import { expect, test } from "vitest";
import { startProcess } from "../../scripts/servers/process.ts";
import { type Identity, identify, runningIn, takeDown, writeState } from "../../scripts/stack/state.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { until } from "../harness/product.ts";

async function begin(script: string) {
	const owned = startProcess({ command: process.execPath, args: ["-e", `${script}; console.log("up")`] });
	atEndOfFile(() => owned.kill());
	await until(() => owned.output().includes("up"), { what: "the process to be up" });
	return { owned, identity: identify("member", owned.pid) as Identity };
}

const LIVES = "setInterval(() => {}, 1000)";
const DEAF = `process.on("SIGTERM", () => {}); ${LIVES}`;
const NOBODY: Identity = { name: "stack", pid: 2 ** 22 + 1, startedAt: "1" };

test("what a killed supervisor left behind is ended, also what does not listen to SIGTERM", async () => {
	const dir = await temporaryFolder();
	const [polite, deaf] = [await begin(LIVES), await begin(DEAF)];
	writeState(dir, { supervisor: NOBODY, members: [polite.identity, deaf.identity], url: "", env: {} });
	expect(await takeDown(dir, 500)).toEqual(["member", "member"]);
	expect((await polite.owned.exited).signal).toBe("SIGTERM");
	expect((await deaf.owned.exited).signal).toBe("SIGKILL");
	expect(runningIn(dir)).toEqual([]);
	expect(await takeDown(dir)).toEqual([]);
});

test("a supervisor is asked to end its own", async () => {
	const dir = await temporaryFolder();
	const { owned, identity } = await begin(`process.on("SIGTERM", () => process.exit(0)); ${LIVES}`);
	writeState(dir, { supervisor: identity, members: [], url: "", env: {} });
	await takeDown(dir);
	expect(await owned.exited).toEqual({ code: 0, signal: null });
});

test("a process that has the id of a dead member is left alone", async () => {
	const dir = await temporaryFolder();
	const { owned, identity } = await begin(LIVES);
	writeState(dir, { supervisor: NOBODY, members: [{ ...identity, startedAt: "earlier" }], url: "", env: {} });
	expect(runningIn(dir)).toEqual([]);
	expect(await takeDown(dir)).toEqual([]);
	expect(owned.exit()).toBeUndefined();
});
