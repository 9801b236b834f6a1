/*
 * "Rules for all HTTP", held against every route that the API's own description names: each field of each body and each
 * query parameter wrong in turn, every credential that does not suffice, every method that is none.
 */
import { connect } from "node:net";
import { beforeAll, describe, expect, test } from "vitest";
import { SCOPES, type Scope } from "../../contracts/account.ts";
import type { Code } from "../../contracts/code.ts";
import type { Problem } from "../harness/api.ts";
import { ADMIN_KEY, each, problemOf, type Running, startRunning } from "./running.ts";
import { type Fault, faultsOf, type Schema } from "./schema-faults.ts";
import { signIn } from "./sign-in.ts";

interface Operation {
	readonly method: string;
	readonly path: string;
	readonly description: string;
	readonly parameters: readonly { name: string; in: string; required: boolean }[];
	readonly body?: Schema;
}

let running: Running;
let operations: readonly Operation[];
let code: Code;
let cookie: string;

beforeAll(async () => {
	running = await startRunning();
	code = await running.code({ name: "Rules" });
	operations = await described();
	cookie = await signIn(running.product);
});

async function described(): Promise<Operation[]> {
	const { paths } = await running.admin.get<{
		paths: Record<
			string,
			Record<
				string,
				{
					description: string;
					parameters?: Operation["parameters"];
					requestBody?: { content: { "application/json": { schema: Schema } } };
				}
			>
		>;
	}>("/openapi.json");
	return Object.entries(paths).flatMap(([path, methods]) =>
		Object.entries(methods).map(([method, { description, parameters = [], requestBody }]) => ({
			method: method.toUpperCase(),
			path,
			description,
			parameters,
			body: requestBody?.content["application/json"].schema,
		})),
	);
}

const ofApi = ({ path }: Operation) => path.startsWith("/api/v1/");
const isUnsafe = ({ method }: Operation) => method !== "GET";
const named = ({ method, path }: Operation) => `${method} ${path}`;

/** The path with something that is there in its places. */
function at({ path }: Pick<Operation, "path">): string {
	return path
		.replace("{id}", code.id)
		.replace("{name}", "run_daily_aggregation")
		.replace("{slug}", code.slug)
		.replace("{placement}", "wall")
		.replace("{token}", "no-such-token");
}

const bearer = { authorization: `Bearer ${ADMIN_KEY}` };
const json = { ...bearer, "content-type": "application/json" };

function headersFor({ description }: Operation): Record<string, string> {
	return description.includes("A session.")
		? { cookie, origin: running.url, "content-type": "application/json" }
		: { ...json };
}

const DAY_MS = 86_400_000;
const ago = (ms: number) => new Date(Date.now() - ms).toISOString();

/** Of every route with a body: one that is right in every field, so that exactly one thing can be wrong with it. */
function rightBodies(): Record<string, Record<string, unknown>> {
	const scan = {
		...{ code: code.slug, id: "right", at: ago(1_000), placement: "wall", source: "qr", visitor: "v" },
		...{ ip: "192.0.2.1", userAgent: "x", referrer: "https://example.org/", language: "de-AT", country: "DE" },
		...{ region: "BE", city: "Berlin", lat: 52.5, lon: 13.4, utm: { source: "a", medium: "b", campaign: "c" } },
	};
	const rule = {
		if: { country: "DE", device: "mobile", os: "iOS", language: "de", after: ago(DAY_MS), before: ago(1) },
		url: "https://example.org/rule",
	};
	const changes = {
		...{ slug: "right", url: "https://example.org/", name: "n", tags: ["t"], active: true, expiresAt: ago(-DAY_MS) },
		...{ maxScans: 10, fallbackUrl: "https://example.org/f", rules: [rule] },
		variants: [{ url: "https://example.org/v", weight: 1 }],
		placements: [{ key: "wall", name: "Wall", lat: 1, lon: 2 }],
	};
	return {
		"POST /api/v1/scans": scan,
		"POST /api/v1/scans/batch": { scans: [scan] },
		"POST /api/v1/codes": changes,
		"PATCH /api/v1/codes/{id}": changes,
		"POST /api/v1/session": { email: "nobody@example.org", password: "a long enough password" },
		"PATCH /api/v1/me": { name: "n", email: "me@example.org", password: "a long enough password" },
		"PATCH /api/v1/organisation": { name: "n", timeZone: "UTC" },
		"POST /api/v1/keys": { name: "n", scopes: ["codes:read"], expiresAt: ago(-DAY_MS) },
		"POST /api/v1/jobs/{name}/run": { from: "2026-01-01", to: "2026-12-31" },
	};
}

const ADDRESSES = [
	...["ftp://example.org/", "javascript:alert(1)", "data:text/html,x", "//example.org/", "example.org", "https://", ""],
	...["https://user:pass@example.org/", "https://user@example.org/", "https://exa mple.org/", " https://example.org/"],
	...["http://localhost/", "http://127.0.0.1/", "http://10.1.2.3/", "http://192.168.1.1/", "http://172.16.0.1/"],
	...["http://169.254.169.254/", "http://[::1]/", "http://[fd00::1]/", "http://[::ffff:127.0.0.1]/", "http://0x7f.1/"],
	...["http://2130706433/", "http://0/", "http://intranet/", "http://printer.local/", "http://db.internal/"],
	`https://example.org/${"x".repeat(2_048)}`,
];

/** What no schema says: values of the right type that mean nothing. */
function meaningless(): Record<string, Fault[]> {
	const bodies = rightBodies();
	const wrong = (operation: string, path: string, values: readonly unknown[]) =>
		values.map((value) => ({ path, body: withValue(bodies[operation], path, value), why: JSON.stringify(value) }));
	const ofScan = (operation: string, prefix: string) => [
		...wrong(operation, `${prefix}country`, ["XX", "germany", "D", "", "D1", "DEU", "EU"]),
		...wrong(operation, `${prefix}ip`, ["1.2.3", "999.1.1.1", "::g", "", "localhost", "1.2.3.4/8", "1.2.3.4:80"]),
		...wrong(operation, `${prefix}language`, ["1", "??", "e", "ninecharsx"]),
		...wrong(operation, `${prefix}referrer`, ["http://", "two words"]),
		...wrong(operation, `${prefix}id`, ["", "a b", "ä", "x".repeat(129), "a/b", "a\u0000"]),
		...wrong(operation, `${prefix}at`, [
			ago(-6 * 60_000),
			ago(401 * DAY_MS),
			"1970-01-01T00:00:00Z",
			"9999-12-31T23:59:59Z",
		]),
	];
	const ofCode = (operation: string) => [
		...wrong(operation, "url", ADDRESSES),
		...wrong(operation, "fallbackUrl", ADDRESSES),
		...wrong(operation, "rules[0].url", ADDRESSES),
		...wrong(operation, "variants[0].url", ADDRESSES),
		...wrong(operation, "slug", ["", "a b", "ä", "a/b", "x".repeat(65), "a%20"]),
		...wrong(operation, "rules[0].if.country", ["", "germany", "D1"]),
		...wrong(operation, "rules[0].if.language", ["", "d", "1"]),
		...wrong(operation, "rules[0].if.before", [ago(2 * DAY_MS)]),
		...wrong(operation, "placements[0].key", ["", "!!!", "ä"]),
		...wrong(operation, "placements[1].key", ["wall", "WALL", "w!all"]),
	];
	return {
		"POST /api/v1/scans": ofScan("POST /api/v1/scans", ""),
		"POST /api/v1/codes": ofCode("POST /api/v1/codes"),
		"PATCH /api/v1/codes/{id}": ofCode("PATCH /api/v1/codes/{id}"),
		"PATCH /api/v1/me": [
			...wrong("PATCH /api/v1/me", "email", ["a", "a@", "@b", "a b@example.org", "a@b@c", "a@nowhere"]),
			...wrong("PATCH /api/v1/me", "password", ["", "short", "elevenchars"]),
		],
		"PATCH /api/v1/organisation": wrong("PATCH /api/v1/organisation", "timeZone", [
			...["", "Mars/Base", "Europe/berlin/x", "+05:30", "UTC+3", "x".repeat(65), "../etc/passwd", "constructor"],
		]),
		"POST /api/v1/keys": [
			...wrong("POST /api/v1/keys", "expiresAt", [ago(1_000), "2000-01-01T00:00:00Z"]),
			...wrong("POST /api/v1/keys", "scopes[0]", ["everything", "Admin", "__proto__"]),
		],
		"POST /api/v1/jobs/{name}/run": [
			...wrong("POST /api/v1/jobs/{name}/run", "from", ["2026-02-30", "26-01-01", "2027-01-01"]),
			...wrong("POST /api/v1/jobs/{name}/run", "to", ["2026-13-01", "now"]),
		],
	};
}

/** A copy of a body with one value at a path such as `rules[0].url`; an item beyond the list is the last one again. */
function withValue(body: unknown, path: string, value: unknown): unknown {
	const copy = structuredClone(body) as Record<string, unknown>;
	const keys = path.split(/[.[\]]+/).filter(Boolean);
	const last = keys.pop() as string;
	let place = copy;
	for (const key of keys) {
		if (Array.isArray(place) && place[Number(key)] === undefined) place.push(structuredClone(place[0]));
		place = place[key] as Record<string, unknown>;
	}
	place[last] = value;
	return copy;
}

/** Sends a faulty body; what is wrong with the answer, or undefined. */
async function refusal(operation: Operation, fault: Fault): Promise<string | undefined> {
	const body = JSON.stringify(fault.body);
	const response = await running.ask(operation.method, at(operation), { headers: headersFor(operation), body });
	const text = await response.text();
	const say = (what: string) =>
		`${named(operation)}: ${fault.path || "the body"} ${fault.why}: ${what}: ${text.slice(0, 300)}`;
	if (response.status !== 422) return say(`answered ${response.status}`);
	if (!response.headers.get("content-type")?.startsWith("application/problem+json")) return say("no problem");
	const problem = JSON.parse(text) as Problem;
	const paths = (problem.errors ?? []).map(({ path }) => path);
	if (!paths.includes(fault.path)) return say(`names ${JSON.stringify(paths)}`);
	if (!paths.every((path) => path.startsWith(fault.path))) return say(`names others too: ${JSON.stringify(paths)}`);
	if (problem.errors?.some(({ message }) => !message)) return say("says nothing");
	if (problem.requestId !== response.headers.get("x-request-id")) return say("has another request id");
	return undefined;
}

describe("a body with one thing wrong", () => {
	test("is known here for every route that takes one", () => {
		const taking = operations.filter(({ body }) => body).map(named);
		expect(taking.toSorted()).toEqual(Object.keys(rightBodies()).toSorted());
	});

	test("is refused by 422 that names exactly that field, whatever is wrong with it", async () => {
		const bodies = rightBodies();
		const extra = meaningless();
		const wrong: string[] = [];
		const cases = operations.flatMap((operation) => {
			const base = bodies[named(operation)];
			if (!operation.body || !base) return [];
			// The items of a batch are looked at one by one, below.
			const schema = named(operation).endsWith("/batch") ? withoutItems(operation.body) : operation.body;
			const faults = [...faultsOf(schema, base), ...(extra[named(operation)] ?? [])];
			return faults.filter((fault) => !isRight(operation, fault)).map((fault) => ({ operation, fault }));
		});
		expect(cases.length).toBeGreaterThan(1_000);
		await each(cases, async ({ operation, fault }) => {
			const complaint = await refusal(operation, fault);
			if (complaint) wrong.push(complaint);
		});
		expect(wrong).toEqual([]);
		const { updatedAt, ...after } = await running.admin.get<Code>(`/api/v1/codes/${code.id}`);
		expect({ ...after, updatedAt }).toEqual(code);
	});

	test("in an item of a batch rejects that item by its index, and takes the others", async () => {
		const scan = rightBodies()["POST /api/v1/scans"] as Record<string, unknown>;
		const schema = operations.find((operation) => named(operation) === "POST /api/v1/scans")?.body as Schema;
		const faults = [...faultsOf(schema, scan), ...(meaningless()["POST /api/v1/scans"] ?? [])].filter(
			({ path }) => !/__proto__|constructor|prototype/.test(path),
		);
		const scans = faults.flatMap(({ body }, n) => [body, { ...scan, id: `between-${n}` }]);
		for (let start = 0; start < scans.length; start += 1_000) {
			const part = scans.slice(start, start + 1_000);
			const answer = await running.admin.post<{
				accepted: number;
				ids: string[];
				rejected: { index: number; code: string; detail: string }[];
			}>("/api/v1/scans/batch", { scans: part });
			expect(answer.rejected.map(({ index }) => index)).toEqual(part.map((_, n) => n).filter((n) => n % 2 === 0));
			expect(answer.ids).toEqual(part.filter((_, n) => n % 2 === 1).map((item) => (item as { id: string }).id));
			expect(answer.accepted).toBe(answer.ids.length);
			for (const { index, code, detail } of answer.rejected) {
				const { path, why } = faults[(start + index) / 2] as Fault;
				expect({ path, why, code, detail }).toEqual({
					path,
					why,
					code: "invalid",
					detail: expect.stringContaining(path),
				});
			}
		}
	});

	test("by a key that reaches a prototype is refused in an item of a batch too", async () => {
		for (const key of ["__proto__", "constructor", "prototype", "\\u005f_proto__"]) {
			const body = `{"scans":[{"code":"${code.slug}"},{"code":"${code.slug}","utm":{"${key}":{"source":"x"}}}]}`;
			const problem = await problemOf(
				await running.ask("POST", "/api/v1/scans/batch", { headers: json, body }),
				422,
				"invalid",
			);
			expect(problem.errors?.map(({ path }) => path)).toEqual([`scans[1].utm.${key.replace("\\u005f", "_")}`]);
		}
	});
});

/** A job's period may be dates, which no other field may. */
function isRight({ path }: Operation, { body }: Fault): boolean {
	return path.endsWith("/run") && JSON.stringify(body).includes('"2026-11-23"');
}

function withoutItems(schema: Schema): Schema {
	const { scans } = schema.properties as { scans: Schema };
	return { ...schema, properties: { scans: { ...scans, items: undefined } } };
}

describe("a query parameter", () => {
	const WRONG: Record<string, readonly string[]> = {
		page: ["0", "-1", "1.5", "x", "", "99999999999999999999", "1e3", "0x10", " 1"],
		pageSize: ["0", "201", "-1", "x", "", "1.5"],
		sort: ["", "secret", "-", "--createdAt", "constructor", "__proto__", "createdAt,name"],
		search: ["", "x".repeat(201), "a\u0000b"],
		tag: ["", "x".repeat(300), "a\nb"],
		active: ["", "1", "yes", "TRUE", "null"],
		placement: ["", "x".repeat(300), "a\u0000b"],
		size: ["63", "4097", "-64", "64.5", "x", "", "1e3"],
		margin: ["-1", "x", "", "1.5", "1000"],
		fg: ["", "red", "12345", "1234567", "gggggg", "##123456"],
		bg: ["", "red", "12345", "1234567", "gggggg"],
		ec: ["", "l", "X", "LM"],
		code: ["", "x".repeat(129), "a\u0000b"],
		from: ["", "yesterday", "2026-02-30", "2026-1-1", "2026-01-01T00:00:00", "1795412269969", "2026-01-01T24:30:00Z"],
		to: ["", "tomorrow", "2026-13-01", "2026-01-01T00:00", "-1"],
		tz: ["", "Mars/Base", "Europe/Nowhere", "x".repeat(100), "../UTC"],
		bots: ["", "1", "yes", "TRUE"],
		compare: ["", "next", "Previous"],
		interval: ["", "minute", "Day", "year"],
		by: ["", "planet", "Country", "constructor", "__proto__"],
		limit: ["0", "301", "-1", "x", "", "1.5"],
	};
	const REPEATABLE = /^(code|filter\..*)$/;
	const wrongValues = (name: string) =>
		WRONG[name] ?? (name.startsWith("filter.") ? ["", "x".repeat(300), "a\u0000"] : undefined);

	test("is known here for every route that has one", () => {
		const names = new Set(
			operations.flatMap(({ parameters }) => parameters.filter((it) => it.in === "query").map((it) => it.name)),
		);
		expect([...names].filter((name) => !wrongValues(name))).toEqual([]);
	});

	test("that is wrong, given twice or unknown is named by 422", async () => {
		const cases = operations.filter(ofApi).flatMap((operation) => {
			const own = operation.parameters.filter((parameter) => parameter.in === "query");
			const required = own
				.filter((parameter) => parameter.required)
				.map(({ name }): [string, string] => [name, "device"]);
			const others = (name: string) => required.filter(([other]) => other !== name);
			const one = (name: string, ...values: string[]) => ({
				operation,
				name,
				query: [...others(name), ...values.map((value): [string, string] => [name, value])],
			});
			return [
				...own.flatMap(({ name }) => (wrongValues(name) ?? []).map((value) => one(name, value))),
				...own.filter(({ name }) => !REPEATABLE.test(name)).map(({ name }) => one(name, "1", "1")),
				...required.map(([name]) => one(name)),
				...["surprise", "__proto__", "constructor", "toString", "Page", "filter.planet", "filter"].map((name) =>
					one(name, "1"),
				),
			];
		});
		const wrong: string[] = [];
		const bodies = rightBodies();
		await each(cases, async ({ operation, name, query }) => {
			// Nothing may come of these requests: their bodies are right, and they must not be taken.
			const body = operation.body && JSON.stringify(bodies[named(operation)]);
			const response = await running.ask(operation.method, `${at(operation)}?${new URLSearchParams(query)}`, {
				headers: headersFor(operation),
				body,
			});
			const text = await response.text();
			const paths = response.status === 422 ? (JSON.parse(text) as Problem).errors?.map(({ path }) => path) : [];
			if (JSON.stringify([...new Set(paths)]) !== JSON.stringify([name]))
				wrong.push(`${named(operation)}?${new URLSearchParams(query)}: ${response.status} ${text.slice(0, 200)}`);
		});
		expect(wrong).toEqual([]);
	});

	test("that repeats is a list where the contract says so", async () => {
		const other = await running.code();
		const path = "/api/v1/analytics/summary?bots=true";
		const both = `${path}&code=${code.id}&code=${other.slug}&filter.country=DE&filter.country=FR&filter.os=iOS`;
		expect((await running.admin.request("GET", both)).status).toBe(200);
	});

	test("in broken percent encoding or hostile UTF-8 is no failure of ours", async () => {
		for (const query of ["search=%ff", "search=%", "search=%c3%28", "%ff=1", "&&&=&", "=", "search=%F0%9F%98%80"]) {
			const response = await running.ask("GET", `/api/v1/codes?${query}`, { headers: bearer });
			expect({ query, fine: response.status < 500 }).toEqual({ query, fine: true });
		}
	});
});

describe("a credential", () => {
	test("is needed, and must be one, on every route that is not public", async () => {
		const closed = operations.filter((operation) => ofApi(operation) && !operation.description.includes("Public."));
		expect(closed.length).toBeGreaterThan(15);
		const useless: Record<string, string>[] = [
			{},
			{ authorization: "Bearer wrong-key" },
			{ authorization: "Bearer " },
			{ authorization: `Basic ${ADMIN_KEY}` },
			{ authorization: ADMIN_KEY },
			{ authorization: `Bearer ${ADMIN_KEY}x` },
			{ authorization: `Bearer ${"x".repeat(5_000)}` },
			{ cookie: "scanpulse_session=wrong" },
			{ cookie: `scanpulse_session=${ADMIN_KEY}` },
			{ cookie: "=;;=;scanpulse_session" },
		];
		await each(
			closed.flatMap((operation) => useless.map((headers) => ({ operation, headers }))),
			async ({ operation, headers }) => {
				const response = await running.ask(operation.method, at(operation), {
					headers: { "content-type": "application/json", ...headers },
					body: isUnsafe(operation) ? "{}" : undefined,
				});
				await problemOf(response, 401, "unauthorized");
				expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
			},
		);
	});

	test("with every scope but the one that is needed is refused by 403, with that one alone it is not", async () => {
		const keys = new Map<Scope, { alone: string; without: string }>();
		for (const scope of SCOPES) {
			const [alone, without] = await Promise.all([
				running.key([scope]),
				running.key(SCOPES.filter((other) => other !== scope)),
			]);
			keys.set(scope, { alone: alone.secret, without: without.secret });
		}
		const needing = operations.flatMap((operation) => {
			const scope = /Scope `([a-z:]+)`/.exec(operation.description)?.[1] as Scope | undefined;
			return scope && ofApi(operation) ? [{ operation, scope }] : [];
		});
		expect(needing.length).toBeGreaterThan(15);
		await each(needing, async ({ operation, scope }) => {
			const tried = (secret: string) =>
				// What is deleted is not there, and bodies are wrong, so that nothing comes of those that may.
				running.ask(operation.method, at(operation).replace(code.id, "none"), {
					headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
					body: isUnsafe(operation) ? '{"surprise":1}' : undefined,
				});
			const { alone, without } = keys.get(scope) as { alone: string; without: string };
			await problemOf(await tried(without), 403, "forbidden");
			const allowed = await tried(alone);
			expect({ operation: named(operation), status: allowed.status }).not.toMatchObject({ status: 403 });
			expect(allowed.status).not.toBe(401);
			expect(allowed.status).toBeLessThan(500);
		});
	});

	test("of the right kinds for each route is what the contract says", () => {
		const scopes: Record<string, RegExp> = {
			"/api/v1/scans": /scans:write/,
			"/api/v1/analytics": /analytics:read/,
			"/api/v1/ledger": /admin/,
		};
		for (const operation of operations) {
			for (const [prefix, scope] of Object.entries(scopes))
				if (operation.path.startsWith(prefix)) expect(operation.description).toMatch(scope);
			if (operation.path.startsWith("/api/v1/codes"))
				expect(operation.description).toContain(isUnsafe(operation) ? "codes:write" : "codes:read");
		}
	});

	test("in a cookie needs a page of ours for whatever changes something", async () => {
		const create = (headers: Record<string, string>) =>
			running.ask("POST", "/api/v1/codes", {
				headers: { cookie, "content-type": "application/json", ...headers },
				body: '{"url":"https://example.org/"}',
			});
		expect((await create({ origin: running.url })).status).toBe(201);
		expect((await create({ origin: `http://localhost:${new URL(running.url).port}` })).status).toBe(201);
		await problemOf(await create({ origin: "https://evil.example" }), 403, "forbidden");
		await problemOf(await create({ origin: "null" }), 403, "forbidden");
		await problemOf(await create({ origin: "http://localhost:1" }), 403, "forbidden");
		await problemOf(await create({ "sec-fetch-site": "cross-site" }), 403, "forbidden");
		for (const operation of operations.filter((it) => ofApi(it) && isUnsafe(it))) {
			const response = await running.ask(operation.method, at(operation), {
				headers: { cookie, origin: "https://evil.example", "content-type": "application/json" },
				body: JSON.stringify(rightBodies()[named(operation)] ?? {}),
			});
			expect({ operation: named(operation), status: response.status }).toEqual({
				operation: named(operation),
				status: 403,
			});
		}
		expect((await running.ask("GET", "/api/v1/codes", { headers: { cookie } })).status).toBe(200);
	});
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
			const response = await running.ask(method, at({ path }), { headers: json, body });
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
				running.ask(operation.method, at(operation), { headers: { ...headersFor(operation), ...headers }, body });
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
				const response = await running.ask(operation.method, at(operation), {
					headers: headersFor(operation),
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
				running.ask(operation.method, at(operation), {
					headers: headersFor(operation),
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
			`/q/${code.slug}`,
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
			const path = `${at(operation)}${operation.path.endsWith("/breakdown") ? "?by=os" : ""}`;
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
