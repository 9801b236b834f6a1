/**
 * Who calls. The administrator's key is compared here and never leaves the process; every other credential is proven by
 * the accounts actor and remembered for a few seconds, so that its end takes effect within 5 s even when nobody hears
 * of it. While the accounts actor does not answer, a credential that it proved lately goes on being believed for some
 * minutes: an outage must not stop those who scan. Tokens are remembered by their hash.
 */

import { setTimeout as delay } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import type { Credential } from "../../contracts/account.ts";
import { ADMINISTRATOR, isAdminKey } from "../../platform/admin-key.ts";
import { SingleFlight } from "../../platform/single-flight.ts";
import { hashToken } from "../../platform/token.ts";

export interface AuthenticatorOptions {
	readonly adminKey: string | undefined;
	/** Asks the accounts actor. */
	readonly prove: (token: string) => Promise<Credential | null>;
	/** How long a proven credential is believed, ms. @defaultValue 4,000 */
	readonly believedMs?: number;
	/** How long a proven credential is believed while the accounts actor does not answer, ms. @defaultValue 300,000 */
	readonly believedInOutageMs?: number;
	/** How long an answer about a credential that was proven before is waited for, ms. @defaultValue 500 */
	readonly patienceMs?: number;
	/** How long a refused token is not asked for again, ms. @defaultValue 1,000 */
	readonly refusedMs?: number;
}

interface Proof {
	readonly credential: Credential | null;
	/** When the accounts actor said so, ms of performance.now. */
	readonly at: number;
}

const MAX_REMEMBERED = 20_000;
/** Longer tokens are nobody's, characters. */
const MAX_TOKEN = 512;

/** While the accounts actor does not answer, it is asked so often about credentials that are believed meanwhile, ms. */
const PROBE_MS = 1_000;

export class Authenticator {
	readonly #options: Required<AuthenticatorOptions>;
	readonly #proofs = new LRUCache<string, Proof>({ max: MAX_REMEMBERED });
	readonly #underWay = new SingleFlight<Credential | null>();
	/** Grows with each end of a credential, so that an answer from before it is not remembered. */
	#ends = 0;
	/** The accounts actor did not answer when it was last asked. */
	#away = false;
	#probedAt = Number.NEGATIVE_INFINITY;

	constructor(options: AuthenticatorOptions) {
		this.#options = {
			believedMs: 4_000,
			believedInOutageMs: 300_000,
			patienceMs: 500,
			refusedMs: 1_000,
			...options,
		};
	}

	/**
	 * The credential that a token proves, or null.
	 *
	 * @throws what the accounts actor could not answer with, when it did not prove the token lately.
	 */
	async authenticate(token: string): Promise<Credential | null> {
		if (token === "" || token.length > MAX_TOKEN) return null;
		if (isAdminKey(token, this.#options.adminKey)) return ADMINISTRATOR;
		const credential = await this.#credentialOf(hashToken(token), token);
		return credential?.expiresAt !== undefined && credential.expiresAt <= Date.now() ? null : credential;
	}

	/** Forgets a credential that ended, or all of an organisation. */
	forget(organisation: string, credential?: string): void {
		this.#ends++;
		for (const [key, { credential: known }] of this.#proofs.entries()) {
			if (known?.organisation === organisation && (credential === undefined || known.id === credential)) {
				this.#proofs.delete(key);
			}
		}
	}

	async #credentialOf(key: string, token: string): Promise<Credential | null> {
		const proof = this.#proofs.get(key);
		if (!proof) return this.#prove(key, token);
		const { credential, at } = proof;
		if (!credential || performance.now() - at < this.#options.believedMs) return credential;
		if (!this.#away) return this.#proveInTime(key, token, credential);
		if (performance.now() - this.#probedAt >= PROBE_MS) {
			this.#probedAt = performance.now();
			this.#prove(key, token).catch(() => undefined);
		}
		return credential;
	}

	/** What is proven now, or what was proven lately when no answer comes. */
	async #proveInTime(key: string, token: string, lately: Credential): Promise<Credential | null> {
		const answered = new AbortController();
		const late = delay(this.#options.patienceMs, lately, { signal: answered.signal });
		late.then(() => this.#noAnswer()).catch(() => undefined);
		try {
			return await Promise.race([this.#prove(key, token).catch(() => lately), late]);
		} finally {
			answered.abort();
		}
	}

	#noAnswer(): void {
		this.#away = true;
		this.#probedAt = performance.now();
	}

	#prove(key: string, token: string): Promise<Credential | null> {
		return this.#underWay.join(key, async () => {
			const ends = this.#ends;
			try {
				const credential = await this.#options.prove(token);
				this.#away = false;
				const { believedInOutageMs, refusedMs } = this.#options;
				const ttl = credential ? believedInOutageMs : refusedMs;
				if (!credential || ends === this.#ends) this.#proofs.set(key, { credential, at: performance.now() }, { ttl });
				return credential;
			} catch (error) {
				this.#noAnswer();
				throw error;
			}
		});
	}
}
