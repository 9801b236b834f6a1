/**
 * Bounds how many requests are under way in this gateway, so that what is served is served soon: what comes beyond is
 * answered at once, before anybody looks at its body or credential. Posts of scans and everything else have a bound of
 * their own each, so that questions that wait for a slow store never keep a scan out. Redirects are not counted here:
 * they are never refused, and what is refused here leaves the event loop to them.
 */

import type { ServerResponse } from "node:http";

export const LANES = ["scans", "others"] as const;
type Lane = (typeof LANES)[number];

export class InFlight {
	readonly #most: number;
	readonly #underWay: Record<Lane, number> = { scans: 0, others: 0 };
	/** One function for all answers of a lane. */
	readonly #ended: Readonly<Record<Lane, () => void>> = {
		scans: () => void this.#underWay.scans--,
		others: () => void this.#underWay.others--,
	};

	/** @param most requests of a lane under way at once */
	constructor(most: number) {
		this.#most = most;
	}

	/** How many are under way in a lane. */
	count(lane: Lane): number {
		return this.#underWay[lane];
	}

	/** Takes a place until the answer has ended. False when there is none. */
	enter(lane: Lane, response: ServerResponse): boolean {
		if (this.#underWay[lane] >= this.#most) return false;
		this.#underWay[lane]++;
		response.on("close", this.#ended[lane]);
		return true;
	}
}
