/**
 * Brings requests to routes. moleculer-web finds the route by its aliases; what it does not find is told apart here: a
 * wrong method, an unknown path of the API, or a file of the dashboard. Routes that are asked thousands of times a second
 * are found here by their path alone and served in the same way, without the search and the context that others need.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context, Logger, ServiceBroker } from "moleculer";
import { CodedError } from "../../contracts/errors.ts";
import type { RequestHandler } from "../../platform/http.ts";
import { dashboardHandler } from "./dashboard.ts";
import type { InFlight } from "./in-flight.ts";
import { allowOrigin, answerPreflight } from "./origin.ts";
import { isUnforeseen, sendProblem } from "./problem.ts";
import { refuseOverload } from "./refuse-overload.ts";
import { requestIdOf } from "./request-id.ts";
import type { Route } from "./route.ts";
import { type ServedBy, serveRoute } from "./serve-route.ts";

/** moleculer-web as a middleware, and what it knows of a path. */
export interface WebRouter {
	express(): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;
	readonly aliases: readonly { readonly method: string; match(path: string): Params | false }[];
	readonly logger: Logger;
	readonly broker: ServiceBroker;
}

type Params = Readonly<Record<string, string>>;

/** What moleculer-web adds to a request. */
interface WebRequest extends IncomingMessage {
	readonly $ctx: Context;
	readonly $params: { readonly params: Params };
	readonly originalUrl: string;
}

/** Whoever supervises this gateway must not take it for dead because it is busy. */
const ALWAYS_ANSWERED = "/health/";

type AliasHandler = (request: WebRequest, response: ServerResponse) => void;

/** Every route as an alias of moleculer-web; what is read by GET is asked for by HEAD as well. */
export function aliasesOf(
	routes: readonly Route[],
	by: () => ServedBy,
	logger: () => Logger,
): Record<string, AliasHandler> {
	return Object.fromEntries(
		routes.flatMap((route) => {
			const handler: AliasHandler = (request, response) => {
				const requestId = request.headers["x-request-id"] as string;
				const url = request.originalUrl;
				const mark = url.indexOf("?");
				serveRoute(
					route,
					{
						request,
						response,
						requestId,
						caller: request.$ctx,
						params: request.$params.params,
						query: mark < 0 ? "" : url.slice(mark + 1),
					},
					by(),
				).catch((error: unknown) => refuse(error, response, requestId, logger()));
			};
			const methods = route.method === "GET" ? ["GET", "HEAD"] : [route.method];
			return methods.map((method) => [`${method} ${route.path}`, handler]);
		}),
	);
}

/** Makes the handler of everything that is no redirect. */
export function routerHandler(
	web: WebRouter,
	routes: readonly Route[],
	by: ServedBy,
	inFlight: InFlight,
): RequestHandler {
	const direct = new Map(
		routes.filter((route) => route.direct).map((route) => [keyOf(route.method, route.path), route]),
	);
	const { allowedOrigins } = by.parts.config;
	const route = web.express();
	const dashboard = dashboardHandler(by.parts);
	const origins = () => [...allowedOrigins, by.parts.http.publicUrl()];

	return (request, response) => {
		const requestId = requestIdOf(request);
		const refused = (error: unknown) => refuse(error, response, requestId, web.logger);
		if (request.method !== "OPTIONS" && request.headers.origin !== undefined) allowOrigin(request, response, origins());
		const { url = "/" } = request;
		const mark = url.indexOf("?");
		const found = direct.get(keyOf(request.method, mark < 0 ? url : url.slice(0, mark)));
		if (!inFlight.enter(found ? "scans" : "others", response) && !url.startsWith(ALWAYS_ANSWERED)) {
			refuseOverload(request, response, requestId);
			return true;
		}
		if (found) {
			const query = mark < 0 ? "" : url.slice(mark + 1);
			serveRoute(found, { request, response, requestId, caller: web.broker, params: {}, query }, by).catch(refused);
			return true;
		}
		// From here on everybody who asks the request for its id gets the one that the client sees.
		request.headers["x-request-id"] = requestId;
		delete request.headers["x-correlation-id"];
		response.setHeader("X-Request-Id", requestId);
		const path = pathOf(request);
		if (request.method === "OPTIONS") {
			const methods = methodsOf(web, path);
			if (methods.length > 0) answerPreflight(request, response, methods, origins());
			else refused(nothingAt(path));
			return true;
		}
		route(request, response, (error) => {
			if (error) return refused(error);
			const methods = methodsOf(web, path);
			if (methods.length > 0) return refused(wrongMethod(methods));
			dashboard(request, response, () => refused(nothingAt(path)));
		});
		return true;
	};
}

function keyOf(method: string | undefined, path: string): string {
	return `${method} ${path}`;
}

function wrongMethod(methods: readonly string[]): CodedError {
	return new CodedError("method_not_allowed", `Use ${methods.join(", ")}`, { allow: [...methods, "OPTIONS"] });
}

function nothingAt(path: string): CodedError {
	return new CodedError("not_found", `Nothing is at ${path.slice(0, 200)}`);
}

function refuse(error: unknown, response: ServerResponse, requestId: string, logger: Logger): void {
	if (isUnforeseen(error)) logger.error(`Request ${requestId} failed:`, error);
	sendProblem(response, error, requestId);
}

function methodsOf({ aliases }: WebRouter, path: string): string[] {
	return [...new Set(aliases.filter((alias) => matches(alias, path)).map(({ method }) => method))];
}

function matches(alias: WebRouter["aliases"][number], path: string): boolean {
	try {
		return alias.match(path) !== false;
	} catch {
		// A path that cannot be decoded: the router refuses it.
		return false;
	}
}

function pathOf({ url = "/" }: IncomingMessage): string {
	const path = url.split("?", 1)[0] as string;
	return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
