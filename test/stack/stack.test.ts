/*
 * `npm run stack` as its user sees it: the clustered product answers, survives the death of any member, and leaves nothing
 * running after Ctrl-C or --down.
 */
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../scripts/servers/ports.ts";
import { type OwnedProcess, startProcess } from "../../scripts/servers/process.ts";
import { type Identity, runningIn } from "../../scripts/stack/state.ts";
import { api } from "../harness/api.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { until } from "../harness/product.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");
const ADMIN_KEY = "stack-test-administrator";
const START_TIMEOUT_MS = 150_000;

let dir: string;
let stack: OwnedProcess;
let url: string;

/** The command behind `npm run stack`, with its arguments. */
function command(...args: string[]): OwnedProcess {
	const owned = startProcess({
		command: process.execPath,
		args: [path.join(ROOT, "scripts/launch.cjs"), "scripts/stack.ts", "--dir", dir, ...args],
		env: { ...process.env, SCANPULSE_ADMIN_KEY: ADMIN_KEY, RATE_LIMITS: "off" },
	});
	atEndOfFile(() => owned.stop());
	return owned;
}

async function begin(): Promise<void> {
	const port = String(await freePort());
	stack = command("--port", port);
	url = await until(() => /^ready (\S+)$/m.exec(stack.output())?.[1] ?? (stack.exit() ? "ended" : undefined), {
		what: "the stack to be ready",
		timeoutMs: START_TIMEOUT_MS,
	}).catch((error: Error) => {
		throw new Error(`${error.message}\n${stack.output()}`);
	});
	if (stack.exit()) throw new Error(stack.output());
}

beforeAll(async () => {
	dir = await temporaryFolder();
	await begin();
}, START_TIMEOUT_MS + 10_000);
afterAll(() => stack?.stop());

const pidOf = (name: string) => runningIn(dir).find((process) => process.name === name)?.pid;

test("a code that is created is redirected by every gateway and its scans are counted", {
	timeout: 60_000,
}, async () => {
	const admin = api(url, ADMIN_KEY);
	const { id, slug } = await admin.post<{ id: string; slug: string }>("/api/v1/codes", {
		name: "stack",
		url: "https://example.com/",
	});
	let acknowledged = 0;
	for (let scan = 0; scan < 20; scan++) {
		// A connection of its own each time, so that both gateways are asked.
		const answer = await until(
			async () => {
				const response = await admin.request("GET", `/q/${slug}`, undefined, { connection: "close" });
				return response.status === 302 ? response : undefined;
			},
			{ what: "a redirect" },
		);
		if (answer.headers.has("x-scan-id")) acknowledged++;
	}
	await until(
		async () => {
			const summary = await admin.get<{ scans: number }>(`/api/v1/analytics/summary?code=${id}&bots=true`);
			return summary.scans >= acknowledged;
		},
		{ what: `${acknowledged} scans to be counted`, timeoutMs: 20_000 },
	);
});

test("a member that is killed is started again and the stack goes on", { timeout: 60_000 }, async () => {
	const killed = pidOf("gateway-1") as number;
	process.kill(killed, "SIGKILL");
	await until(() => (pidOf("gateway-1") ?? killed) !== killed, { what: "another gateway-1", timeoutMs: 30_000 });
	expect(stack.output()).toContain("gateway-1 killed by SIGKILL");
	await until(async () => (await api(url).request("GET", "/health/ready")).ok, { what: "the stack to answer" });
});

test("a second stack on the same folder or port is refused", { timeout: 60_000 }, async () => {
	const onFolder = command("--port", "0");
	expect((await onFolder.exited).code).toBe(1);
	expect(onFolder.output()).toContain("already");
	const { port } = new URL(url);
	const onPort = command("--port", port, "--dir", await temporaryFolder());
	expect((await onPort.exited).code).toBe(1);
	expect(onPort.output()).toContain(`Port ${port} is taken`);
});

test("--down leaves nothing running, and so does Ctrl-C", { timeout: START_TIMEOUT_MS + 60_000 }, async () => {
	const everything: Identity[] = runningIn(dir);
	expect(everything.length).toBe(1 + 3 + 11);
	const down = command("--down");
	expect((await down.exited).code).toBe(0);
	expect((await stack.exited).code).toBe(0);
	expect(runningIn(dir)).toEqual([]);
	for (const { pid } of everything) expect(() => process.kill(pid, 0)).toThrow("ESRCH");

	await begin();
	const again = runningIn(dir);
	// The terminal sends the signal to the whole group: the launcher and what it launched.
	process.kill(-stack.pid, "SIGINT");
	expect((await stack.exited).code).toBe(0);
	for (const { pid } of again) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});
