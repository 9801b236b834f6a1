import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readConfig } from "../../platform/config.ts";
import { createHttpHost } from "../../platform/http.ts";
import { dashboardHandler } from "../../services/gateway/dashboard.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";

let url: string;

/** A built dashboard, and beside it what must not be served. */
async function serve(env: Record<string, string> = {}): Promise<string> {
	const folder = await temporaryFolder();
	const dist = path.join(folder, "dist");
	await mkdir(path.join(dist, "assets"), { recursive: true });
	await writeFile(path.join(folder, "secret"), "secret");
	await writeFile(path.join(dist, "index.html"), "<title>Scanpulse</title>");
	await writeFile(path.join(dist, "favicon.svg"), "<svg/>");
	await writeFile(path.join(dist, "assets", "index-abc123.js"), "1");
	const config = readConfig({ PORT: "0", ...env });
	const http = createHttpHost(config);
	const handler = dashboardHandler({ config, http }, dist);
	http.handle((request, response) => {
		handler(request, response, () => response.writeHead(404).end("nothing"));
		return true;
	});
	atEndOfFile(() => http.drain(0));
	return http.listen();
}

beforeAll(async () => {
	url = await serve();
});

const open = (where: string) => fetch(url + where, { headers: { accept: "text/html,*/*" } });

describe("the dashboard", () => {
	test("is the page at every address that a browser opens, and is asked for again each time", async () => {
		for (const where of ["/", "/index.html", "/codes/abc?x=1"]) {
			const response = await open(where);
			expect(await response.text()).toContain("Scanpulse");
			expect(response.headers.get("cache-control")).toBe("no-cache");
		}
	});

	test("has files that are kept for ever where their name says what is in them", async () => {
		expect((await fetch(`${url}/assets/index-abc123.js`)).headers.get("cache-control")).toContain("immutable");
		expect((await fetch(`${url}/favicon.svg`)).headers.get("cache-control")).toBe("no-cache");
	});

	test("is no answer to programs, to the API's paths, to missing files, nor a way out of its folder", async () => {
		expect((await fetch(`${url}/codes/abc`)).status).toBe(404);
		for (const where of ["/api/v1/none", "/health/none", "/assets/old.js", "/..%2fsecret", "/%2e%2e/secret"]) {
			const text = await (await open(where)).text();
			expect(text).not.toContain("secret");
			if (!where.includes("secret")) expect(text).toBe("nothing");
		}
		expect((await fetch(url, { method: "POST" })).status).toBe(404);
	});

	test("loads from here only, speaks to the realtime address, and is framed by nobody", async () => {
		const policy = (await open("/")).headers.get("content-security-policy") ?? "";
		expect(policy).toContain("default-src 'self'");
		expect(policy).toContain("frame-ancestors 'none'");
		expect(policy).toContain(`connect-src 'self' ws://${new URL(url).host}`);
		expect((await open("/")).headers.get("x-content-type-options")).toBe("nosniff");
		const elsewhere = await serve({ REALTIME_URL: "https://live.example" });
		expect((await fetch(elsewhere)).headers.get("content-security-policy")).toContain(
			"connect-src 'self' https://live.example wss://live.example;",
		);
	});
});
