/** Who calls: organisations, credentials and what they may do. */

export const SCOPES = ["scans:write", "analytics:read", "codes:read", "codes:write", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** The organisation that the first start makes and that the administrator's key belongs to. */
export const DEFAULT_ORGANISATION = "default";

/** A proven caller. `id` names the key or session, so that its end can be noticed; `member` is there for sessions. */
export interface Credential {
	readonly kind: "key" | "session" | "admin";
	readonly id: string;
	readonly organisation: string;
	readonly scopes: readonly Scope[];
	readonly member?: string;
	/** Epoch ms after which the credential is no longer valid. */
	readonly expiresAt?: number;
}

export interface Organisation {
	readonly id: string;
	readonly name: string;
	/** IANA. */
	readonly timeZone: string;
	readonly createdAt: string;
	readonly updatedAt: string;
}

export interface ApiKey {
	readonly id: string;
	readonly name: string;
	readonly scopes: readonly Scope[];
	readonly createdAt: string;
	readonly expiresAt?: string;
	readonly lastUsedAt?: string;
}

export interface NewApiKey extends ApiKey {
	/** Shown once; only its hash is kept. */
	readonly secret: string;
}

export interface Me {
	readonly kind: Credential["kind"];
	readonly id: string;
	readonly scopes: readonly Scope[];
	readonly organisation: Organisation;
	readonly member?: { readonly id: string; readonly name: string; readonly email?: string };
}

/** A new session: the token goes into the cookie, only its hash is kept. */
export interface NewSession {
	readonly token: string;
	readonly expiresAt: number;
}

/** A day's salt, `day` as `YYYY-MM-DD` in UTC. */
export interface Salt {
	readonly day: string;
	readonly salt: string;
}
