/**
 * One-time links by which the owner of a deployment signs in without a password: printed by the first start, and by
 * `npm run sign-in`. Only the hash of a link's token is kept, in the records, so any process can make one.
 */

import { codeOf } from "../contracts/errors.ts";
import type { Platform } from "./platform.ts";
import type { Records } from "./records/records.ts";
import { hashToken, newToken } from "./token.ts";

/** How long a link works, ms. */
const LIFETIME_MS = 24 * 60 * 60 * 1_000;
const FIRST_START = "first-start";

/** A link that signs in whoever opens it first, within 24 h. @param publicUrl without a trailing slash */
export async function createSignInUrl(records: Records, publicUrl: string): Promise<string> {
	const token = newToken();
	await records.putToken(hashToken(token), Date.now() + LIFETIME_MS);
	return `${publicUrl}/sign-in/${token}`;
}

/** The link of a deployment's first start; null at every later one, and when the records are away. */
export async function firstSignInUrl(platform: Pick<Platform, "records" | "http">): Promise<string | null> {
	try {
		const records = await platform.records();
		if (!(await records.claimOnce(FIRST_START))) return null;
		return await createSignInUrl(records, platform.http.publicUrl());
	} catch (error) {
		if (codeOf(error) === "unavailable") return null;
		throw error;
	}
}
