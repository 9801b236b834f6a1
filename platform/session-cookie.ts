/** The cookie that carries a session: no script reads it, and no other site's page makes a browser send it. */

const NAME = "scanpulse_session";

/** @param cookies the Cookie header; the session's token, or undefined when it has none */
export function sessionToken(cookies: string | undefined): string | undefined {
	for (const pair of (cookies ?? "").split(";")) {
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
