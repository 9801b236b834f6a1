/*
 * "Rules for all HTTP", held against every route that the API's own description names: each field of each body and each
 * query parameter wrong in turn.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Code } from "../../contracts/code.ts";
import type { Problem } from "../harness/api.ts";
import {
	ago,
	bearer,
	DAY_MS,
	type DescribedApi,
	json,
	named,
	type Operation,
	ofApi,
	startDescribed,
} from "./described-api.ts";
import { each, problemOf, type Running } from "./running.ts";
import { type Fault, faultsOf, type Schema } from "./schema-faults.ts";

let api: DescribedApi;
let running: Running;
let operations: readonly Operation[];

beforeAll(async () => {
	api = await startDescribed();
	({ running, operations } = api);
});

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
	const bodies = api.rightBodies();
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
		...wrong(operation, "rules[0].if.country", ["", "germany", "D1", "D", "DEU", "XX", "EU", "xx"]),
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
		...Object.fromEntries(
			["POST /api/v1/reports", "PATCH /api/v1/reports/{id}"].map((operation) => [
				operation,
				[
					...wrong(operation, "timeZone", ["Mars/Base", "+05:30", "UTC+3", "../etc/passwd", "constructor"]),
					...wrong(operation, "codes[0]", ["nobody", "__proto__"]),
					...wrong(operation, "formats[1]", ["pdf", "HTML"]),
				],
			]),
		),
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
	const response = await running.ask(operation.method, api.at(operation), { headers: api.headersFor(operation), body });
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
		expect(taking.toSorted()).toEqual(Object.keys(api.rightBodies()).toSorted());
	});

	test("is refused by 422 that names exactly that field, whatever is wrong with it", async () => {
		const bodies = api.rightBodies();
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
		const { updatedAt, ...after } = await running.admin.get<Code>(`/api/v1/codes/${api.code.id}`);
		expect({ ...after, updatedAt }).toEqual(api.code);
	});

	test("in an item of a batch rejects that item by its index, and takes the others", async () => {
		const scan = api.rightBodies()["POST /api/v1/scans"] as Record<string, unknown>;
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
			const body = `{"scans":[{"code":"${api.code.slug}"},{"code":"${api.code.slug}","utm":{"${key}":{"source":"x"}}}]}`;
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
		what: ["", "visitors", "Scans", "scans,timeseries", "constructor"],
		format: ["", "xlsx", "CSV", "json", "__proto__"],
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
		const bodies = api.rightBodies();
		await each(cases, async ({ operation, name, query }) => {
			// Nothing may come of these requests: their bodies are right, and they must not be taken.
			const body = operation.body && JSON.stringify(bodies[named(operation)]);
			const response = await running.ask(operation.method, `${api.at(operation)}?${new URLSearchParams(query)}`, {
				headers: api.headersFor(operation),
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
		const both = `${path}&code=${api.code.id}&code=${other.slug}&filter.country=DE&filter.country=FR&filter.os=iOS`;
		expect((await running.admin.request("GET", both)).status).toBe(200);
	});

	test("in broken percent encoding or hostile UTF-8 is no failure of ours", async () => {
		for (const query of ["search=%ff", "search=%", "search=%c3%28", "%ff=1", "&&&=&", "=", "search=%F0%9F%98%80"]) {
			const response = await running.ask("GET", `/api/v1/codes?${query}`, { headers: bearer });
			expect({ query, fine: response.status < 500 }).toEqual({ query, fine: true });
		}
	});
});
