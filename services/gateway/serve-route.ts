/**
 * What happens to every request of the API, in this order: who calls, may they, how often, what do they ask, and then
 * the answer. Nothing is asked of other actors before a request is allowed and valid.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Credential } from "../../contracts/account.ts";
import type { ActionName, Params } from "../../contracts/actions.ts";
import { CodedError } from "../../contracts/errors.ts";
import { type Caller, call } from "../../platform/actors.ts";
import { sessionToken } from "../../platform/session-cookie.ts";
import type { Authenticator } from "./authenticator.ts";
import { type KeyLimits, requireAllowed, setRateLimitHeaders } from "./limits.ts";
import { comesFromForeignPage } from "./origin.ts";
import type { GatewayParts } from "./parts.ts";
import { readJson } from "./read-body.ts";
import type { Access, Reply, Route } from "./route.ts";
import { sendStream } from "./send-stream.ts";
import { notValid, parseBody, parseQuery } from "./validate.ts";

export interface ServedBy {
	readonly parts: GatewayParts;
	readonly authenticator: Authenticator;
	readonly limits: KeyLimits;
}

/** A request that the router has found a route for. */
export interface RoutedRequest {
	readonly request: IncomingMessage;
	readonly response: ServerResponse;
	readonly params: Readonly<Record<string, string>>;
	/** Query string without `?`. */
	readonly query: string;
	/** Asks actors on behalf of the request. */
	readonly caller: Pick<Caller, "call">;
	readonly requestId: string;
}

const BODY_BYTES = 1024 * 1024;
/** Longest time an actor may take to answer, ms. */
const CALL_MS = 10_000;
/** A question that changes nothing is asked again when its answer was lost with a broker: attempts, and time of each, ms. */
const READ_ATTEMPTS = 4;
const READ_MS = CALL_MS / READ_ATTEMPTS;
const MAX_ID = 128;

/** A route that takes no body, or no query, takes it as nothing; whoever calls it is nobody when it is public. */
const NOBODY: Credential = { kind: "key", id: "", organisation: "", scopes: [] };

/** @throws coded errors; the caller turns them into problems. */
export async function serveRoute(route: Route, routed: RoutedRequest, by: ServedBy): Promise<void> {
	const { request, response, caller } = routed;
	const credential = await authorise(route.access, request, by);
	if (route.limit === "writes" && isLimited(credential, by)) {
		const allowance = await by.limits.write(credential);
		setRateLimitHeaders(response, allowance);
		requireAllowed(allowance);
	}
	const body = await bodyOf(route, request, response);
	if (route.limit === "scans" && isLimited(credential, by)) {
		const allowance = by.limits.scans(credential, route.cost?.(body) ?? 1);
		setRateLimitHeaders(response, allowance);
		requireAllowed(allowance);
	}
	const reply = await route.respond(
		{
			params: checkedParams(routed.params),
			query: queryOf(route, routed.query),
			body,
			credential,
			organisation: credential.organisation,
			requestId: routed.requestId,
			http: request,
			call: <A extends ActionName>(action: A, params: Params<A>) =>
				call(
					caller,
					action,
					params,
					isRead(request) ? { timeout: READ_MS, retries: READ_ATTEMPTS - 1 } : { timeout: CALL_MS },
				),
		},
		by.parts,
	);
	if (reply.stream) await sendStream(request, response, reply, routed.requestId);
	else sendReply(response, reply, routed.requestId);
}

function isRead({ method }: IncomingMessage): boolean {
	return method === "GET" || method === "HEAD";
}

async function authorise(access: Access, request: IncomingMessage, by: ServedBy): Promise<Credential> {
	const { allowedOrigins } = by.parts.config;
	const unsafe = !isRead(request);
	if (access === "public") {
		// Signing in sets a cookie, so no foreign page may do it either.
		if (unsafe && comesFromForeignPage(request, allowedOriginsOf(by))) throw foreignPage();
		return NOBODY;
	}
	const header = request.headers.authorization;
	const credential =
		header === undefined ? await bySession(request, by) : await by.authenticator.authenticate(bearer(header));
	if (!credential) throw new CodedError("unauthorized", "The credential is not, or no longer, valid");
	if (header === undefined && unsafe && comesFromForeignPage(request, allowedOriginsOf(by))) throw foreignPage();
	if (access === "session" && credential.kind !== "session") {
		throw new CodedError("forbidden", "This is for people who signed in, not for keys");
	}
	if (access !== "credential" && access !== "session" && !credential.scopes.includes(access)) {
		throw new CodedError("forbidden", `The credential lacks the scope ${access}`, { scope: access });
	}
	return credential;

	function allowedOriginsOf({ parts }: ServedBy): readonly string[] {
		return [...allowedOrigins, parts.http.publicUrl()];
	}
}

async function bySession(request: IncomingMessage, { authenticator }: ServedBy): Promise<Credential | null> {
	const token = sessionToken(request.headers.cookie);
	if (token === undefined) throw new CodedError("unauthorized", "A bearer key or a session is needed");
	const credential = await authenticator.authenticate(token);
	// A key in a cookie would be a key that browsers send by themselves.
	return credential?.kind === "session" ? credential : null;
}

function bearer(header: string): string {
	const token = /^Bearer +(\S+) *$/i.exec(header)?.[1];
	if (token === undefined) throw new CodedError("unauthorized", "Authorization: expected Bearer and a key");
	return token;
}

function foreignPage(): CodedError {
	return new CodedError("forbidden", "The request comes from a page that may not make it (see ALLOWED_ORIGINS)");
}

function isLimited(credential: Credential, { parts }: ServedBy): boolean {
	return parts.config.rateLimits && credential.kind !== "admin";
}

async function bodyOf(route: Route, request: IncomingMessage, response: ServerResponse): Promise<unknown> {
	if (!route.body) {
		request.resume();
		return undefined;
	}
	const { "content-length": length = "0", "transfer-encoding": encoding } = request.headers;
	if (route.bodyOptional && length === "0" && encoding === undefined) return parseBody(route.body, {});
	return parseBody(route.body, await readJson(request, response, route.bodyLimit ?? BODY_BYTES));
}

function queryOf(route: Route, query: string): unknown {
	if (query === "" && !route.query) return undefined;
	const given = new URLSearchParams(query);
	if (route.query) return parseQuery(route.query, given);
	const [unknown] = given.keys();
	if (unknown === undefined) return undefined;
	throw notValid([{ path: unknown, message: "expected no such parameter" }]);
}

/** Parts of the path are ids and names; one that cannot be any is nobody's. */
function checkedParams(params: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
	for (const value of Object.values(params)) {
		if (value.length > MAX_ID || /\p{Cc}/u.test(value))
			throw new CodedError("not_found", "There is nothing by this id");
	}
	return params;
}

function sendReply(response: ServerResponse, { status, body, headers }: Reply, requestId: string): void {
	if (body === undefined) {
		response.writeHead(status, { "X-Request-Id": requestId, ...headers }).end();
		return;
	}
	// Text goes out together with the head in one write; bytes would be a second one.
	const content = Buffer.isBuffer(body) ? body : JSON.stringify(body);
	response
		.writeHead(status, {
			"X-Request-Id": requestId,
			"Content-Type": "application/json; charset=utf-8",
			"Cache-Control": "private, no-cache",
			"X-Content-Type-Options": "nosniff",
			...headers,
			"Content-Length": Buffer.byteLength(content),
		})
		.end(content);
}
