/** Who calls: sessions, the caller, and the organisation. */

import type { IncomingMessage } from "node:http";
import { z } from "zod";
import { endedSessionCookie, sessionCookie } from "../../../platform/session-cookie.ts";
import { isSecure } from "../client-address.ts";
import { PAGES, pageReply } from "../pages.ts";
import type { GatewayParts } from "../parts.ts";
import { created, noContent, ok, type Route, route } from "../route.ts";
import { text } from "../schemas.ts";

const email = text(254).regex(/^[^\s@]+@[^\s@]+$/, "an e-mail address");
const password = text(256, 12);
const NOT_KEPT = { "Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer" };

export const accountRoutes: readonly Route[] = [
	route({
		method: "POST",
		path: "/api/v1/session",
		access: "public",
		summary: "Sign in",
		description: "Sets the session cookie; the token can be used as a bearer key as well.",
		success: { status: 201, description: "The session" },
		// Shorter than any password that can be set is wrong, not malformed: the answer is that of a wrong one.
		body: z.strictObject({ email, password: text(256) }),
		async respond({ call, body, http }, { config }) {
			const { token, expiresAt } = await call("accounts.createSession", body);
			return created(
				"/api/v1/me",
				{ token, expiresAt: new Date(expiresAt).toISOString() },
				{
					"Set-Cookie": sessionCookie(token, expiresAt, cookiesAreSecure(http, config)),
					"Cache-Control": "no-store",
				},
			);
		},
	}),
	route({
		method: "GET",
		path: "/sign-in/:token",
		access: "public",
		summary: "Sign in by a one-time link",
		success: { status: 303, description: "Signed in, on to the dashboard; 410 when the link was used or is too old" },
		async respond({ call, params: { token = "" }, http }, { config }) {
			// Programs that only look where a link leads must not use it up.
			if (http.method === "HEAD") return { status: 200, headers: NOT_KEPT };
			const session = await call("accounts.redeemSignIn", { token });
			if (!session) return pageReply(PAGES.signInGone);
			const cookie = sessionCookie(session.token, session.expiresAt, cookiesAreSecure(http, config));
			return { status: 303, headers: { ...NOT_KEPT, Location: "/", "Set-Cookie": cookie } };
		},
	}),
	route({
		method: "DELETE",
		path: "/api/v1/session",
		access: "session",
		summary: "Sign out",
		success: { status: 204, description: "The session has ended" },
		async respond({ call, credential, http }, { config }) {
			await call("accounts.endSession", { id: credential.id });
			return { ...noContent, headers: { "Set-Cookie": endedSessionCookie(cookiesAreSecure(http, config)) } };
		},
	}),
	route({
		method: "GET",
		path: "/api/v1/me",
		access: "credential",
		summary: "The caller, its scopes and its organisation",
		success: { status: 200, description: "The caller" },
		respond: async ({ call, credential }) => ok(await call("accounts.me", { credential })),
	}),
	route({
		method: "PATCH",
		path: "/api/v1/me",
		access: "session",
		summary: "Change one's own name, e-mail address or password",
		success: { status: 200, description: "The caller" },
		limit: "writes",
		body: z.strictObject({ name: text(200).optional(), email: email.optional(), password: password.optional() }),
		respond: async ({ call, credential, body }) => ok(await call("accounts.updateMe", { credential, changes: body })),
	}),
	route({
		method: "GET",
		path: "/api/v1/organisation",
		access: "credential",
		summary: "The caller's organisation",
		success: { status: 200, description: "The organisation" },
		respond: async ({ call, organisation }) => ok(await call("accounts.organisation", { organisation })),
	}),
	route({
		method: "PATCH",
		path: "/api/v1/organisation",
		access: "admin",
		summary: "Change the organisation's name or time zone",
		description: "A change of the time zone rebuilds days as far as quarter hours reach.",
		success: { status: 200, description: "The organisation" },
		limit: "writes",
		body: z.strictObject({ name: text(200).optional(), timeZone: text(64).optional() }),
		respond: async ({ call, organisation, body }) =>
			ok(await call("accounts.updateOrganisation", { organisation, changes: body })),
	}),
];

function cookiesAreSecure(http: IncomingMessage, { trustProxy, publicUrl }: GatewayParts["config"]): boolean {
	return isSecure(http, trustProxy) || (publicUrl?.startsWith("https:") ?? false);
}
