/**
 * Visitors without names: a keyed hash of what tells two people apart, under the salt of the scan's UTC day. Salts are
 * the same for all gateways and are destroyed after 48 h, and with them every way back from a hash.
 */

import { hash } from "node:crypto";
import type { Salt } from "../../../contracts/account.ts";

/** Half of SHA-256 tells more visitors apart than there are people: characters of base64url. */
const HASH_CHARACTERS = 22;
const DAY_MS = 86_400_000;

/** The salts of the days around today. */
export class Salts {
	#byDay: readonly Salt[] = [];

	/** False until salts were had, and when the last of them had to be destroyed. */
	get held(): boolean {
		return this.#byDay.length > 0;
	}

	replace(salts: readonly Salt[]): void {
		this.#byDay = salts.toSorted((a, b) => (a.day < b.day ? -1 : 1));
	}

	/** Those held, oldest first. */
	all(): readonly Salt[] {
		return this.#byDay;
	}

	/** Whether the day of an instant has its salt. */
	covers(at: number): boolean {
		const day = dayOf(at);
		return this.#byDay.some((salt) => salt.day === day);
	}

	/**
	 * The salt for an instant. A day whose salt is not held (a scan sent days later, for example) takes the nearest
	 * held day's: its visitors can still be told apart from each other, among the scans that were sent on the same days.
	 */
	at(instant: number): string | undefined {
		const day = dayOf(instant);
		const [oldest, newest] = [this.#byDay[0], this.#byDay.at(-1)];
		if (oldest && day < oldest.day) return oldest.salt;
		return (this.#byDay.findLast((salt) => salt.day <= day) ?? newest)?.salt;
	}
}

/**
 * The hash of a visitor: SHA-256 of the salt and what it protects, one unambiguous text, cut to half, so that no hash can
 * be continued to another's. It costs a seventh of an HMAC, whose object and second pass serve what is sent to strangers.
 *
 * @param parts what tells visitors of an organisation apart; the list's length and order are part of the hash
 */
export function hashVisitor(salt: string, organisation: string, parts: readonly string[]): string {
	return hash("sha256", JSON.stringify([salt, organisation, ...parts]), "base64url").slice(0, HASH_CHARACTERS);
}

/** The last day that was written out: scans come by the thousand for one. */
let lastDay = { number: Number.NaN, text: "" };

function dayOf(instant: number): string {
	const number = Math.floor(instant / DAY_MS);
	if (number !== lastDay.number) lastDay = { number, text: new Date(instant).toISOString().slice(0, 10) };
	return lastDay.text;
}
