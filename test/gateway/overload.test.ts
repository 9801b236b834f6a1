/*
 * More requests than MAX_INFLIGHT: what cannot be served is refused at once, phones are sent on all the same, and when the
 * crowd has gone everything is as before. Requests are held under way by bodies that do not end.
 */
import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { beforeAll, expect, test } from "vitest";
import type { Problem } from "../harness/api.ts";
import { until } from "../harness/product.ts";
import { ADMIN_KEY, type RunningGateway, startGateway } from "./running-gateway.ts";

const MOST = 3;
const SCAN = JSON.stringify({ code: "menu", visitor: "somebody" });

let gateway: RunningGateway;

beforeAll(async () => {
	gateway = await startGateway({ MAX_INFLIGHT: String(MOST) });
	await gateway.api.post("/api/v1/codes", { url: "https://example.org/menu", slug: "menu" });
});

const auth = { authorization: `Bearer ${ADMIN_KEY}` };
const postScan = (headers: Readonly<Record<string, string>> = auth) =>
	fetch(`${gateway.url}/api/v1/scans`, {
		method: "POST",
		headers: { "content-type": "application/json", ...headers },
		body: SCAN,
	});

/** Posts of which only the head and the first byte have come. */
async function holdPosts(path: string, body: string): Promise<ClientRequest[]> {
	return Promise.all(
		Array.from({ length: MOST }, async () => {
			const headers = { ...auth, "content-type": "application/json", "content-length": body.length };
			const held = request(gateway.url + path, { method: "POST", headers });
			held.write(body.slice(0, 1));
			await once(held, "socket");
			return held;
		}),
	);
}

async function finish(held: readonly ClientRequest[], body: string): Promise<(number | undefined)[]> {
	return Promise.all(
		held.map(async (one) => {
			one.end(body.slice(1));
			const [answer] = (await once(one, "response")) as [IncomingMessage];
			answer.resume();
			return answer.statusCode;
		}),
	);
}

const refused = async (ask: () => Promise<Response>) =>
	until(
		async () => {
			const answer = await ask();
			return answer.status === 503 && answer;
		},
		{ what: "a request to be refused" },
	);

test("a scan beyond what may be under way is refused at once, and told when to come back", async () => {
	const held = await holdPosts("/api/v1/scans", SCAN);
	const answer = await refused(() => postScan({ "x-request-id": "mine-1" }));
	expect(answer.headers.get("retry-after")).toBe("1");
	expect(answer.headers.get("x-request-id")).toBe("mine-1");
	expect(answer.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
	expect((await answer.json()) as Problem).toEqual({
		...{ type: "/docs#overloaded", title: "Overloaded", status: 503, code: "overloaded", requestId: "mine-1" },
		detail: expect.any(String),
	});
	// Before it was looked at who asks: this one has no credential at all.
	expect((await postScan({})).status).toBe(503);
	expect(await finish(held, SCAN)).toEqual(Array(MOST).fill(202));
	await until(async () => (await postScan()).status === 202, { what: "scans to be taken again" });
	expect((await postScan({})).status).toBe(401);
});

test("phones are sent on, and who watches over the gateway is answered, however much is under way", async () => {
	const scans = await holdPosts("/api/v1/scans", SCAN);
	const code = JSON.stringify({ url: "https://example.org/held" });
	const others = await holdPosts("/api/v1/codes", code);
	await refused(() => postScan());
	await refused(() => fetch(`${gateway.url}/api/v1/codes`, { headers: auth }));
	const phones = await Promise.all(Array.from({ length: 20 }, () => gateway.get("/q/menu")));
	expect(phones.map(({ status }) => status)).toEqual(Array(20).fill(302));
	expect(phones.every(({ headers }) => headers.has("x-scan-id"))).toBe(true);
	expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
	expect(await finish(scans, SCAN)).toEqual(Array(MOST).fill(202));
	expect(await finish(others, code)).toEqual(Array(MOST).fill(201));
});

test("questions that wait keep no scan out", async () => {
	const code = JSON.stringify({ url: "https://example.org/waits" });
	const others = await holdPosts("/api/v1/codes", code);
	await refused(() => fetch(`${gateway.url}/api/v1/codes`, { headers: auth }));
	expect((await postScan()).status).toBe(202);
	expect(await finish(others, code)).toEqual(Array(MOST).fill(201));
});

test("clients that go away in the middle leave their places to others", async () => {
	const held = await holdPosts("/api/v1/scans", SCAN);
	await refused(() => postScan());
	for (const one of held) one.on("error", () => undefined).destroy();
	await until(async () => (await postScan()).status === 202, { what: "scans to be taken again" });
});
