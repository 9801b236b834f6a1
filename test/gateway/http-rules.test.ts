import { connect } from "node:net";
import { beforeAll, describe, expect, test } from "vitest";
import type { NewApiKey } from "../../contracts/account.ts";
import { api, type Problem } from "../harness/api.ts";
import { ADMIN_KEY, type RunningGateway, startGateway } from "./running-gateway.ts";

let gateway: RunningGateway;

beforeAll(async () => {
	gateway = await startGateway({ ALLOWED_ORIGINS: "https://app.example" });
});

const raw = (method: string, path: string, init: RequestInit = {}) =>
	fetch(gateway.url + path, { method, redirect: "manual", ...init });
const auth = { authorization: `Bearer ${ADMIN_KEY}` };
const json = { ...auth, "content-type": "application/json" };

describe("every answer", () => {
	test("has a request id: the client's when it is a sane one", async () => {
		const given = await raw("GET", "/api/v1/client", { headers: { "x-request-id": "my.id-1" } });
		expect(given.headers.get("x-request-id")).toBe("my.id-1");
		const insane = await raw("GET", "/nowhere", { headers: { "x-request-id": "a b\tc" } });
		expect(insane.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
		const problem = (await insane.json()) as Problem;
		expect(problem.requestId).toBe(insane.headers.get("x-request-id"));
	});

	test("to what cannot be answered is a problem with a code", async () => {
		const cases: [string, string, RequestInit, number, string][] = [
			["GET", "/api/v1/nothing", {}, 404, "not_found"],
			["GET", "/api/v1/codes", {}, 401, "unauthorized"],
			["GET", "/api/v1/codes", { headers: { authorization: "Basic abc" } }, 401, "unauthorized"],
			["GET", "/api/v1/codes", { headers: { authorization: "Bearer wrong" } }, 401, "unauthorized"],
			["PUT", "/api/v1/codes", { headers: auth, body: "{}" }, 405, "method_not_allowed"],
			[
				"POST",
				"/api/v1/codes",
				{ headers: { ...auth, "content-type": "text/plain" }, body: "{}" },
				415,
				"unsupported_media_type",
			],
			[
				"POST",
				"/api/v1/codes",
				{ headers: { ...json, "content-encoding": "gzip" }, body: "{}" },
				415,
				"unsupported_media_type",
			],
			["POST", "/api/v1/codes", { headers: json, body: "{" }, 400, "malformed"],
			["POST", "/api/v1/codes", { headers: json, body: "" }, 400, "malformed"],
			["POST", "/api/v1/codes", { headers: json, body: new Uint8Array([0x22, 0xff, 0x22]) }, 400, "malformed"],
			["POST", "/api/v1/codes", { headers: json, body: "[]" }, 422, "invalid"],
			["GET", "/api/v1/codes/%ff", { headers: auth }, 400, "malformed"],
			["GET", "/api/v1/codes/nope", { headers: auth }, 404, "not_found"],
			["GET", `/api/v1/codes/${"x".repeat(200)}`, { headers: auth }, 404, "not_found"],
			["GET", "/api/v1/jobs", { headers: auth }, 503, "unavailable"],
			["GET", "/api/v1/jobs/dance/runs", { headers: auth }, 404, "not_found"],
		];
		for (const [method, path, init, status, code] of cases) {
			const response = await raw(method, path, init);
			const problem = (await response.json()) as Problem;
			expect({ path, status: response.status, code: problem.code }).toEqual({ path, status, code });
			expect(response.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
			expect(problem).toMatchObject({
				status,
				type: `/docs#${code}`,
				title: expect.any(String),
				detail: expect.any(String),
			});
			if (status === 401) expect(response.headers.get("www-authenticate")).toContain("Bearer");
			if (status === 405) expect(response.headers.get("allow")).toBe("GET, HEAD, POST, OPTIONS");
			if (status === 503) expect(response.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
		}
	});
});

describe("a body", () => {
	test("of 10 MB is refused, with and without a length", async () => {
		const body = JSON.stringify({ name: "x".repeat(10_000_000) });
		const known = await raw("POST", "/api/v1/codes", { headers: json, body });
		expect(known.status).toBe(413);
		const unknown = await raw("POST", "/api/v1/codes", {
			headers: json,
			body: new Blob([body]).stream(),
			duplex: "half",
		} as RequestInit);
		expect(unknown.status).toBe(413);
	});

	test("is not asked for when its length is too large", async () => {
		const { hostname, port } = new URL(gateway.url);
		const socket = connect(Number(port), hostname);
		socket.write(
			`POST /api/v1/codes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ADMIN_KEY}\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n`,
		);
		const first = await new Promise<string>((resolve) => socket.once("data", (data) => resolve(String(data))));
		socket.destroy();
		expect(first).toMatch(/^HTTP\/1\.1 413 /);
	});

	test("with a key that reaches a prototype is refused by its path", async () => {
		for (const key of ["__proto__", "constructor", "prototype", "__pro\\u0074o__"]) {
			const body = `{"url":"https://a.example/","rules":[{"if":{"${key}":{"a":1}},"url":"https://b.example/"}]}`;
			const problem = (await (await raw("POST", "/api/v1/codes", { headers: json, body })).json()) as Problem;
			expect(problem.status).toBe(422);
			expect(problem.errors?.[0]?.path).toBe(`rules[0].if.${key.replace("\\u0074", "t")}`);
		}
		expect((await gateway.api.refused("GET", "/api/v1/codes?__proto__=1")).errors?.[0]?.path).toBe("__proto__");
	});

	test("nested beyond reason is refused", async () => {
		const body = `{"name":${"[".repeat(50_000)}${"]".repeat(50_000)}}`;
		expect((await raw("POST", "/api/v1/codes", { headers: json, body })).status).toBe(422);
	});
});

describe("a field or parameter that is wrong", () => {
	test.each([
		[{}, "url", "expected text of 1–2048 characters without control characters, got nothing"],
		[
			{ url: "https://a.example/", name: 7 },
			"name",
			"expected text of 0–200 characters without control characters, got 7",
		],
		[{ url: "https://a.example/", extra: 1 }, "extra", "expected no such field"],
		[
			{ url: "https://a.example/", expiresAt: null },
			"expiresAt",
			"expected an ISO 8601 instant with a zone, such as 2026-11-23T09:30:00Z, got null",
		],
		[{ url: "https://a.example/", rules: [{ if: {}, url: 3 }] }, "rules[0].url", undefined],
		[{ url: "https://a.example/", active: "yes" }, "active", 'expected true or false, got "yes"'],
		[{ url: "https://a.example/", tags: "a" }, "tags", 'expected a list, got "a"'],
		[{ url: "javascript:alert(1)" }, "url", undefined],
		[{ url: "http://127.0.0.1/" }, "url", undefined],
	])("is named with what came and what was expected: %j", async (body, path, message) => {
		const problem = await gateway.api.refused("POST", "/api/v1/codes", body);
		expect(problem.status).toBe(422);
		expect(problem.errors?.map((error) => error.path)).toContain(path);
		if (message) expect(problem.errors?.[0]?.message).toBe(message);
	});

	test.each([
		["/api/v1/codes?page=0", "page"],
		["/api/v1/codes?pageSize=201", "pageSize"],
		["/api/v1/codes?sort=secret", "sort"],
		["/api/v1/codes?page=1&page=2", "page"],
		["/api/v1/codes?colour=red", "colour"],
		["/api/v1/analytics/summary?filter.planet=mars", "filter.planet"],
		["/api/v1/analytics/summary?from=yesterday", "from"],
		["/api/v1/analytics/breakdown", "by"],
		["/api/v1/analytics/breakdown?by=country&limit=301", "limit"],
		["/api/v1/me?x=1", "x"],
	])("is named: %s", async (path, name) => {
		const problem = await gateway.api.refused("GET", path);
		expect({ status: problem.status, path: problem.errors?.[0]?.path }).toEqual({ status: 422, path: name });
	});
});

describe("credentials", () => {
	test("do what their scopes say, and end within 5 s of their deletion", async () => {
		const { id, secret } = await gateway.api.post<NewApiKey>("/api/v1/keys", {
			name: "reader",
			scopes: ["codes:read"],
		});
		const reader = api(gateway.url, secret);
		await reader.get("/api/v1/codes");
		const problem = await reader.refused("POST", "/api/v1/codes", { url: "https://a.example/" });
		expect(problem).toMatchObject({ status: 403, code: "forbidden" });
		expect(problem.detail).toContain("codes:write");
		await gateway.api.delete(`/api/v1/keys/${id}`);
		expect((await reader.refused("GET", "/api/v1/codes")).status).toBe(401);
	});

	test("of a session come by cookie, never with an unsafe request of a foreign page", async () => {
		const cookie = `other=1; ${await signIn()}`;
		const create = (headers: Record<string, string>) =>
			raw("POST", "/api/v1/codes", {
				headers: { cookie, "content-type": "application/json", ...headers },
				body: '{"url":"https://a.example/"}',
			});
		expect((await create({ origin: gateway.url })).status).toBe(201);
		expect((await create({ origin: "https://app.example" })).status).toBe(201);
		expect((await create({ origin: "https://evil.example" })).status).toBe(403);
		expect((await create({ origin: "null" })).status).toBe(403);
		expect((await create({ "sec-fetch-site": "cross-site" })).status).toBe(403);
		expect((await raw("GET", "/api/v1/codes", { headers: { cookie } })).status).toBe(200);
	});

	test("of a sign-in link become a cookie that no script reads, once, and end by signing out", async () => {
		const link = await gateway.signInUrl();
		expect((await fetch(link, { method: "HEAD", redirect: "manual" })).status).toBe(200);
		const response = await fetch(link, { redirect: "manual" });
		expect(response.status).toBe(303);
		expect(response.headers.get("location")).toBe("/");
		const set = response.headers.get("set-cookie") as string;
		expect(set).toMatch(/^scanpulse_session=[\w-]+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
		const again = await fetch(link, { redirect: "manual" });
		expect(again.status).toBe(410);
		expect(again.headers.get("content-type")).toContain("text/html");
		const cookie = set.split(";")[0] as string;
		expect(await (await raw("GET", "/api/v1/me", { headers: { cookie } })).json()).toMatchObject({ kind: "session" });
		const ended = await raw("DELETE", "/api/v1/session", { headers: { cookie } });
		expect([ended.status, ended.headers.get("set-cookie")]).toEqual([204, expect.stringContaining("Max-Age=0")]);
		expect((await raw("GET", "/api/v1/me", { headers: { cookie } })).status).toBe(401);
	});

	test("of a member come by password, with a cookie and a token", async () => {
		const cookie = await signIn();
		const me = { email: "Owner@shop.example", password: "correct horse battery" };
		const headers = { cookie, "content-type": "application/json" };
		expect((await raw("PATCH", "/api/v1/me", { headers, body: JSON.stringify(me) })).status).toBe(200);
		const wrong = await gateway.api.refused("POST", "/api/v1/session", { ...me, password: "wrong" });
		expect(wrong.status).toBe(401);
		const session = await gateway.api.request("POST", "/api/v1/session", me);
		expect([session.status, session.headers.get("location")]).toEqual([201, "/api/v1/me"]);
		expect(session.headers.get("set-cookie")).toContain("HttpOnly");
		const { token } = (await session.json()) as { token: string };
		expect(await api(gateway.url, token).get("/api/v1/me")).toMatchObject({ member: { email: expect.any(String) } });
	});
});

/** Opens a one-time link; the cookie. */
async function signIn(): Promise<string> {
	const response = await fetch(await gateway.signInUrl(), { redirect: "manual" });
	return (response.headers.get("set-cookie") as string).split(";")[0] as string;
}

describe("pages of other origins", () => {
	test("may read answers only where the configuration names them", async () => {
		const allowed = await raw("OPTIONS", "/api/v1/codes", {
			headers: { origin: "https://app.example", "access-control-request-method": "POST" },
		});
		expect(allowed.status).toBe(204);
		expect(allowed.headers.get("access-control-allow-origin")).toBe("https://app.example");
		expect(allowed.headers.get("access-control-allow-methods")).toContain("POST");
		const foreign = await raw("OPTIONS", "/api/v1/codes", { headers: { origin: "https://evil.example" } });
		expect(foreign.headers.get("access-control-allow-origin")).toBeNull();
		expect(
			(await raw("GET", "/api/v1/client", { headers: { origin: "https://app.example" } })).headers.get("vary"),
		).toBe("Origin");
	});
});

test("lists are paged, and what was created is where Location says", async () => {
	const created = await raw("POST", "/api/v1/codes", {
		headers: json,
		body: '{"url":"https://a.example/x","name":"paged"}',
	});
	expect(created.status).toBe(201);
	const where = created.headers.get("location") as string;
	expect(await (await raw("GET", where, { headers: auth })).json()).toMatchObject({ name: "paged" });
	expect(await gateway.api.get("/api/v1/codes?search=PAGED&pageSize=1")).toMatchObject({
		total: 1,
		page: 1,
		pageSize: 1,
	});
	expect((await raw("HEAD", where, { headers: auth })).status).toBe(200);
	const image = await raw("GET", `${where}/qr.png?size=256`, { headers: auth });
	expect(image.headers.get("content-type")).toBe("image/png");
	expect((await raw("DELETE", where, { headers: auth })).status).toBe(204);
});

test("the API describes itself", async () => {
	const description = (await gateway.api.get("/openapi.json")) as { paths: Record<string, Record<string, unknown>> };
	expect(description.paths["/api/v1/scans"]?.post).toMatchObject({ requestBody: { required: true } });
	expect(JSON.stringify(description)).toContain("filter.country");
	expect(await (await raw("GET", "/docs")).text()).toContain("/api/v1/scans/batch");
	expect(await gateway.api.get("/api/v1/client")).toEqual({
		version: expect.stringMatching(/^\d/),
		realtimeUrl: "",
		publicUrl: `http://localhost:${new URL(gateway.url).port}`,
	});
});

test("more than 50 writes a second of one key are asked to wait, the administrator's are not", async () => {
	const limited = await startGateway({ RATE_LIMITS: "on" });
	const { secret } = await limited.api.post<NewApiKey>("/api/v1/keys", { name: "w", scopes: ["codes:write"] });
	const create = (client: ReturnType<typeof api>) => client.request("POST", "/api/v1/codes", { url: "nowhere" });
	const byKey = await Promise.all(Array.from({ length: 80 }, () => create(api(limited.url, secret))));
	const refused = byKey.find(({ status }) => status === 429);
	expect(refused?.headers.get("ratelimit-limit")).toBe("50");
	expect(refused?.headers.get("retry-after")).toBe("1");
	const byAdmin = await Promise.all(Array.from({ length: 80 }, () => create(limited.api)));
	expect(byAdmin.every(({ status }) => status === 422)).toBe(true);
});
