/*
 * The limits of "Configuration" and what "Rules for all HTTP" says of who exceeds them: 429 with Retry-After, and RateLimit-*
 * on every limited route.
 */
import { beforeAll, expect, test } from "vitest";
import { problemOf, type Running, startRunning } from "./running.ts";

let running: Running;

beforeAll(async () => {
	running = await startRunning({ env: { RATE_LIMITS: undefined } });
});

function expectLimit({ headers }: Response, limit: number): void {
	expect(headers.get("ratelimit-limit")).toBe(String(limit));
	expect(headers.get("ratelimit-remaining")).toMatch(/^\d+$/);
	expect(headers.get("ratelimit-reset")).toMatch(/^\d+$/);
}

test("a key writes 50 times a second, then is asked to wait; another key and the administrator are not", async () => {
	const [one, other] = [await running.key(["codes:write"]), await running.key(["codes:write"])];
	const write = (client: typeof one.client) => client.request("POST", "/api/v1/codes", { surprise: 1 });
	const first = await write(one.client);
	expect(first.status).toBe(422);
	expectLimit(first, 50);
	const answers = await Promise.all(Array.from({ length: 130 }, () => write(one.client)));
	const refused = answers.filter(({ status }) => status === 429);
	expect(refused.length).toBeGreaterThan(20);
	const [worst] = refused as [Response, ...Response[]];
	expect(worst.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
	expect(worst.headers.get("ratelimit-remaining")).toBe("0");
	expectLimit(worst, 50);
	await problemOf(worst, 429, "rate_limited");
	expect((await write(other.client)).status).toBe(422);
	const byAdmin = await Promise.all(Array.from({ length: 130 }, () => write(running.admin)));
	expect(byAdmin.every(({ status }) => status === 422)).toBe(true);
});

test("a key posts 2,000 scans a second, each of a batch counting as one", async () => {
	const code = await running.code();
	const { client } = await running.key(["scans:write"]);
	const one = await client.request("POST", "/api/v1/scans", { code: code.id });
	expect(one.status).toBe(202);
	expectLimit(one, 2_000);
	const scans = Array.from({ length: 1_000 }, () => ({ code: code.id }));
	const answers = await Promise.all(
		Array.from({ length: 6 }, () => client.request("POST", "/api/v1/scans/batch", { scans })),
	);
	const statuses = answers.map(({ status }) => status);
	expect(statuses.filter((status) => status === 202).length).toBeGreaterThanOrEqual(1);
	const refused = answers.find(({ status }) => status === 429) as Response;
	expect(refused.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
	await problemOf(refused, 429, "rate_limited");
	const accepted = 1 + 1_000 * statuses.filter((status) => status === 202).length;
	// What was refused was not counted, what was accepted was.
	expect(await running.counted({ code: code.id })).toMatchObject({ scans: accepted });
});

test("a whole batch of a thousand is taken at once by a key that was quiet", async () => {
	const code = await running.code();
	const { client } = await running.key(["scans:write"]);
	const scans = Array.from({ length: 1_000 }, () => ({ code: code.id }));
	for (const _ of [1, 2]) expect((await client.request("POST", "/api/v1/scans/batch", { scans })).status).toBe(202);
});

test("an address is redirected 100 times a second, and looks for 10 unknown slugs; another one is not held up", async () => {
	const code = await running.code();
	const from = (address: string) => ({ "x-forwarded-for": address });
	const first = await running.phone(`/q/${code.slug}`, from("192.0.2.1"));
	expectLimit(first, 100);
	const known = await Promise.all(
		Array.from({ length: 250 }, () => running.phone(`/q/${code.slug}`, from("192.0.2.1"))),
	);
	const refused = known.find(({ status }) => status === 429) as Response;
	expect(refused.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
	expect(refused.headers.has("location")).toBe(false);
	expect(known.filter(({ status }) => status === 302).length).toBeGreaterThanOrEqual(99);
	expect((await running.phone(`/q/${code.slug}`, from("192.0.2.2"))).status).toBe(302);
	const unknown = await Promise.all(
		Array.from({ length: 60 }, (_, n) => running.phone(`/q/no-such-${n}`, from("192.0.2.3"))),
	);
	const statuses = unknown.map(({ status }) => status);
	expect(statuses.filter((status) => status === 404).length).toBeGreaterThanOrEqual(10);
	expect(statuses).toContain(429);
	expect(unknown.find(({ status }) => status === 429)?.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
	// Who guesses slugs may still scan.
	expect((await running.phone(`/q/${code.slug}`, from("192.0.2.3"))).status).toBe(302);
});
