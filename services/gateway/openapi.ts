/** The API's own description, made from the routes, so that it cannot say anything else than they do. */

import { z } from "zod";
import { ERROR_KINDS } from "../../contracts/errors.ts";
import type { Access, Route } from "./route.ts";
import { scanInput } from "./scan-input.ts";
import { PRODUCT_VERSION } from "./version.ts";

type Json = Record<string, unknown>;

const PROBLEM = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };

const FIELD_ERROR = {
	type: "object",
	required: ["path", "message"],
	properties: { path: { type: "string" }, message: { type: "string" } },
};

const PROBLEM_SCHEMA = {
	type: "object",
	required: ["type", "title", "status", "detail", "code", "requestId"],
	properties: {
		type: { type: "string" },
		title: { type: "string" },
		status: { type: "integer" },
		detail: { type: "string" },
		code: { type: "string", enum: Object.keys(ERROR_KINDS) },
		requestId: { type: "string" },
		errors: { type: "array", items: FIELD_ERROR },
	},
};

/** OpenAPI 3.1. */
export function describeApi(routes: readonly Route[]): Json {
	const paths: Record<string, Json> = { ...SCANNING };
	for (const route of routes) {
		const path = route.path.replace(/:(\w+)/g, "{$1}");
		paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
	}
	return {
		openapi: "3.1.0",
		info: {
			title: "Scanpulse",
			version: PRODUCT_VERSION,
			description: "Counts scans of QR codes exactly and shows them live.",
		},
		paths,
		components: {
			securitySchemes: {
				key: { type: "http", scheme: "bearer" },
				session: { type: "apiKey", in: "cookie", name: "scanpulse_session" },
			},
			schemas: { Problem: PROBLEM_SCHEMA, Scan: schemaOf(scanInput) },
		},
	};
}

function operation(route: Route): Json {
	const { status, description } = route.success;
	const refusals = [400, ...(route.access === "public" ? [] : [401, 403]), ...(route.limit ? [429] : []), 422, 503];
	const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name);
	return {
		summary: route.summary,
		description: [route.description, needed(route.access)].filter(Boolean).join(" "),
		security: route.access === "public" ? [] : [{ key: [] }, { session: [] }],
		parameters: [
			...names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
			...queryParameters(route.query),
		],
		...(route.body && {
			requestBody: { required: !route.bodyOptional, content: { "application/json": { schema: schemaOf(route.body) } } },
		}),
		responses: {
			[status]: { description },
			...Object.fromEntries(refusals.map((code) => [code, { description: "Refused", content: PROBLEM }])),
		},
	};
}

function needed(access: Access): string {
	if (access === "public") return "Public.";
	if (access === "credential") return "Any valid credential.";
	if (access === "session") return "A session.";
	return `Scope \`${access}\`.`;
}

function queryParameters(query: z.ZodType | undefined): Json[] {
	if (!query) return [];
	const { properties = {}, required = [] } = schemaOf(query) as {
		properties?: Record<string, Json>;
		required?: string[];
	};
	return Object.entries(properties).map(([name, { description, ...schema }]) => ({
		name,
		in: "query",
		required: required.includes(name),
		...(description !== undefined && { description }),
		schema,
	}));
}

function schemaOf(schema: z.ZodType): Json {
	const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
	return rest;
}

const redirect = (summary: string, parameters: readonly string[]) => ({
	get: {
		summary,
		description: "Public. The query string is passed on, and its utm_source, utm_medium and utm_campaign are recorded.",
		security: [],
		parameters: parameters.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
		responses: {
			302: { description: "The destination; X-Scan-Id when the scan is durable already" },
			404: { description: "Unknown: a page for people" },
			410: { description: "Inactive, expired or used up: a page for people" },
			429: { description: "Too many requests of one address: a page for people" },
		},
	},
});

/** Answered before any route. */
const SCANNING = {
	"/q/{slug}": redirect("Scan a code", ["slug"]),
	"/q/{slug}/{placement}": redirect("Scan a code where it was placed", ["slug", "placement"]),
	"/l/{slug}": redirect("Follow a code's link", ["slug"]),
};
