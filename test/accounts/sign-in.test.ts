/*
 * The way in of an owner without a password: the link of the first start, and one from the command beside it.
 */
import path from "node:path";
import { expect, test } from "vitest";
import type { Me } from "../../contracts/account.ts";
import { startProcess } from "../../scripts/servers/process.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { startProduct, until } from "../harness/product.ts";
import { realServer } from "../harness/servers.ts";

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

test("a first start without MongoDB is ready all the same, and offers its link when MongoDB is there", async () => {
	const mongo = await realServer("mongo");
	await mongo.kill();
	const env = { MONGO_URL: mongo.url };
	const product = await startProduct({ env });
	expect(product.output()).not.toMatch(/^sign-in /m);

	await mongo.restart();
	const offered = () => [...product.output().matchAll(/^sign-in (\S+)$/gm)].map(([, link]) => link ?? "");
	const [link] = await until(() => offered().length > 0 && offered(), { what: "the link", timeoutMs: 30_000 });
	const cookie = async () => {
		const answer = await open(link ?? "");
		return typeof answer === "string" && answer;
	};
	expect(await until(cookie, { what: "the link to sign in", timeoutMs: 15_000 })).toMatch(/^\w+=ss_/);
	await product.stop();
	expect(offered()).toEqual([link]);

	const again = await startProduct({ env });
	expect(again.signInUrl).toBeUndefined();
	await again.stop();
});

test("the command refuses a folder in which nothing ever ran", async () => {
	const nowhere = path.join(await temporaryFolder(), "nowhere");
	const { code, output } = await signInCommand(nowhere, "http://localhost:3000");
	expect(code).toBe(1);
	expect(output).toContain("DATA_DIR");
});
