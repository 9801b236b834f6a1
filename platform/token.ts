/** Secrets that clients hold: made here, given out once, kept by their hash only. */

import { hash, randomBytes } from "node:crypto";
import { randomText } from "./random-id.ts";

const BASE62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const KEY_LENGTH = 40;
const TOKEN_BYTES = 32;

/** What each kind of token begins with: whoever finds one knows what it is, and where to look it up. */
export const TOKEN_PREFIX = { key: "sp_", session: "ss_" } as const;

/** An API key: `sp_` and 40 base62 characters, 238 bits. */
export function newKeySecret(): string {
	return TOKEN_PREFIX.key + randomText(BASE62, KEY_LENGTH);
}

export function newSessionToken(): string {
	return TOKEN_PREFIX.session + newToken();
}

/** 256 random bits, as they can stand in an address. */
export function newToken(): string {
	return randomBytes(TOKEN_BYTES).toString("base64url");
}

/** What is kept of a token. It has too many bits to be guessed, so one round of SHA-256 is enough. */
export function hashToken(token: string): string {
	return hash("sha256", token, "base64url");
}
