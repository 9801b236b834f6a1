/** What is kept of organisations, members, sessions and keys, and what others see of it. Secrets are hashes only. */

import type { ApiKey, Credential, Organisation, Scope } from "../../contracts/account.ts";
import { SCOPES } from "../../contracts/account.ts";
import type { PasswordHash } from "./passwords.ts";

export type StoredOrganisation = Organisation;

export interface StoredMember {
	readonly id: string;
	readonly organisation: string;
	readonly name: string;
	/** In lower case. */
	readonly email?: string;
	readonly password?: PasswordHash;
	readonly createdAt: string;
}

export interface StoredSession {
	readonly id: string;
	readonly hash: string;
	readonly organisation: string;
	readonly member: string;
	readonly createdAt: string;
	/** Epoch ms; moves on while the session is used. */
	readonly expiresAt: number;
}

export interface StoredKey {
	readonly id: string;
	readonly hash: string;
	readonly organisation: string;
	readonly name: string;
	readonly sortName: string;
	readonly scopes: readonly Scope[];
	readonly createdAt: string;
	readonly expiresAt?: string;
	readonly lastUsedAt?: string;
}

export function publicKey({ id, name, scopes, createdAt, expiresAt, lastUsedAt }: StoredKey): ApiKey {
	return { id, name, scopes, createdAt, ...(expiresAt && { expiresAt }), ...(lastUsedAt && { lastUsedAt }) };
}

export function keyCredential({ id, organisation, scopes, expiresAt }: StoredKey): Credential {
	return { kind: "key", id, organisation, scopes, ...(expiresAt && { expiresAt: Date.parse(expiresAt) }) };
}

export function sessionCredential({ id, organisation, member, expiresAt }: StoredSession): Credential {
	return { kind: "session", id, organisation, scopes: SCOPES, member, expiresAt };
}
