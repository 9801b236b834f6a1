/*
 * "Configuration": what a process of the product takes, refuses, says and leaves, as the one who runs it sees it.
 */
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { api } from "../harness/api.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { runProduct, startProduct, until } from "../harness/product.ts";
import { LiveClient } from "./live-client.ts";
import { ADMIN_KEY, startRunning } from "./running.ts";
import { openLink, signInLink } from "./sign-in.ts";

const VARIABLES = [
	...["PORT", "HOST", "PUBLIC_URL", "DATA_DIR", "NATS_URL", "REDIS_URL", "MONGO_URL", "REALTIME_PORT", "REALTIME_URL"],
	...[
		"SERVICES",
		"NODE_ID",
		"PARTITIONS",
		"LOG_MAX_MIB",
		"SCANPULSE_ADMIN_KEY",
		"RATE_LIMITS",
		"ALLOW_PRIVATE_DESTINATIONS",
	],
	...["REDIRECT_PATIENCE_MS", "ALLOWED_ORIGINS", "TRUST_PROXY", "RETENTION_DAYS", "GEOIP_DB", "METRICS_PORT"],
	...["LOG_LEVEL", "LOG_FORMAT"],
];

/** Of each variable what it must not be, and a word of what was expected. */
const BAD: Record<string, readonly [value: string, expected: RegExp][]> = {
	PORT: [
		["eighty", /port/],
		["65536", /port/],
		["-1", /port/],
		["80.5", /port/],
		["0x50", /port/],
		[" 80", /port/],
	],
	PUBLIC_URL: [
		["example.org", /https?:/],
		["ftp://example.org", /https?:/],
		["https://example.org/path", /path/],
		["https://example.org/?x", /https?:/],
	],
	NATS_URL: [
		["localhost:4222", /nats:/],
		["http://localhost", /nats:/],
	],
	REDIS_URL: [
		["localhost:6379", /redis:/],
		["http://x", /redis:/],
	],
	MONGO_URL: [
		["localhost:27017", /mongodb:/],
		["https://x", /mongodb:/],
	],
	REALTIME_PORT: [
		["x", /port/],
		["70000", /port/],
	],
	REALTIME_URL: [
		["realtime", /https?:/],
		["ws://example.org", /https?:/],
	],
	SERVICES: [
		["gateway,dancing", /gateway/],
		["Gateway", /gateway/],
		[",", /gateway/],
	],
	NODE_ID: [
		["a b", /\d/],
		["x".repeat(101), /100/],
	],
	PARTITIONS: [
		["0", /\d/],
		["-1", /\d/],
		["1.5", /\d/],
		["many", /\d/],
		["100000", /\d/],
	],
	LOG_MAX_MIB: [
		["0", /16–1048576 \(MiB\)/],
		["15", /16–1048576 \(MiB\)/],
		["4GiB", /MiB/],
		["1048577", /MiB/],
		["-1", /MiB/],
	],
	RATE_LIMITS: [
		["yes", /on or off/],
		["true", /on or off/],
		["OFF", /on or off/],
	],
	ALLOW_PRIVATE_DESTINATIONS: [
		["1", /on or off/],
		["no", /on or off/],
	],
	REDIRECT_PATIENCE_MS: [
		["-1", /\d/],
		["1s", /\d/],
		["99999999", /\d/],
	],
	ALLOWED_ORIGINS: [
		["example.org", /https?:/],
		["https://a.example,b", /https?:/],
		["https://a.example/x", /path/],
		["*", /https?:/],
	],
	TRUST_PROXY: [
		["true", /\d/],
		["-1", /\d/],
		["1000", /\d/],
	],
	RETENTION_DAYS: [
		["0", /\d/],
		["forever", /\d/],
		["-5", /\d/],
	],
	METRICS_PORT: [
		["x", /port/],
		["70000", /port/],
	],
	LOG_LEVEL: [
		["loud", /info/],
		["INFO", /info/],
	],
	LOG_FORMAT: [
		["xml", /json/],
		["JSON", /json/],
	],
};

describe("a bad value", () => {
	const rounds = Math.max(...Object.values(BAD).map((values) => values.length));

	test.concurrent.each(Array.from({ length: rounds }, (_, round) => round))(
		"of each variable stops the start, naming it, its value and what was expected (%i)",
		async (round) => {
			const values = Object.entries(BAD).flatMap(([name, cases]) =>
				cases[round] ? [[name, ...cases[round]] as const] : [],
			);
			const { code, signal, output } = await runProduct({ env: Object.fromEntries(values) });
			expect(signal).toBeNull();
			expect(code).toBeGreaterThan(0);
			const lines = output.split("\n");
			for (const [name, value, expected] of values) {
				const line = lines.find((it) => it.startsWith(`${name} `)) ?? "";
				expect({ name, line }).toEqual({ name, line: expect.stringContaining(JSON.stringify(value)) });
				expect(line).toMatch(expected);
			}
			expect(output).not.toMatch(/^ready /m);
			expect(output).not.toMatch(/\n {4}at /);
		},
	);

	test.concurrent.each([
		[
			"of the administrator's key, which is not repeated where others read it",
			{ SCANPULSE_ADMIN_KEY: "too short" },
			/SCANPULSE_ADMIN_KEY .*16–256/,
		],
		["of a key with other characters", { SCANPULSE_ADMIN_KEY: "sixteen-or-more-ä" }, /SCANPULSE_ADMIN_KEY .*ASCII/],
		["of a key with a space", { SCANPULSE_ADMIN_KEY: "sixteen or more characters" }, /SCANPULSE_ADMIN_KEY .*ASCII/],
		["some actors without the parts that join them", { SERVICES: "gateway" }, /NATS_URL .*\n?.*MONGO_URL/],
		["some actors without a store", { SERVICES: "gateway", NATS_URL: "nats://127.0.0.1:1" }, /MONGO_URL/],
		["a table of countries that is not there", { GEOIP_DB: "/nowhere/at.mmdb" }, /GEOIP_DB.*\/nowhere\/at\.mmdb/],
		[
			"a table of countries that is none",
			{ GEOIP_DB: path.join(import.meta.dirname, "configuration.test.ts") },
			/GEOIP_DB/,
		],
		["an address that is not of this machine", { HOST: "192.0.2.1" }, /HOST.*192\.0\.2\.1/],
		["a folder that is a file", { DATA_DIR: import.meta.filename }, /DATA_DIR.*configuration\.test\.ts/],
	] as const)("such as %s stops the start", async (_, env, message) => {
		const { code, output } = await runProduct({ env });
		expect(code).toBeGreaterThan(0);
		expect(output).toMatch(message);
		expect(output).not.toMatch(/^ready /m);
	});

	test.concurrent("of a port that is taken stops the start", async () => {
		const taken = await occupy(0);
		for (const name of ["PORT", "REALTIME_PORT", "METRICS_PORT"]) {
			const { code, output } = await runProduct({ env: { [name]: String(taken) } });
			expect(code).toBeGreaterThan(0);
			expect(output).toMatch(new RegExp(`${name} is ${taken}`));
		}
	});

	test.concurrent("of partitions other than the log's stops the start", async () => {
		const dataDir = await temporaryFolder();
		await (await startProduct({ dataDir })).stop();
		const { code, output } = await runProduct({ dataDir, env: { PARTITIONS: "3" } });
		expect(code).toBeGreaterThan(0);
		expect(output).toMatch(/PARTITIONS is "?3"?.*\b1\b/);
		const again = await startProduct({ dataDir, env: { PARTITIONS: "1" } });
		await again.stop();
	});
});

/** Listens on a port until the file ends; the port. */
async function occupy(port: number): Promise<number> {
	const server: Server = createServer();
	const listening = new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, "127.0.0.1", resolve);
	});
	await listening;
	atEndOfFile(async () => void server.close());
	return (server.address() as { port: number }).port;
}

describe("a process", () => {
	test.concurrent("prints every variable with its default for --help", async () => {
		const { code, output } = await runProduct({ args: ["--help"] });
		expect(code).toBe(0);
		for (const name of VARIABLES) expect(output).toMatch(new RegExp(`^\\s*${name}\\b.*`, "m"));
		for (const standard of ["3000", "127.0.0.1", "./data", "25", "400", "3030"]) expect(output).toContain(standard);
	});

	test.concurrent("says where it serves, by a line of its own", async () => {
		const product = await startProduct({ env: { SCANPULSE_ADMIN_KEY: ADMIN_KEY } });
		const line = product
			.output()
			.split("\n")
			.find((it) => it.startsWith("ready "));
		expect(line).toMatch(/^ready http:\/\/127\.0\.0\.1:[1-9]\d*$/);
		const port = new URL(product.url).port;
		expect(await api(product.url).get("/api/v1/client")).toMatchObject({ publicUrl: `http://localhost:${port}` });
		expect(product.signInUrl).toBeUndefined();
		expect(product.output()).not.toContain(ADMIN_KEY);
	});

	test.concurrent("on the data of another is refused, which goes on", async () => {
		const first = await startProduct();
		const second = await runProduct({ dataDir: first.dataDir });
		expect(second.code).toBeGreaterThan(0);
		expect(second.output).toContain("DATA_DIR");
		expect(second.output).toContain(first.dataDir);
		expect(second.output).toMatch(/another .*process/i);
		expect((await fetch(`${first.url}/health/ready`)).status).toBe(200);
	});

	test.concurrent("without an administrator's key says once, before it is ready, where to sign in", async () => {
		const dataDir = await temporaryFolder();
		const first = await startProduct({ dataDir });
		const link = first.signInUrl as string;
		expect(first.output().indexOf(`sign-in ${link}`)).toBeLessThan(first.output().indexOf("\nready "));
		expect(first.output().match(/^sign-in /gm)).toHaveLength(1);
		const cookie = await openLink(link);
		expect((await fetch(link, { redirect: "manual" })).status).toBe(410);
		// Made beside the running process.
		const another = await signInLink(first);
		expect(another).not.toBe(link);
		await openLink(another);
		await first.stop();
		const second = await startProduct({ dataDir, env: { PORT: new URL(first.url).port } });
		expect(second.output()).not.toMatch(/^sign-in /m);
		expect((await fetch(link, { redirect: "manual" })).status).toBe(410);
		// Who is signed in stays so.
		expect((await fetch(`${second.url}/api/v1/me`, { headers: { cookie } })).status).toBe(200);
	});

	test.concurrent("serves metrics on a port of their own, and runs without when the standard one is taken", async () => {
		const port = await freePort();
		const product = await startProduct({ env: { METRICS_PORT: String(port) } });
		const metrics = await fetch(`http://127.0.0.1:${port}/metrics`);
		expect(metrics.headers.get("content-type")).toMatch(/^text\/plain/);
		const text = await metrics.text();
		expect(text).toMatch(/^process_cpu_seconds_total \d/m);
		expect(text).toMatch(/^scanpulse_/m);
		expect((await fetch(`${product.url}/metrics`)).headers.get("content-type")).not.toMatch(/^text\/plain/);
		// Taken by this test, or by whoever had it before.
		await occupy(3030).catch(() => 0);
		const without = await startProduct({ env: { METRICS_PORT: undefined } });
		expect(without.output()).toMatch(/METRICS_PORT is 3030/);
		expect((await fetch(`${without.url}/health/ready`)).status).toBe(200);
	});

	test.concurrent("takes each variable for what it says", async () => {
		const realtimePort = await freePort();
		const { phone, url, product, code, ...run } = await startRunning({
			env: {
				...{ PUBLIC_URL: "https://go.example.org", REALTIME_URL: "https://live.example.org", NODE_ID: "my-node.1" },
				...{ REALTIME_PORT: String(realtimePort), RETENTION_DAYS: "10", REDIRECT_PATIENCE_MS: "0", TRUST_PROXY: "0" },
				...{ LOG_LEVEL: "warn", ALLOWED_ORIGINS: "https://a.example, https://b.example" },
			},
		});
		expect(await run.admin.get("/api/v1/client")).toMatchObject({
			publicUrl: "https://go.example.org",
			realtimeUrl: "https://live.example.org",
		});
		const client = new LiveClient(`http://127.0.0.1:${realtimePort}`, "/analytics", { token: ADMIN_KEY });
		expect((await client.connected()).node).toBe("my-node.1");
		await expect(new LiveClient(url, "/analytics", { token: ADMIN_KEY }).connected()).rejects.toThrow();
		const made = await code();
		const at = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
		expect((await run.admin.request("POST", "/api/v1/scans", { code: made.id, at: at(9.9) })).status).toBe(202);
		expect((await run.admin.refused("POST", "/api/v1/scans", { code: made.id, at: at(10.1) })).errors?.[0]?.path).toBe(
			"at",
		);
		const agent = { "user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) Safari/604.1" };
		for (const address of ["8.8.8.8", "8.8.4.4"]) {
			const answer = await phone(`/q/${made.slug}`, { ...agent, "x-forwarded-for": address });
			expect([answer.status, answer.headers.has("x-scan-id")]).toEqual([302, false]);
		}
		await until(async () => (await run.counted({ code: made.id })).scans === 3, { what: "the scans to arrive" });
		// No proxy is trusted, so both came from this machine.
		expect(await run.counted({ code: made.id })).toMatchObject({ scans: 3, visitors: 1 });
		for (const origin of ["https://a.example", "https://b.example"])
			expect(
				(await run.ask("GET", "/api/v1/client", { headers: { origin } })).headers.get("access-control-allow-origin"),
			).toBe(origin);
		expect(product.output()).not.toMatch(/"level":"info"/);
	});

	test.concurrent("reads countries and cities from the table that it is given", async () => {
		const file = path.join(await temporaryFolder(), "empty.mmdb");
		await writeFile(file, "");
		const { code, output } = await runProduct({ env: { GEOIP_DB: file } });
		expect(code).toBeGreaterThan(0);
		expect(output).toContain(file);
	});
});

async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as { port: number };
	await new Promise((resolve) => server.close(resolve));
	return port;
}
