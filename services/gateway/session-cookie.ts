/** The cookie that carries a session: no script reads it, and no other site's page makes a browser send it. */

import type { IncomingMessage } from "node:http";

const NAME = "scanpulse_session";

/** The session's token, or undefined without a cookie. */
export function sessionToken(request: IncomingMessage): string | undefined {
	for (const pair of (request.headers.cookie ?? "").split(";")) {
		const [name = "", value = ""] = pair.split("=", 2);
		if (name.trim() === NAME) return value.trim();
	}
	return undefined;
}

/** @param expiresAt epoch ms */
export function sessionCookie(token: string, expiresAt: number, secure: boolean): string {
	const seconds = Math.max(0, Math.floor((expiresAt - Date.now()) / 1_000));
	return `${NAME}=${token}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure ? "; Secure" : ""}`;
}

/** Makes a browser forget the session. */
export function endedSessionCookie(secure: boolean): string {
	return sessionCookie("", 0, secure);
}
