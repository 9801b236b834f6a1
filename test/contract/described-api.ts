/*
 * The API as it describes itself, with what a test needs to speak to every route of it: paths of things that are there,
 * credentials, and for every route with a body one that is right.
 */
import type { Code, Page } from "../../contracts/code.ts";
import type { Report, ReportRun } from "../../contracts/report.ts";
import { until } from "../harness/product.ts";
import { ADMIN_KEY, type Running, startRunning } from "./running.ts";
import type { Schema } from "./schema-faults.ts";
import { signIn } from "./sign-in.ts";

export interface Operation {
	readonly method: string;
	readonly path: string;
	readonly description: string;
	readonly parameters: readonly { name: string; in: string; required: boolean }[];
	readonly body?: Schema;
}

/** A running product and every operation that its description names. */
export interface DescribedApi {
	readonly running: Running;
	readonly operations: readonly Operation[];
	/** One that is there. */
	readonly code: Code;
	/** Of a person who signed in. */
	readonly cookie: string;
	/** The path of an operation with something that is there in its places. */
	at(operation: Pick<Operation, "path">): string;
	/** A credential that suffices, and the type of a body. */
	headersFor(operation: Operation): Record<string, string>;
	/** Of every route with a body: one that is right in every field, so that exactly one thing can be wrong with it. */
	rightBodies(): Record<string, Record<string, unknown>>;
}

export const bearer = { authorization: `Bearer ${ADMIN_KEY}` };
export const json = { ...bearer, "content-type": "application/json" };

export const ofApi = ({ path }: Operation) => path.startsWith("/api/v1/");
export const isUnsafe = ({ method }: Operation) => method !== "GET";
export const named = ({ method, path }: Operation) => `${method} ${path}`;

export const DAY_MS = 86_400_000;
export const ago = (ms: number) => new Date(Date.now() - ms).toISOString();

/** @param env variables of the product, besides those of every contract test */
export async function startDescribed(env: Readonly<Record<string, string>> = {}): Promise<DescribedApi> {
	const running = await startRunning({ env });
	const code = await running.code({ name: "Rules" });
	const cookie = await signIn(running.product, env);
	const report = await madeReport(running);
	return {
		...{ running, code, cookie, operations: await described(running) },
		at: (operation) => pathOf(operation, code, report),
		headersFor({ description }): Record<string, string> {
			if (!description.includes("A session.")) return json;
			return { cookie, origin: running.url, "content-type": "application/json" };
		},
		rightBodies: () => rightBodies(code),
	};
}

async function described(running: Running): Promise<Operation[]> {
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

/** A report that was made of a period. */
async function madeReport({ admin }: Running): Promise<ReportRun> {
	const { id } = await admin.post<Report>("/api/v1/reports", { name: "Rules", period: "daily" });
	const made = async () => (await admin.get<Page<ReportRun>>(`/api/v1/reports/${id}/runs`)).rows[0];
	return until(made, { what: "a report", timeoutMs: 60_000 });
}

function pathOf({ path }: Pick<Operation, "path">, code: Code, report: ReportRun): string {
	return path
		.replace("/reports/{id}", `/reports/${report.report}`)
		.replace("{id}", code.id)
		.replace("{run}", report.id)
		.replace("{name}", "run_daily_aggregation")
		.replace("{slug}", code.slug)
		.replace("{placement}", "wall")
		.replace("{token}", "no-such-token");
}

function rightBodies(code: Code): Record<string, Record<string, unknown>> {
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
	const report = { name: "n", period: "weekly", codes: [code.id], timeZone: "Europe/Berlin", formats: ["html", "csv"] };
	return {
		"POST /api/v1/scans": scan,
		"POST /api/v1/scans/batch": { scans: [scan] },
		"POST /api/v1/codes": changes,
		"PATCH /api/v1/codes/{id}": changes,
		"POST /api/v1/session": { email: "nobody@example.org", password: "a long enough password" },
		"PATCH /api/v1/me": { name: "n", email: "me@example.org", password: "a long enough password" },
		"PATCH /api/v1/organisation": { name: "n", timeZone: "UTC" },
		"POST /api/v1/keys": { name: "n", scopes: ["codes:read"], expiresAt: ago(-DAY_MS) },
		"POST /api/v1/reports": report,
		"PATCH /api/v1/reports/{id}": report,
		"POST /api/v1/jobs/{name}/run": { from: "2026-01-01", to: "2026-12-31" },
	};
}
