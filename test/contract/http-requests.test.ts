/*
 * "Rules for all HTTP", but for fields and credentials: methods, bodies, sizes, ids of requests, and lists, on every route
 * that the API's own description names.
 */
import { connect } from "node:net";
import { beforeAll, describe, expect, test } from "vitest";
import type { Code } from "../../contracts/code.ts";
import { bearer, type DescribedApi, json, named, type Operation, startDescribed } from "./described-api.ts";
import { ADMIN_KEY, each, problemOf, type Running } from "./running.ts";

let api: DescribedApi;
let running: Running;
let operations: readonly Operation[];

beforeAll(async () => {
	api = await startDescribed();
	({ running, operations } = api);
});

describe("a request", () => {
	test("by a method that a path does not have is answered 405 with those that it has", async () => {
		const methods = new Map<string, Set<string>>();
		for (const { method, path } of operations) methods.set(path, (methods.get(path) ?? new Set()).add(method));
		const cases = [...methods].flatMap(([path, own]) =>
			["GET", "POST", "PUT", "PATCH", "DELETE"]
				.filter((method) => !own.has(method))
				.map((method) => ({ path, own, method })),
		);
		await each(cases, async ({ path, own, method }) => {
			const body = method === "GET" || method === "DELETE" ? undefined : "{}";
			const response = await running.ask(method, api.at({ path }), { headers: json, body });
			await problemOf(response, 405, "method_not_allowed");
			const allowed = (response.headers.get("allow") ?? "").split(/, */);
			expect(allowed).toEqual(expect.arrayContaining([...own, ...(own.has("GET") ? ["HEAD"] : [])]));
			expect(allowed).not.toContain(method);
		});
	});

	test("to what is not there is a 404 problem", async () => {
		for (const path of [
			"/api",
			"/api/v1",
			"/api/v1/nothing",
			"/api/v2/codes",
			"/api/v1/codes/none/else",
			"/api/v1/codes/",
		]) {
			const response = await running.ask("POST", path, { headers: json, body: "{}" });
			if (response.status !== 404 && path === "/api/v1/codes/") continue;
			await problemOf(response, 404, "not_found");
		}
		for (const id of [
			"none",
			"../keys",
			"%2e%2e%2fkeys",
			"x".repeat(500),
			"%00",
			"a%0d%0ab",
			"__proto__",
			"ä",
			"%f0%9f%98%80",
		]) {
			for (const [method, path] of [
				["GET", `/api/v1/codes/${id}`],
				["DELETE", `/api/v1/codes/${id}`],
				["GET", `/api/v1/codes/${id}/qr.svg`],
				["DELETE", `/api/v1/keys/${id}`],
				["GET", `/api/v1/reports/${id}/runs`],
				["GET", `/api/v1/reports/x/runs/${id}/report.html`],
				["GET", `/api/v1/jobs/${id}/runs`],
			] as const) {
				const response = await running.ask(method, path, { headers: bearer });
				expect({ path, method, status: response.status }).toEqual({
					path,
					method,
					status: path.includes("../") ? expect.any(Number) : 404,
				});
			}
		}
		await problemOf(await running.ask("GET", "/api/v1/codes/%ff", { headers: bearer }), 400, "malformed");
	});

	test("with a body that cannot be parsed is answered 400, of another type 415", async () => {
		const taking = operations.filter(({ body }) => body);
		const broken: (string | Uint8Array<ArrayBuffer>)[] = [
			...["", "{", "{}x", "undefined", "{'a':1}", '{"a":1,}', "NaN", '{"a":\u0000}', "\u0000", "\ufffe{}", "01"],
			...[new Uint8Array([0x22, 0xff, 0x22]), new Uint8Array([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])],
			...[new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22])],
		];
		await each(taking, async (operation) => {
			const send = (body: NonNullable<RequestInit["body"]>, headers: Record<string, string> = {}) =>
				running.ask(operation.method, api.at(operation), {
					headers: { ...api.headersFor(operation), ...headers },
					body,
				});
			for (const body of broken) {
				const response = await send(body);
				// A body that may be absent is nothing when it is empty.
				if (body === "" && operation.path.endsWith("/run")) continue;
				await problemOf(response, 400, "malformed");
			}
			for (const type of [
				"text/plain",
				"application/x-www-form-urlencoded",
				"multipart/form-data; boundary=x",
				"application/jsonx",
				"text/json; charset=utf-8",
				"application/json; charset=latin1",
				"",
			])
				await problemOf(await send("{}", { "content-type": type }), 415, "unsupported_media_type");
			await problemOf(await send("{}", { "content-encoding": "gzip" }), 415, "unsupported_media_type");
			for (const body of ["[]", "null", "7", '"text"', "true"]) {
				await problemOf(await send(body), 422, "invalid");
			}
		});
	});

	test("with numbers beyond all numbers, nests beyond all nesting or lone surrogates fails nobody", async () => {
		const cases: [string, string][] = [
			[`{"url":"https://example.org/","maxScans":1e400}`, "maxScans"],
			[`{"url":"https://example.org/","maxScans":${"9".repeat(400)}}`, "maxScans"],
			[`{"url":"https://example.org/","maxScans":-0.0000001}`, "maxScans"],
			[`{"url":"https://example.org/","maxScans":9007199254740993}`, "maxScans"],
			[`{"url":"https://example.org/","placements":[{"key":"a","lat":1e400}]}`, "placements[0].lat"],
		];
		for (const [body, path] of cases) {
			const problem = await problemOf(
				await running.ask("POST", "/api/v1/codes", { headers: json, body }),
				422,
				"invalid",
			);
			expect(problem.errors?.map((error) => error.path)).toEqual([path]);
		}
		for (const deep of [
			`${"[".repeat(100_000)}${"]".repeat(100_000)}`,
			`${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`,
		]) {
			for (const operation of operations.filter(({ body }) => body)) {
				const response = await running.ask(operation.method, api.at(operation), {
					headers: api.headersFor(operation),
					body: deep,
				});
				expect({ operation: named(operation), status: response.status }).toEqual({
					operation: named(operation),
					status: expect.toBeOneOf([400, 422]),
				});
			}
		}
		const surrogate = await running.ask("POST", "/api/v1/codes", {
			headers: json,
			body: '{"url":"https://example.org/","name":"\\ud800"}',
		});
		expect(surrogate.status).toBeLessThan(500);
		const twice = await running.ask("POST", "/api/v1/codes", {
			headers: json,
			body: '{"url":7,"url":"https://example.org/"}',
		});
		expect(twice.status).toBeLessThan(500);
	});

	test("with a body of 10 MB is answered 413, with and without a length, as is a batch beyond 4 MiB", async () => {
		const large = JSON.stringify({ name: "x".repeat(10_000_000) });
		for (const operation of operations.filter(({ body }) => body)) {
			const send = (body: NonNullable<RequestInit["body"]>) =>
				running.ask(operation.method, api.at(operation), {
					headers: api.headersFor(operation),
					body,
					duplex: "half",
				} as RequestInit);
			await problemOf(await send(large), 413, "too_large");
			await problemOf(await send(new Blob([large]).stream()), 413, "too_large");
			const limit = operation.path.endsWith("/batch") ? 4 * 1024 * 1024 : 1024 * 1024;
			const exact = (size: number) => `{"surprise":"${"x".repeat(size - 15)}"}`;
			await problemOf(await send(exact(limit)), 422, "invalid");
			await problemOf(await send(exact(limit + 1)), 413, "too_large");
			await problemOf(await send(new Blob([exact(limit + 1)]).stream()), 413, "too_large");
		}
	});

	test("is refused by its length before its body was sent", async () => {
		for (const expectation of ["", "Expect: 100-continue\r\n"]) {
			const first = await rawAnswer(
				`POST /api/v1/codes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ADMIN_KEY}\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n${expectation}\r\n`,
			);
			expect(first).toMatch(/^HTTP\/1\.1 413 /);
		}
	});

	test("that is no HTTP, or has too much of a head, is answered 4xx and nobody else notices", async () => {
		expect(await rawAnswer("NONSENSE\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
		expect(await rawAnswer(`GET /api/v1/client HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(100_000)}\r\n\r\n`)).toMatch(
			/^HTTP\/1\.1 431 /,
		);
		expect(await rawAnswer("GET /api/v1/client HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n")).toMatch(
			/^HTTP\/1\.1 400 /,
		);
		expect((await running.ask("GET", "/health/live")).status).toBe(200);
	});

	test("gets an id, its own when that is a sane one", async () => {
		for (const path of [
			"/api/v1/client",
			"/api/v1/nothing",
			"/health/ready",
			`/q/${api.code.slug}`,
			"/q/none",
			"/",
			"/docs",
			"/openapi.json",
			"/api/v1/codes",
		]) {
			const given = await running.ask("GET", path, { headers: { "x-request-id": "mine-1.2" } });
			expect({ path, id: given.headers.get("x-request-id") }).toEqual({ path, id: "mine-1.2" });
			const made = [
				await running.ask("GET", path),
				await running.ask("GET", path, { headers: { "x-request-id": `<${"x".repeat(500)}>` } }),
			];
			const ids = made.map(({ headers }) => headers.get("x-request-id") ?? "");
			for (const id of ids) expect(id).toMatch(/^[\w.:-]{8,128}$/);
			expect(new Set(ids).size).toBe(2);
		}
	});

	test("by HEAD is answered as by GET without a body; by OPTIONS with the methods", async () => {
		const readable = operations.filter(
			(it) =>
				it.method === "GET" &&
				!it.path.startsWith("/q/") &&
				!it.path.startsWith("/l/") &&
				!it.path.startsWith("/sign-in"),
		);
		await each(readable, async (operation) => {
			const path = `${api.at(operation)}${operation.path.endsWith("/breakdown") ? "?by=os" : ""}`;
			const [head, get] = [
				await running.ask("HEAD", path, { headers: bearer }),
				await running.ask("GET", path, { headers: bearer }),
			];
			expect({ path, status: head.status, body: await head.text() }).toEqual({ path, status: get.status, body: "" });
			expect(head.headers.get("content-type")).toBe(get.headers.get("content-type"));
			const options = await running.ask("OPTIONS", path);
			expect({ path, status: options.status }).toEqual({ path, status: 204 });
			expect(options.headers.get("allow")).toContain("GET");
		});
	});
});

describe("a list", () => {
	test("is paged and sorted as asked, and says so", async () => {
		const names = ["Bravo", "alpha", "Charlie", "delta"];
		for (const name of names) await running.code({ name, tags: ["listed"] });
		const list = (query: string) =>
			running.admin.get<{ rows: Code[]; total: number; page: number; pageSize: number }>(
				`/api/v1/codes?tag=listed${query}`,
			);
		const standard = await list("");
		expect(standard).toMatchObject({ total: 4, page: 1, pageSize: 50 });
		expect(standard.rows.map(({ name }) => name)).toEqual(names.toReversed());
		expect((await list("&sort=createdAt")).rows.map(({ name }) => name)).toEqual(names);
		const pages = [
			await list("&sort=name&pageSize=3"),
			await list("&sort=name&pageSize=3&page=2"),
			await list("&sort=name&pageSize=3&page=3"),
		];
		expect(pages.map(({ rows, total, page, pageSize }) => [rows.length, total, page, pageSize])).toEqual([
			[3, 4, 1, 3],
			[1, 4, 2, 3],
			[0, 4, 3, 3],
		]);
		const byName = pages.flatMap(({ rows }) => rows.map(({ name }) => name));
		expect(byName.map((name) => name.toLowerCase())).toEqual(["alpha", "bravo", "charlie", "delta"]);
		expect((await list("&sort=-name")).rows.map(({ name }) => name)).toEqual(byName.toReversed());
		expect((await list("&pageSize=200")).pageSize).toBe(200);
		expect(await running.admin.get("/api/v1/keys?pageSize=1")).toMatchObject({
			page: 1,
			pageSize: 1,
			total: expect.any(Number),
		});
		expect(await running.admin.get("/api/v1/jobs/run_daily_aggregation/runs?sort=-queuedAt&page=2")).toMatchObject({
			page: 2,
			rows: [],
		});
	});
});

/** What the server says first to bytes that are sent as they are. */
function rawAnswer(bytes: string): Promise<string> {
	const { hostname, port } = new URL(running.url);
	const socket = connect(Number(port), hostname);
	socket.write(bytes);
	return new Promise((resolve, reject) => {
		socket.once("data", (data) => {
			resolve(String(data));
			socket.destroy();
		});
		socket.once("error", reject);
	});
}
