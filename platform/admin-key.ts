/** The administrator's key from the environment: compared without telling by its time how much of it was right. */

import { createHash, timingSafeEqual } from "node:crypto";
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
	return timingSafeEqual(digest(token), digest(adminKey));
}

function digest(text: string): Buffer {
	return createHash("sha256").update(text).digest();
}
