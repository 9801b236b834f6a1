/*
 * The way in of an owner without a password: the link of the first start, and one from the command beside it.
 */
import path from "node:path";
import { expect, test } from "vitest";
import type { Me } from "../../contracts/account.ts";
import { startProcess } from "../../scripts/servers/process.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { startProduct } from "../harness/product.ts";

const COMMAND = path.join(import.meta.dirname, "..", "..", "scripts", "sign-in.ts");

async function signInCommand(dataDir: string, publicUrl: string): Promise<{ code: number | null; output: string }> {
	const env = { ...process.env, DATA_DIR: dataDir, PUBLIC_URL: publicUrl };
	const command = startProcess({ command: process.execPath, args: [COMMAND], env });
	const { code } = await command.exited;
	return { code, output: command.output() };
}

/** Opens a link as a browser does; the session's cookie, or the status of the refusal. */
async function open(link: string): Promise<string | number> {
	const response = await fetch(link, { redirect: "manual" });
	const cookie = response.headers.getSetCookie()[0]?.split(";")[0];
	return response.status === 303 && cookie ? cookie : response.status;
}

test("a link signs in once; the command makes another one while the product runs", async () => {
	const product = await startProduct();
	const first = product.signInUrl ?? "";
	const { code, output } = await signInCommand(product.dataDir, product.url);
	expect(code).toBe(0);
	const second = /^sign-in (\S+)$/m.exec(output)?.[1] ?? "";

	for (const link of [first, second]) {
		const cookie = await open(link);
		expect(cookie).toMatch(/^\w+=ss_/);
		const response = await fetch(`${product.url}/api/v1/me`, { headers: { cookie: String(cookie) } });
		expect(((await response.json()) as Me).member).toMatchObject({ name: "Owner" });
		expect(await open(link)).toBe(410);
	}
	await product.stop();
});

test("the command refuses a folder in which nothing ever ran", async () => {
	const nowhere = path.join(await temporaryFolder(), "nowhere");
	const { code, output } = await signInCommand(nowhere, "http://localhost:3000");
	expect(code).toBe(1);
	expect(output).toContain("DATA_DIR");
});
