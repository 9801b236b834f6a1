/*
 * The harness itself: a client that shows what the server said, a browser that is real, folders that go away.
 */
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { api } from "./api.ts";
import { openBrowser } from "./browser.ts";
import { atEndOfFile } from "./cleanup.ts";
import { temporaryFolder } from "./folder.ts";
import { until } from "./product.ts";

async function serve(status: number, type: string, body: string): Promise<string> {
	const server = createServer((request, response) => {
		response.writeHead(status, { "content-type": type, "x-seen": request.headers.authorization ?? "none" });
		response.end(body);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	atEndOfFile(async () => server.close());
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("the client gives the body, sends the key, and an unexpected refusal shows what was said", async () => {
	const url = await serve(200, "application/json", '{"n":1}');
	expect(await api(url, "secret").get<{ n: number }>("/x")).toEqual({ n: 1 });
	expect((await api(url, "secret").request("GET", "/x")).headers.get("x-seen")).toBe("Bearer secret");
	await expect(api(url).refused("GET", "/x")).rejects.toThrow("should be refused, was answered 200");

	const refusing = await serve(422, "application/problem+json", '{"code":"invalid","status":422}');
	expect((await api(refusing).refused("POST", "/x", {})).code).toBe("invalid");
	await expect(api(refusing).post("/x", {})).rejects.toThrow('POST /x was answered 422: {"code":"invalid"');
});

test("the browser is real and shows a page", async () => {
	const url = await serve(200, "text/html", "<title>Scanpulse</title>");
	const page = await (await openBrowser()).newPage();
	await page.goto(url);
	expect(await page.title()).toBe("Scanpulse");
});

test("waiting ends when the condition holds, and says what it waited for when it does not", async () => {
	let asked = 0;
	expect(await until(() => (++asked === 3 ? "third" : undefined), { what: "the third", everyMs: 1 })).toBe("third");
	const vain = until(
		() => {
			throw new Error("still away");
		},
		{ what: "the moon", timeoutMs: 20, everyMs: 1 },
	);
	await expect(vain).rejects.toThrow("Waited 20 ms in vain for the moon.");
});

test("a temporary folder exists while the tests run", async () => {
	expect(existsSync(await temporaryFolder())).toBe(true);
});
