/**
 * One-time links by which the owner of a deployment signs in without a password: printed by the first start, and by
 * `npm run sign-in`. Only the hash of a link's token is kept, in the records, so any process can make one.
 */

import { setTimeout as delay } from "node:timers/promises";
import { codeOf } from "../contracts/errors.ts";
import type { Platform } from "./platform.ts";
import type { Records } from "./records/records.ts";
import { hashToken, newToken } from "./token.ts";

/** How long a link works, ms. */
const LIFETIME_MS = 24 * 60 * 60 * 1_000;
const FIRST_START = "first-start";
/** How long records that are away are left alone, ms. */
const RETRY_MS = 500;

/** A link that signs in whoever opens it first, within 24 h. @param publicUrl without a trailing slash */
export async function createSignInUrl(records: Records, publicUrl: string): Promise<string> {
	const token = newToken();
	await records.putToken(hashToken(token), Date.now() + LIFETIME_MS);
	return `${publicUrl}/sign-in/${token}`;
}

/**
 * Offers the link of a deployment's first start, once; later starts offer none. Resolves when that is done, and also when
 * the records are away, because nobody's start waits for them: the link is then offered as soon as they are there.
 *
 * @param onTrouble hears of a failure that is not going to pass, after the first try
 * @returns ends the waiting for records that are away
 */
export async function offerFirstSignIn(
	platform: Pick<Platform, "records" | "http">,
	offer: (url: string) => void,
	onTrouble: (error: unknown) => void,
): Promise<() => void> {
	const ended = new AbortController();
	// Claimed is claimed: when the records go away before the link is kept, the claim is still ours.
	let claimed = false;
	const attempt = async () => {
		const records = await platform.records();
		claimed ||= await records.claimOnce(FIRST_START);
		if (claimed) offer(await createSignInUrl(records, platform.http.publicUrl()));
	};
	const isDone = () =>
		attempt().then(
			() => true,
			(error: unknown) => {
				if (codeOf(error) === "unavailable" || ended.signal.aborted) return false;
				throw error;
			},
		);
	const goOn = async () => {
		while (!ended.signal.aborted && !(await isDone()))
			await delay(RETRY_MS, undefined, { signal: ended.signal, ref: false }).catch(() => undefined);
	};
	if (!(await isDone())) goOn().catch(onTrouble);
	return () => ended.abort();
}
