/** What web pages may do with the API: which may send unsafe requests, and which may read answers. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { isAllowedOrigin } from "../../platform/page-origin.ts";

const ALLOWED_HEADERS = "Authorization, Content-Type, X-Request-Id";
const EXPOSED_HEADERS =
	"Location, Retry-After, X-Request-Id, X-Cache, X-Degraded, Server-Timing, RateLimit-Limit, RateLimit-Remaining, " +
	"RateLimit-Reset, Content-Disposition, X-As-Of, X-Complete, X-Coverage, X-Range";
const PREFLIGHT_SECONDS = "600";

/**
 * Whether a browser says that the request comes from a page that may not make it. Every browser that sends our cookie
 * at all says where an unsafe request comes from, so one without either header was not made by a page.
 */
export function comesFromForeignPage(request: IncomingMessage, allowed: readonly string[]): boolean {
	const { origin, "sec-fetch-site": site } = request.headers;
	if (origin !== undefined) return !isAllowedOrigin(origin, request.headers.host, allowed);
	return site !== undefined && site !== "same-origin" && site !== "none";
}

/** Lets an allowed page read the answer. */
export function allowOrigin(request: IncomingMessage, response: ServerResponse, allowed: readonly string[]): void {
	response.setHeader("Vary", "Origin");
	const { origin } = request.headers;
	if (origin === undefined || !isAllowedOrigin(origin, request.headers.host, allowed)) return;
	response.setHeader("Access-Control-Allow-Origin", origin);
	response.setHeader("Access-Control-Allow-Credentials", "true");
	response.setHeader("Access-Control-Expose-Headers", EXPOSED_HEADERS);
}

/** Answers OPTIONS for a path that has these methods. */
export function answerPreflight(
	request: IncomingMessage,
	response: ServerResponse,
	methods: readonly string[],
	allowed: readonly string[],
): void {
	allowOrigin(request, response, allowed);
	if (response.hasHeader("Access-Control-Allow-Origin")) {
		response.setHeader("Access-Control-Allow-Methods", methods.join(", "));
		response.setHeader("Access-Control-Allow-Headers", ALLOWED_HEADERS);
		response.setHeader("Access-Control-Max-Age", PREFLIGHT_SECONDS);
	}
	response.writeHead(204, { Allow: [...methods, "OPTIONS"].join(", ") }).end();
}
