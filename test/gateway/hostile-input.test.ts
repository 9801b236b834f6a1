import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import type { Code } from "../../contracts/code.ts";
import { ADMIN_KEY, type RunningGateway, startGateway } from "./running-gateway.ts";

const RUNS = 400;
/** 503 is what an actor that does not run here is answered with. */
const FORESEEN = [200, 201, 202, 204, 302, 303, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429, 503];

let gateway: RunningGateway;

beforeAll(async () => {
	gateway = await startGateway();
	await gateway.api.post<Code>("/api/v1/codes", { url: "https://shop.example/", slug: "menu" });
});

const FIELDS = {
	...{ code: "menu", id: "x", at: "2026-11-23T00:00:00Z", placement: "a", source: "qr", visitor: "v", ip: "8.8.8.8" },
	...{ userAgent: "Mozilla/5.0", referrer: "https://a.example/", language: "de", country: "DE", lat: 1, lon: 2 },
	...{ utm: { source: "a" }, url: "https://a.example/", name: "n", tags: ["a"], active: true, maxScans: 5, slug: "s" },
	...{
		rules: [{ if: { country: "DE" }, url: "https://b.example/" }],
		variants: [{ url: "https://c.example/", weight: 1 }],
	},
	...{ placements: [{ key: "a", name: "A" }], scopes: ["admin"], expiresAt: "2030-01-01T00:00:00Z", timeZone: "UTC" },
	...{ email: "a@b.example", password: "long enough", scans: [{ code: "menu" }], from: "2026-11-01", to: "2026-11-02" },
};

/** Bodies that are nearly right: some good fields, some with anything in them, some that nobody knows. */
const body = fc.oneof(
	fc.record(
		Object.fromEntries(
			Object.entries(FIELDS).map(([name, good]) => [
				name,
				fc.oneof(fc.constant(good), fc.jsonValue(), fc.string({ unit: "binary" })),
			]),
		),
		{ requiredKeys: [] },
	),
	fc.dictionary(fc.string(), fc.jsonValue()),
	fc.jsonValue(),
);

const target = fc.constantFrom(
	...["POST /api/v1/scans", "POST /api/v1/scans/batch", "POST /api/v1/codes", "PATCH /api/v1/codes/menu"],
	...["POST /api/v1/keys", "PATCH /api/v1/organisation", "POST /api/v1/session", "PATCH /api/v1/me"],
	...["POST /api/v1/jobs/run_daily_aggregation/run", "DELETE /api/v1/keys/x", "PUT /api/v1/codes"],
);

const readable = fc.constantFrom(
	...["/api/v1/codes", "/api/v1/codes/x", "/api/v1/codes/x/qr.svg", "/api/v1/analytics/summary", "/api/v1/ledger"],
	...["/api/v1/analytics/breakdown", "/api/v1/analytics/timeseries", "/api/v1/keys", "/api/v1/jobs/audit/runs"],
	...["/api/v1/analytics/live", "/api/v1/analytics/minutes"],
	...["/q/menu", "/l/menu", "/q/%zz", "/sign-in/x", "/health/ready", "/api/v1/codes/%00", "/%"],
);

test("no body makes the product fail", { timeout: 120_000 }, async () => {
	await fc.assert(
		fc.asyncProperty(target, body, async (where, content) => {
			const [method = "", path = ""] = where.split(" ");
			const response = await fetch(gateway.url + path, {
				method,
				headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" },
				body: JSON.stringify(content),
			});
			await response.arrayBuffer();
			expect(FORESEEN).toContain(response.status);
		}),
		{ numRuns: RUNS },
	);
});

test("no query, path or header makes the product fail", { timeout: 120_000 }, async () => {
	const parameters = fc.dictionary(
		fc.oneof(
			fc.constantFrom("page", "sort", "code", "from", "filter.city", "by", "size", "fg", "utm_source"),
			fc.string({ unit: "binary" }),
		),
		fc.string({ unit: "binary" }),
	);
	const header = fc.string({ unit: fc.constantFrom(..."ab,;=:/ \"'[]%\\\u00e9") });
	await fc.assert(
		fc.asyncProperty(readable, parameters, header, async (path, query, value) => {
			const headers = {
				authorization: `Bearer ${ADMIN_KEY}`,
				...{ "user-agent": value, "accept-language": value, referer: value, origin: value, "x-request-id": value },
				...{ cookie: value, "x-forwarded-for": value, "sec-purpose": value, "if-none-match": value },
			};
			const search = new URLSearchParams(
				Object.entries(query).map(([name, text]) => [name.toWellFormed(), text.toWellFormed()]),
			);
			const response = await fetch(`${gateway.url}${path}?${search}`, { headers, redirect: "manual" });
			await response.arrayBuffer();
			expect(FORESEEN).toContain(response.status);
		}),
		{ numRuns: RUNS },
	);
});
