/**
 * Who may connect: a page of ours or no page at all, with a token or the session cookie that proves a credential of
 * sufficient scope. What was proven once is proven again every few seconds, because its end may not have been heard of.
 */

import type { Credential, Scope } from "../../contracts/account.ts";
import type { Namespace, RealtimeErrorCode } from "../../contracts/live.ts";
import { isAllowedOrigin } from "../../platform/page-origin.ts";
import { sessionToken } from "../../platform/session-cookie.ts";
import { SingleFlight } from "../../platform/single-flight.ts";

export interface AdmissionOptions {
	/** Origins of pages besides the host that was connected to. */
	allowedOrigins(): readonly string[];
	/** The administrator's credential when the token is that key. */
	administratorOf(token: string): Credential | null;
	/** Asks the accounts actor. */
	prove(token: string): Promise<Credential | null>;
}

/** What a client came with. */
export interface Handshake {
	readonly auth: Readonly<Record<string, unknown>>;
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Admitted {
	readonly credential: Credential;
	readonly token: string;
}

/** Refused; `data` is what the client is told. */
export class Refusal extends Error {
	readonly data: { readonly code: RealtimeErrorCode };

	constructor(code: RealtimeErrorCode) {
		super(code);
		this.data = { code };
	}
}

const LONGEST_TOKEN = 512;

const SCOPES_NEEDED: Readonly<Record<Namespace, Scope>> = {
	"/analytics": "analytics:read",
	"/scans": "analytics:read",
	"/ops": "admin",
};

export class Admission {
	readonly #options: AdmissionOptions;
	/** By token, however many connections come with it. */
	readonly #proofs = new SingleFlight<Credential | null>();

	constructor(options: AdmissionOptions) {
		this.#options = options;
	}

	/**
	 * The credential of a client that may use a namespace.
	 *
	 * @throws {Refusal} `unauthorized`, `forbidden`, or `overloaded` when nobody can say
	 */
	async admit(namespace: string, { auth, headers }: Handshake): Promise<Admitted> {
		const origin = single(headers.origin);
		if (origin !== undefined && !isAllowedOrigin(origin, single(headers.host), this.#options.allowedOrigins()))
			throw new Refusal("unauthorized");
		const own = typeof auth.token === "string" ? auth.token : "";
		const token = own || (origin === undefined ? undefined : sessionToken(single(headers.cookie))) || "";
		const credential = await this.#proven(token);
		// A key in a cookie would be a key that browsers send by themselves.
		if (!credential || (own === "" && credential.kind !== "session")) throw new Refusal("unauthorized");
		const needed = SCOPES_NEEDED[namespace as Namespace];
		if (!needed || !credential.scopes.includes(needed)) throw new Refusal("forbidden");
		return { credential, token };
	}

	/**
	 * The credential that a token proves now, or null.
	 *
	 * @throws what the accounts actor could not answer with
	 */
	async authenticate(token: string): Promise<Credential | null> {
		if (token === "" || token.length > LONGEST_TOKEN) return null;
		const administrator = this.#options.administratorOf(token);
		if (administrator) return administrator;
		const credential = await this.#proofs.join(token, () => this.#options.prove(token));
		return credential?.expiresAt !== undefined && credential.expiresAt <= Date.now() ? null : credential;
	}

	async #proven(token: string): Promise<Credential | null> {
		try {
			return await this.authenticate(token);
		} catch {
			throw new Refusal("overloaded");
		}
	}
}

const single = (header: string | string[] | undefined) => (Array.isArray(header) ? header[0] : header);
