/*
 * Finding and fetching the real binaries: the environment wins, what is missing is fetched once however many ask, and
 * what cannot be had is an error that says what to do.
 */
import { execFile } from "node:child_process";
import { access, constants, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";

const run = promisify(execFile);
const PROVISION = new URL("../../scripts/servers/provision.ts", import.meta.url).href;
let cache: string;

beforeEach(async () => {
	cache = await mkdtemp(path.join(tmpdir(), "scanpulse-cache-"));
});
afterEach(() => rm(cache, { recursive: true, force: true }));

/** Provisions in a process of its own, as several test files at once do. */
async function provisionElsewhere(name: string, env: Record<string, string>): Promise<string> {
	const script = `import { provision } from ${JSON.stringify(PROVISION)}; console.log(await provision(${JSON.stringify(name)}));`;
	const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], {
		env: { ...process.env, ...env },
	});
	return stdout.trim();
}

test.each(["nats-server", "redis-server", "mongod", "chromium"])(
	"a real %s is there and tells its version",
	async (name) => {
		const binary = await provisionElsewhere(name, {});
		expect(path.isAbsolute(binary)).toBe(true);
		const { stdout } = await run(binary, ["--version"]);
		expect(stdout).toMatch(/\d+\.\d+/);
	},
);

test("the environment variable of a server wins over everything else", async () => {
	expect(await provisionElsewhere("mongod", { MONGOD_BIN: process.execPath })).toBe(process.execPath);
	await expect(provisionElsewhere("redis-server", { REDIS_SERVER_BIN: "/nowhere/redis" })).rejects.toThrow(
		/REDIS_SERVER_BIN is "\/nowhere\/redis", which is not an executable file/,
	);
});

test.runIf(process.platform === "linux" && process.arch === "x64")(
	"three processes that need mongod at once leave one whole binary in the cache and nothing else",
	async () => {
		const env = { XDG_CACHE_HOME: cache, MONGOD_BIN: "" };
		const paths = await Promise.all([1, 2, 3].map(() => provisionElsewhere("mongod", env)));
		expect(new Set(paths).size).toBe(1);
		await access(paths[0] as string, constants.X_OK);
		const left = await readdir(path.join(cache, "scanpulse")).catch(() => []);
		expect(left.filter((name) => name.startsWith("mongod-") && !name.includes("6.0.5"))).toEqual([]);
	},
);

test("a server that cannot be had fails with what to install and which variable to set", async () => {
	// No registry can be asked without its tools: an empty PATH, and a cache that is empty.
	const nothing = provisionElsewhere("mongod", { PATH: cache, XDG_CACHE_HOME: cache, MONGOD_BIN: "" });
	await expect(nothing).rejects.toThrow(/needs a real mongod[\s\S]*MONGOD_BIN/);
});
