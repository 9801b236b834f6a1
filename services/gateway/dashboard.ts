/**
 * The dashboard's files. Those with a hash in their name never change and are kept by browsers; every other address that
 * a browser opens is the page itself, which knows its own paths.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import ApiGateway from "moleculer-web";
import { realtimeUrlFor } from "./client-info.ts";
import type { GatewayParts } from "./parts.ts";

const FOLDER = fileURLToPath(new URL("../../frontend/dist", import.meta.url));
const A_YEAR = "public, max-age=31536000, immutable";

type Serve = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;

type DashboardParts = Pick<GatewayParts, "config" | "http">;

/**
 * Makes the handler of everything that no route is for.
 *
 * @param next called for what is not the dashboard's either
 * @param folder the built dashboard
 */
export function dashboardHandler(parts: DashboardParts, folder = FOLDER): Serve {
	const files = ApiGateway.serveStatic(folder, {
		index: false,
		redirect: false,
		setHeaders: (response: ServerResponse, path: string) => {
			response.setHeader("Cache-Control", /[\\/]assets[\\/]/.test(path) ? A_YEAR : "no-cache");
		},
	}) as Serve;
	return (request, response, next) => {
		if (request.method !== "GET" && request.method !== "HEAD") return next();
		secure(request, response, parts);
		const path = (request.url ?? "/").split("?", 1)[0] as string;
		const isPage = path === "/" || path === "/index.html";
		if (isPage) request.url = "/index.html";
		files(request, response, (error) => {
			if (error || isPage || !wantsPage(request, path)) return next();
			request.url = "/index.html";
			files(request, response, () => next());
		});
	};
}

/** A browser that opens an address, not a script or program that asks for one. */
function wantsPage(request: IncomingMessage, path: string): boolean {
	return /\btext\/html\b/.test(request.headers.accept ?? "") && !/^\/(api|health|assets|socket\.io)(\/|$)/.test(path);
}

/** The page may load from here only, may speak to our realtime address, and may be framed by nobody. */
function secure(request: IncomingMessage, response: ServerResponse, { config, http }: DashboardParts): void {
	const realtime = realtimeUrlFor(request, config, http);
	const host = request.headers.host && /^[\w.:[\]-]+$/.test(request.headers.host) ? request.headers.host : undefined;
	// Some browsers do not take 'self' to include WebSockets.
	const sockets =
		realtime === "" ? (host ? [`ws://${host}`, `wss://${host}`] : []) : [realtime, realtime.replace(/^http/, "ws")];
	const policy = [
		"default-src 'self'",
		"style-src 'self' 'unsafe-inline'",
		"img-src 'self' data: blob:",
		["connect-src 'self'", ...sockets].join(" "),
		"worker-src 'self' blob:",
		"object-src 'none'",
		"base-uri 'none'",
		"form-action 'self'",
		"frame-ancestors 'none'",
	].join("; ");
	response.setHeader("Content-Security-Policy", policy);
	response.setHeader("X-Content-Type-Options", "nosniff");
	response.setHeader("Referrer-Policy", "same-origin");
	response.setHeader("X-Frame-Options", "DENY");
	response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
}
