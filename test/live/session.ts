/* Signing in as a person does: by the one-time link. */
import type { NewApiKey } from "../../contracts/account.ts";

/** Uses the link up; the session's cookie, and a key with every scope made with it. */
export async function sessionCookie(url: string, signInUrl: string): Promise<{ cookie: string; key: string }> {
	const link = new URL(signInUrl);
	const answer = await fetch(new URL(link.pathname, url), { redirect: "manual" });
	const cookie = /scanpulse_session=([^;]+)/.exec(answer.headers.get("set-cookie") ?? "")?.[1];
	if (!cookie) throw new Error(`The sign-in link was answered ${answer.status} without a session`);
	const made = await fetch(new URL("/api/v1/keys", url), {
		method: "POST",
		headers: { cookie: `scanpulse_session=${cookie}`, origin: new URL(url).origin, "content-type": "application/json" },
		body: JSON.stringify({
			name: "tests",
			scopes: ["scans:write", "analytics:read", "codes:read", "codes:write", "admin"],
		}),
	});
	if (made.status !== 201) throw new Error(`A key was not made: ${made.status} ${await made.text()}`);
	return { cookie, key: ((await made.json()) as NewApiKey).secret };
}
