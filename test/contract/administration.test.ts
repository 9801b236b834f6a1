/*
 * "Administration": keys, sessions, the caller, the organisation, the ledger and jobs, health, and what the product says of
 * itself to programs and people.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiKey, Me, NewApiKey, Organisation } from "../../contracts/account.ts";
import type { Ledger } from "../../contracts/analytics.ts";
import type { Job, JobRun } from "../../contracts/job.ts";
import { api } from "../harness/api.ts";
import { until } from "../harness/product.ts";
import { ADMIN_KEY, problemOf, type Running, startRunning } from "./running.ts";
import { openLink, signIn, signInLink } from "./sign-in.ts";

const PASSWORD = "correct horse battery staple";

let running: Running;

beforeAll(async () => {
	running = await startRunning();
});

const SCOPES_OF_ADMIN = ["scans:write", "analytics:read", "codes:read", "codes:write", "admin"];

/** Asks as a browser does that holds this cookie and shows a page of the product. */
const byCookie = (cookie: string, method: string, path: string, body?: unknown) =>
	running.ask(method, path, {
		headers: { cookie, origin: running.url, "content-type": "application/json" },
		body: body === undefined ? undefined : JSON.stringify(body),
	});

describe("a key", () => {
	test("is shown with its secret once, where Location says that it is", async () => {
		const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
		const answer = await running.admin.request("POST", "/api/v1/keys", {
			name: "Till",
			scopes: ["scans:write", "scans:write"],
			expiresAt,
		});
		expect(answer.status).toBe(201);
		const key = (await answer.json()) as NewApiKey;
		expect(key).toMatchObject({
			id: expect.any(String),
			name: "Till",
			scopes: ["scans:write"],
			secret: expect.any(String),
		});
		expect(Date.parse(key.expiresAt as string)).toBe(Date.parse(expiresAt));
		expect(key.secret.length).toBeGreaterThan(20);
		expect(answer.headers.get("location")).toBe(`/api/v1/keys/${key.id}`);
		const { rows } = await running.admin.get<{ rows: ApiKey[] }>("/api/v1/keys");
		expect(rows.find(({ id }) => id === key.id)).toMatchObject({ name: "Till", scopes: ["scans:write"] });
		expect(JSON.stringify(rows)).not.toContain(key.secret);
		expect(JSON.stringify(rows)).not.toMatch(/secret|hash/i);
	});

	test("does what its scopes say, and no longer than five seconds after it was deleted", async () => {
		const { id, client } = await running.key(["codes:read"]);
		expect(await client.get<Me>("/api/v1/me")).toMatchObject({
			kind: "key",
			id,
			scopes: ["codes:read"],
			organisation: { name: expect.any(String) },
		});
		await client.get("/api/v1/codes");
		expect((await client.refused("GET", "/api/v1/keys")).status).toBe(403);
		await running.admin.delete(`/api/v1/keys/${id}`);
		await until(async () => (await client.request("GET", "/api/v1/codes")).status === 401, {
			what: "the key to end",
			timeoutMs: 5_000,
		});
		expect((await running.admin.refused("DELETE", `/api/v1/keys/${id}`)).status).toBe(404);
	});

	test("ends when it expires", async () => {
		const { client } = await running.key(["codes:read"], { expiresAt: new Date(Date.now() + 1_500).toISOString() });
		await client.get("/api/v1/codes");
		await until(async () => (await client.request("GET", "/api/v1/codes")).status === 401, {
			what: "the key to expire",
			timeoutMs: 4_000,
		});
	});

	test("may make scans of its organisation alone, and is nothing to who guesses", async () => {
		const { secret } = await running.key(["scans:write"]);
		for (const guess of [secret.slice(0, -1), `${secret}x`, secret.toUpperCase(), secret.toLowerCase()].filter(
			(it) => it !== secret,
		))
			expect((await api(running.url, guess).refused("GET", "/api/v1/me")).status).toBe(401);
	});
});

describe("the administrator's key", () => {
	test("has every scope in the default organisation, and is no key that could be deleted", async () => {
		const me = await running.admin.get<Me>("/api/v1/me");
		expect(me).toMatchObject({ kind: "admin", organisation: { timeZone: "UTC" } });
		expect(me.scopes.toSorted()).toEqual(SCOPES_OF_ADMIN.toSorted());
		expect(JSON.stringify(await running.admin.get("/api/v1/keys?pageSize=200"))).not.toContain(ADMIN_KEY);
		await problemOf(await running.admin.request("PATCH", "/api/v1/me", { name: "x" }), 403, "forbidden");
		await problemOf(await running.admin.request("DELETE", "/api/v1/session"), 403, "forbidden");
	});
});

describe("a person", () => {
	test("signs in by a link that works once, looked at or not", async () => {
		const link = await signInLink(running.product);
		expect(new URL(link).origin).toBe(`http://localhost:${new URL(running.url).port}`);
		await fetch(link, { method: "HEAD", redirect: "manual" });
		const answer = await fetch(link, { redirect: "manual" });
		const set = answer.headers.get("set-cookie") as string;
		expect(set).toMatch(/HttpOnly/i);
		expect(set).toMatch(/SameSite=Strict/i);
		expect(set).toMatch(/Path=\//i);
		const cookie = set.split(";", 1)[0] as string;
		expect(await (await byCookie(cookie, "GET", "/api/v1/me")).json()).toMatchObject({
			kind: "session",
			member: { name: expect.any(String) },
		});
		const again = await fetch(link, { redirect: "manual" });
		expect([again.status, again.headers.has("set-cookie")]).toEqual([410, false]);
		const guessed = await fetch(`${link.slice(0, -4)}AAAA`, { redirect: "manual" });
		expect([guessed.status, guessed.headers.has("set-cookie")]).toEqual([410, false]);
	});

	test("by a link that many open at once is signed in once", async () => {
		const link = await signInLink(running.product);
		const answers = await Promise.all(Array.from({ length: 10 }, () => fetch(link, { redirect: "manual" })));
		expect(answers.filter(({ headers }) => headers.has("set-cookie"))).toHaveLength(1);
	});

	test("sets an address and a password, signs in by them, and out again", async () => {
		const cookie = await signIn(running.product);
		const changed = await byCookie(cookie, "PATCH", "/api/v1/me", {
			name: "Ada",
			email: "Ada@Example.org",
			password: PASSWORD,
		});
		expect(changed.status).toBe(200);
		expect(((await changed.json()) as Me).member).toMatchObject({ name: "Ada" });
		for (const [email, password] of [
			["ada@example.org", "wrong password"],
			["eve@example.org", PASSWORD],
			["ada@example.org", PASSWORD.toUpperCase()],
		])
			await problemOf(await byCookie("", "POST", "/api/v1/session", { email, password }), 401, "unauthorized");
		const answer = await byCookie("", "POST", "/api/v1/session", { email: "ada@example.ORG", password: PASSWORD });
		expect(answer.status).toBe(201);
		expect(answer.headers.get("location")).toBeTruthy();
		const set = answer.headers.get("set-cookie") as string;
		expect(set).toMatch(/HttpOnly.*SameSite=Strict|SameSite=Strict.*HttpOnly/i);
		const own = set.split(";", 1)[0] as string;
		expect(((await (await byCookie(own, "GET", "/api/v1/me")).json()) as Me).member).toMatchObject({
			name: "Ada",
			email: "ada@example.org",
		});
		expect((await byCookie(own, "POST", "/api/v1/codes", { url: "https://example.org/" })).status).toBe(201);
		const ended = await byCookie(own, "DELETE", "/api/v1/session");
		expect(ended.status).toBe(204);
		await until(async () => (await byCookie(own, "GET", "/api/v1/me")).status === 401, {
			what: "the session to end",
			timeoutMs: 5_000,
		});
		expect((await byCookie(cookie, "GET", "/api/v1/me")).status).toBe(200);
	});

	test("is not signed in by a foreign page", async () => {
		const answer = await running.ask("POST", "/api/v1/session", {
			headers: { origin: "https://evil.example", "content-type": "application/json" },
			body: JSON.stringify({ email: "ada@example.org", password: PASSWORD }),
		});
		await problemOf(answer, 403, "forbidden");
	});

	test("who tries many passwords is made to wait", async () => {
		const tries = await Promise.all(
			Array.from({ length: 30 }, () =>
				byCookie("", "POST", "/api/v1/session", { email: "victim@example.org", password: "a wrong password" }),
			),
		);
		const refused = tries.find(({ status }) => status === 429);
		expect(refused?.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
		expect(tries.every(({ status }) => status === 401 || status === 429)).toBe(true);
	});
});

describe("the organisation", () => {
	test("is in UTC at first, and has the name and zone that it is given", async () => {
		const { client } = await running.key(["analytics:read"]);
		const before = await client.get<Organisation>("/api/v1/organisation");
		expect(before).toMatchObject({ id: expect.any(String), name: expect.any(String), timeZone: "UTC" });
		expect((await client.refused("PATCH", "/api/v1/organisation", { name: "x" })).status).toBe(403);
		expect(await running.admin.patch("/api/v1/organisation", { name: "Café" })).toMatchObject({
			name: "Café",
			timeZone: "UTC",
		});
		expect(await running.admin.patch("/api/v1/organisation", { timeZone: "Asia/Kathmandu" })).toMatchObject({
			name: "Café",
			timeZone: "Asia/Kathmandu",
		});
		expect(await client.get("/api/v1/organisation")).toMatchObject({ name: "Café", timeZone: "Asia/Kathmandu" });
		for (const field of ["id", "createdAt"])
			expect((await running.admin.refused("PATCH", "/api/v1/organisation", { [field]: "x" })).errors?.[0]?.path).toBe(
				field,
			);
		for (const field of ["name", "timeZone"])
			expect((await running.admin.refused("PATCH", "/api/v1/organisation", { [field]: null })).errors?.[0]?.path).toBe(
				field,
			);
		await running.admin.patch("/api/v1/organisation", { timeZone: "UTC" });
	});
});

describe("jobs and the ledger", () => {
	test("a job that is run by hand is queued, runs and says what it did", async () => {
		const answer = await running.admin.request("POST", "/api/v1/jobs/run_daily_aggregation/run");
		expect(answer.status).toBe(202);
		const { runId } = (await answer.json()) as { runId: string };
		const run = await until(
			async () => {
				const { rows } = await running.admin.get<{ rows: JobRun[] }>("/api/v1/jobs/run_daily_aggregation/runs");
				return rows.find(({ id, status }) => id === runId && status !== "queued" && status !== "running");
			},
			{ what: "the run to end" },
		);
		expect(run).toMatchObject({ job: "run_daily_aggregation", status: "succeeded", attempt: 1 });
		expect(Date.parse(run.finishedAt as string)).toBeGreaterThanOrEqual(Date.parse(run.startedAt as string));
		const jobs = await running.admin.get<{ rows: Job[] }>("/api/v1/jobs");
		expect(jobs).toMatchObject({ page: 1, pageSize: 50, total: jobs.rows.length });
		expect(jobs.rows.find(({ name }) => name === "run_daily_aggregation")?.lastRun).toMatchObject({
			status: "succeeded",
		});
		await problemOf(await running.admin.request("POST", "/api/v1/jobs/dance/run"), 404, "not_found");
	});

	test("the ledger is that of hours, or of all time", async () => {
		const code = await running.code();
		await running.admin.post("/api/v1/scans/batch", {
			scans: [{ code: code.id, id: "l-1" }, { code: code.id, id: "l-1" }, { code: "none" }],
		});
		await running.counted({ code: code.id });
		const all = await running.admin.get<Ledger>("/api/v1/ledger");
		expect(all).toEqual({ accepted: 2, stored: 1, duplicate: 1, dropped: {}, missing: 0, inFlight: 0, balanced: true });
		expect(await running.admin.get("/api/v1/ledger?to=2020-01-01T00:00:00Z")).toMatchObject({
			accepted: 0,
			stored: 0,
			balanced: true,
		});
		const from = new Date(Date.now() - 3_600_000).toISOString();
		expect(await running.admin.get(`/api/v1/ledger?from=${from}`)).toMatchObject({ accepted: 2, stored: 1 });
	});
});

describe("what the product says of itself", () => {
	test("it lives and is ready, with every check", async () => {
		expect((await running.ask("GET", "/health/live")).status).toBe(200);
		const ready = await running.ask("GET", "/health/ready");
		expect(ready.status).toBe(200);
		const { status, checks } = (await ready.json()) as { status: string; checks: Record<string, { status: string }> };
		expect(status).toBe("ok");
		expect(Object.keys(checks)).toEqual(expect.arrayContaining(["log", "store", "cache", "spool"]));
		for (const check of Object.values(checks)) expect(check.status).toBe("ok");
	});

	test("clients learn its version and addresses without a credential", async () => {
		const client = await (await running.ask("GET", "/api/v1/client")).json();
		expect(client).toEqual({
			version: expect.stringMatching(/^\d+\.\d+\.\d+/),
			realtimeUrl: "",
			publicUrl: `http://localhost:${new URL(running.url).port}`,
		});
	});

	test("its description is whole: every route of the contract, every reference, every parameter", async () => {
		const description = (await (await running.ask("GET", "/openapi.json")).json()) as OpenApi;
		expect(description.openapi).toMatch(/^3\.1\./);
		expect(description.info).toMatchObject({ title: expect.any(String), version: expect.any(String) });
		const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
			Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
		);
		expect(operations).toEqual(expect.arrayContaining([...ROUTES]));
		const text = JSON.stringify(description);
		for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g))
			expect(description.components.schemas).toHaveProperty(name as string);
		for (const [path, methods] of Object.entries(description.paths)) {
			const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
			for (const [method, { parameters = [], responses, summary, security = [] }] of Object.entries(methods)) {
				expect({ path, method, inPath: parameters.filter((it) => it.in === "path").map(({ name }) => name) }).toEqual({
					path,
					method,
					inPath,
				});
				expect(parameters.every((it) => it.schema && (it.in !== "path" || it.required))).toBe(true);
				expect(new Set(parameters.map((it) => `${it.in} ${it.name}`)).size).toBe(parameters.length);
				expect(Object.keys(responses).some((status) => /^[23]\d\d$/.test(status))).toBe(true);
				expect(Object.values(responses).every((response) => response.description)).toBe(true);
				expect(summary).toBeTruthy();
				for (const requirement of security)
					for (const scheme of Object.keys(requirement))
						expect(description.components.securitySchemes).toHaveProperty(scheme);
			}
		}
	});

	test("its pages for people need no credential", async () => {
		for (const path of ["/docs", "/"]) {
			const page = await running.ask("GET", path);
			expect({ path, status: page.status, type: page.headers.get("content-type") }).toEqual({
				path,
				status: 200,
				type: expect.stringMatching(/^text\/html/),
			});
		}
		const text = await (await running.ask("GET", "/docs")).text();
		for (const route of ROUTES)
			expect(text).toContain(
				route
					.split(" ")[1]
					?.replace(/\{(\w+)\}/g, ":$1")
					.split("/:")[0],
			);
	});
});

interface OpenApi {
	openapi: string;
	info: object;
	components: { schemas: object; securitySchemes: object };
	paths: Record<
		string,
		Record<
			string,
			{
				parameters?: { name: string; in: string; required?: boolean; schema?: object }[];
				responses: Record<string, { description?: string }>;
				summary?: string;
				security?: object[];
			}
		>
	>;
}

const ROUTES = [
	...["GET /q/{slug}", "GET /q/{slug}/{placement}", "GET /l/{slug}", "POST /api/v1/scans", "POST /api/v1/scans/batch"],
	...[
		"GET /api/v1/codes",
		"POST /api/v1/codes",
		"GET /api/v1/codes/{id}",
		"PATCH /api/v1/codes/{id}",
		"DELETE /api/v1/codes/{id}",
	],
	...["GET /api/v1/codes/{id}/qr.svg", "GET /api/v1/codes/{id}/qr.png"],
	...["GET /api/v1/analytics/summary", "GET /api/v1/analytics/timeseries", "GET /api/v1/analytics/breakdown"],
	"GET /api/v1/analytics/heatmap",
	...[
		"POST /api/v1/session",
		"DELETE /api/v1/session",
		"GET /api/v1/me",
		"GET /api/v1/organisation",
		"PATCH /api/v1/organisation",
	],
	...["GET /api/v1/keys", "POST /api/v1/keys", "DELETE /api/v1/keys/{id}"],
	...["GET /api/v1/jobs", "GET /api/v1/jobs/{name}/runs", "POST /api/v1/jobs/{name}/run", "GET /api/v1/ledger"],
	...["GET /api/v1/reports", "POST /api/v1/reports", "GET /api/v1/reports/{id}", "PATCH /api/v1/reports/{id}"],
	...["DELETE /api/v1/reports/{id}", "GET /api/v1/reports/{id}/runs", "GET /api/v1/analytics/export"],
	...["html", "csv", "json"].map((format) => `GET /api/v1/reports/{id}/runs/{run}/report.${format}`),
	...["GET /health/live", "GET /health/ready", "GET /api/v1/client"],
] as const;

test("a session's end is not another's", async () => {
	const [one, two] = [await signIn(running.product), await openLink(await signInLink(running.product))];
	expect((await byCookie(one, "DELETE", "/api/v1/session")).status).toBe(204);
	expect((await byCookie(two, "GET", "/api/v1/me")).status).toBe(200);
});
