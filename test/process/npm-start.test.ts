/*
 * The product as a terminal starts it: npm, its shell, the launcher and the server behind it, ended from outside.
 */
import path from "node:path";
import { expect, test } from "vitest";
import { startProcess } from "../../scripts/servers/process.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { until } from "../harness/product.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");
const ENVIRONMENT = { PORT: "0", METRICS_PORT: "0", LOG_FORMAT: "json", NODE_ENV: "production" };

/** Runs a command that starts the product: its first process, and the address that was printed. */
async function started(command: string, args: readonly string[]) {
	const env = { ...process.env, ...ENVIRONMENT, DATA_DIR: await temporaryFolder() };
	const first = startProcess({ command, args, cwd: ROOT, env });
	atEndOfFile(() => first.kill("SIGTERM"));
	const ready = () => /^ready (\S+)$/m.exec(first.output())?.[1];
	return { first, url: await until(ready, { what: "the ready line", timeoutMs: 60_000 }) };
}

const isServed = (url: string) =>
	fetch(`${url}/health/live`).then(
		({ ok }) => ok,
		() => false,
	);

test("SIGTERM to npm start ends the server, too, in order", async () => {
	const { first: npm, url } = await started("npm", ["start"]);
	expect(await isServed(url)).toBe(true);
	await npm.kill("SIGTERM");
	await until(async () => !(await isServed(url)), { what: "the server to be gone" });
	await until(() => npm.output().includes("ServiceBroker is stopped"), { what: "the stop to be in order" });
});

test("a launcher killed without a warning leaves no server behind", async () => {
	const { first: launcher, url } = await started(process.execPath, ["scripts/launch.cjs", "main.ts"]);
	await launcher.kill("SIGKILL");
	await until(async () => !(await isServed(url)), { what: "the server to be gone", timeoutMs: 20_000 });
});
