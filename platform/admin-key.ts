/** The administrator's key from the environment: compared without telling by its time how much of it was right. */

import { hash, timingSafeEqual } from "node:crypto";
import { type Credential, DEFAULT_ORGANISATION, SCOPES } from "../contracts/account.ts";

/** What the key proves. */
export const ADMINISTRATOR: Credential = Object.freeze({
	kind: "admin",
	id: "admin",
	organisation: DEFAULT_ORGANISATION,
	scopes: SCOPES,
});

/** Whether a token is the configured key; without one no token is. */
export function isAdminKey(token: string | undefined, adminKey: string | undefined): boolean {
	if (token === undefined || adminKey === undefined) return false;
	if (known?.key !== adminKey) known = { key: adminKey, digest: digest(adminKey) };
	return timingSafeEqual(digest(token), known.digest);
}

/** The key's digest is made once: every request is compared with it. */
let known: { readonly key: string; readonly digest: Buffer } | undefined;

function digest(text: string): Buffer {
	return hash("sha256", text, "buffer");
}
