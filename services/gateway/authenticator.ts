/**
 * Who calls. The administrator's key is compared here and never leaves the process; every other credential is proven by
 * the accounts actor and remembered for a few seconds, so that its end takes effect within 5 s even when nobody hears
 * of it. Tokens are remembered by their hash.
 */

import { LRUCache } from "lru-cache";
import type { Credential } from "../../contracts/account.ts";
import { ADMINISTRATOR, isAdminKey } from "../../platform/admin-key.ts";
import { hashToken } from "../../platform/token.ts";

export interface AuthenticatorOptions {
	readonly adminKey: string | undefined;
	/** Asks the accounts actor. */
	readonly prove: (token: string) => Promise<Credential | null>;
	/** How long a proven credential is believed, ms. @defaultValue 4,000 */
	readonly believedMs?: number;
	/** How long a refused token is not asked for again, ms. @defaultValue 1,000 */
	readonly refusedMs?: number;
}

const MAX_REMEMBERED = 20_000;
/** Longer tokens are nobody's, characters. */
const MAX_TOKEN = 512;

export class Authenticator {
	readonly #adminKey: string | undefined;
	readonly #options: Required<Pick<AuthenticatorOptions, "prove" | "believedMs" | "refusedMs">>;
	readonly #remembered = new LRUCache<string, { readonly credential: Credential | null }>({ max: MAX_REMEMBERED });
	readonly #underWay = new Map<string, Promise<Credential | null>>();
	/** Grows with each end of a credential, so that an answer from before it is not remembered. */
	#ends = 0;

	constructor({ adminKey, prove, believedMs = 4_000, refusedMs = 1_000 }: AuthenticatorOptions) {
		this.#adminKey = adminKey;
		this.#options = { prove, believedMs, refusedMs };
	}

	/**
	 * The credential that a token proves, or null.
	 *
	 * @throws what the accounts actor could not answer with.
	 */
	async authenticate(token: string): Promise<Credential | null> {
		if (token === "" || token.length > MAX_TOKEN) return null;
		if (isAdminKey(token, this.#adminKey)) return ADMINISTRATOR;
		const key = hashToken(token);
		const remembered = this.#remembered.get(key);
		const credential = remembered ? remembered.credential : await this.#prove(key, token);
		return credential?.expiresAt !== undefined && credential.expiresAt <= Date.now() ? null : credential;
	}

	/** Forgets a credential that ended, or all of an organisation. */
	forget(organisation: string, credential?: string): void {
		this.#ends++;
		for (const [key, entry] of this.#remembered.entries()) {
			const known = entry.credential;
			if (known?.organisation === organisation && (credential === undefined || known.id === credential)) {
				this.#remembered.delete(key);
			}
		}
	}

	#prove(key: string, token: string): Promise<Credential | null> {
		const underWay = this.#underWay.get(key);
		if (underWay) return underWay;
		const ends = this.#ends;
		const proof = this.#options
			.prove(token)
			.then((credential) => {
				const ttl = credential ? this.#options.believedMs : this.#options.refusedMs;
				if (ends === this.#ends) this.#remembered.set(key, { credential }, { ttl });
				return credential;
			})
			.finally(() => this.#underWay.delete(key));
		this.#underWay.set(key, proof);
		return proof;
	}
}
