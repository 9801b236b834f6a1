/**
 * What one route of the API is: everything that the router, the checks before the answer and the OpenAPI description
 * need to know of it, in one place. A file below routes/ is a list of these.
 */

import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import type { Credential, Scope } from "../../contracts/account.ts";
import type { ActionName, Params, Result } from "../../contracts/actions.ts";
import type { GatewayParts } from "./parts.ts";

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** `public`: anybody; `credential`: any valid one, whatever its scopes; `session`: a person's; else the scope needed. */
export type Access = Scope | "public" | "credential" | "session";

/** What counts against a key's limits: its scans (each of a batch), its other writes, or nothing. */
export type Limit = "scans" | "writes";

export interface RouteRequest<Body, Query> {
	readonly params: Readonly<Record<string, string>>;
	readonly body: Body;
	readonly query: Query;
	/** Of routes that need one; see `organisation` for most uses. */
	readonly credential: Credential;
	readonly organisation: string;
	readonly requestId: string;
	readonly http: IncomingMessage;
	/** Asks an actor on behalf of this request. */
	call<A extends ActionName>(action: A, params: Params<A>): Promise<Result<A>>;
}

export interface Reply {
	readonly status: number;
	/** JSON, unless it is bytes or text with a `Content-Type` of its own. */
	readonly body?: unknown;
	/**
	 * Instead of a body: pieces of text that are made as fast as they are read. When one cannot be made, the connection is
	 * cut, so that nobody takes what was sent for all.
	 */
	stream?(signal: AbortSignal): AsyncIterable<string>;
	readonly headers?: Readonly<Record<string, string>>;
}

interface RouteFields {
	readonly method: Method;
	/** `/api/v1/codes/:id`. */
	readonly path: string;
	readonly access: Access;
	/** A line for the description. */
	readonly summary: string;
	/** More for the description. */
	readonly description?: string;
	/** The answer when all is well. */
	readonly success: { readonly status: number; readonly description: string };
	/** Largest body, bytes. @defaultValue 1 MiB */
	readonly bodyLimit?: number;
	/** The body may be absent, which is an empty object. */
	readonly bodyOptional?: true;
	readonly limit?: Limit;
	/** Asked thousands of times a second: found by its path, which has no parameters, before moleculer-web looks. */
	readonly direct?: true;
}

export interface Route extends RouteFields {
	readonly body?: z.ZodType;
	readonly query?: z.ZodType;
	/** How many tokens of its limit the request takes. @defaultValue 1 */
	cost?(body: unknown): number;
	respond(request: RouteRequest<unknown, unknown>, parts: GatewayParts): Promise<Reply> | Reply;
}

interface RouteDefinition<Body, Query> extends RouteFields {
	readonly body?: z.ZodType<Body>;
	readonly query?: z.ZodType<Query>;
	cost?(body: Body): number;
	respond(request: RouteRequest<Body, Query>, parts: GatewayParts): Promise<Reply> | Reply;
}

/**
 * Declares a route; `body` and `query` of the request are what their schemas make of them.
 *
 * @example route({ method: "GET", path: "/api/v1/me", access: "credential", …, respond: ({ call }) => … })
 */
export function route<Body = undefined, Query = undefined>(definition: RouteDefinition<Body, Query>): Route {
	// Bodies and queries reach `respond` only through their own schemas, so the wider type says no less.
	return definition as Route;
}

export function ok(body: unknown, headers?: Readonly<Record<string, string>>): Reply {
	return { status: 200, body, headers };
}

export function created(location: string, body: unknown, headers?: Readonly<Record<string, string>>): Reply {
	return { status: 201, body, headers: { Location: location, ...headers } };
}

export const noContent: Reply = { status: 204 };
