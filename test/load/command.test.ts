import { execFile } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";

const LOAD = path.join(import.meta.dirname, "..", "..", "scripts", "load.ts");

function load(...args: string[]): Promise<{ code: number; output: string }> {
	return new Promise((resolve) => {
		execFile(process.execPath, [LOAD, ...args], (error, stdout, stderr) =>
			resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
		);
	});
}

test("npm run load says which loads there are", async () => {
	const { code, output } = await load("--help");
	expect(code).toBe(0);
	for (const name of ["scans", "redirects", "dashboards", "mix", "spike", "soak"]) expect(output).toContain(name);
});

test("a load that does not exist, or a threshold that is none, ends with 1 before anything is started", async () => {
	expect(await load("everything")).toMatchObject({ code: 1, output: expect.stringContaining("expected one of") });
	const threshold = await load("scans", "--ensure", "p99 is fine");
	expect(threshold).toMatchObject({ code: 1, output: expect.stringContaining("expected a threshold such as") });
	const key = await load("scans", "--target", "http://127.0.0.1:9", "--key");
	expect(key.code).toBe(1);
});
