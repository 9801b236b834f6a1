/*
 * A process of the product from its start to its end, as the one who runs it sees it: what it refuses, what it prints, what
 * it leaves.
 */
import { expect, test } from "vitest";
import { api } from "../harness/api.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { runProduct, startProduct } from "../harness/product.ts";

test("a bad value stops the start, naming the variable, its value and what was expected", async () => {
	const { code, output } = await runProduct({ env: { PORT: "eighty", RATE_LIMITS: "sometimes" } });
	expect(code).toBe(1);
	expect(output).toContain('PORT is "eighty": expected a port');
	expect(output).toContain('RATE_LIMITS is "sometimes": expected on or off');
});

test("--help names every variable and ends", async () => {
	const { code, output } = await runProduct({ args: ["--help"] });
	expect(code).toBe(0);
	for (const name of ["PORT", "DATA_DIR", "NATS_URL", "SCANPULSE_ADMIN_KEY"]) expect(output).toContain(name);
});

test("a second process on the same data is refused, and the first goes on", async () => {
	const first = await startProduct();
	const second = await runProduct({ dataDir: first.dataDir });
	expect(second.code).toBe(1);
	expect(second.output).toContain("another Scanpulse process works in it");
	expect((await api(first.url).request("GET", "/health/live")).status).toBe(200);
	expect(await first.stop()).toEqual({ code: 0, signal: null });
});

test("the first start without an admin key prints a sign-in address before it is ready, the next start does not", async () => {
	const dataDir = await temporaryFolder();
	const first = await startProduct({ dataDir });
	expect(first.signInUrl).toMatch(/^http:\/\/localhost:\d+\//);
	expect(first.output().indexOf("sign-in ")).toBeLessThan(first.output().indexOf("\nready "));
	await first.stop();
	const second = await startProduct({ dataDir });
	expect(second.signInUrl).toBeUndefined();
});
