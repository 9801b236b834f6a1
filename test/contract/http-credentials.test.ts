/*
 * "Rules for all HTTP": who may do what, tried on every route that the API's own description names.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { SCOPES, type Scope } from "../../contracts/account.ts";
import { type DescribedApi, isUnsafe, named, type Operation, ofApi, startDescribed } from "./described-api.ts";
import { ADMIN_KEY, each, problemOf, type Running } from "./running.ts";

let api: DescribedApi;
let running: Running;
let operations: readonly Operation[];

beforeAll(async () => {
	api = await startDescribed();
	({ running, operations } = api);
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
				const response = await running.ask(operation.method, api.at(operation), {
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
				running.ask(operation.method, api.at(operation).replace(api.code.id, "none"), {
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
			if (operation.path.startsWith("/api/v1/reports"))
				expect(operation.description).toContain(isUnsafe(operation) ? "admin" : "analytics:read");
			if (operation.path.startsWith("/api/v1/codes"))
				expect(operation.description).toContain(isUnsafe(operation) ? "codes:write" : "codes:read");
		}
	});

	test("in a cookie needs a page of ours for whatever changes something", async () => {
		const create = (headers: Record<string, string>) =>
			running.ask("POST", "/api/v1/codes", {
				headers: { cookie: api.cookie, "content-type": "application/json", ...headers },
				body: '{"url":"https://example.org/"}',
			});
		expect((await create({ origin: running.url })).status).toBe(201);
		expect((await create({ origin: `http://localhost:${new URL(running.url).port}` })).status).toBe(201);
		await problemOf(await create({ origin: "https://evil.example" }), 403, "forbidden");
		await problemOf(await create({ origin: "null" }), 403, "forbidden");
		await problemOf(await create({ origin: "http://localhost:1" }), 403, "forbidden");
		await problemOf(await create({ "sec-fetch-site": "cross-site" }), 403, "forbidden");
		for (const operation of operations.filter((it) => ofApi(it) && isUnsafe(it))) {
			const response = await running.ask(operation.method, api.at(operation), {
				headers: { cookie: api.cookie, origin: "https://evil.example", "content-type": "application/json" },
				body: JSON.stringify(api.rightBodies()[named(operation)] ?? {}),
			});
			expect({ operation: named(operation), status: response.status }).toEqual({
				operation: named(operation),
				status: 403,
			});
		}
		expect((await running.ask("GET", "/api/v1/codes", { headers: { cookie: api.cookie } })).status).toBe(200);
	});
});
