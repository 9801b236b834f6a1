/*
 * What is asked when the load is over: the ledger of the organisation, and what was counted of the codes of this run,
 * held against what was acknowledged to whoever sent it.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Place } from "./place.ts";
import type { LoadCode } from "./plan.ts";
import type { Measured } from "./thresholds.ts";

interface Ledger {
	readonly accepted: number;
	readonly stored: number;
	readonly duplicate: number;
	readonly dropped: Readonly<Record<string, number>>;
	readonly missing: number;
	readonly inFlight: number;
	readonly balanced: boolean;
}

/** Codes of one question. */
const AT_ONCE = 100;
const SETTLED_MS = 60_000;
const LOOK_MS = 500;
const DAY_MS = 24 * 3_600_000;

/** Waits until all that was accepted is counted, or as long as that may take. */
export async function lookAfterwards(place: Place, codes: readonly LoadCode[], ran: Measured): Promise<Measured> {
	const patience = performance.now() + SETTLED_MS;
	const acknowledged = ran["scans.acknowledged"] ?? 0;
	for (;;) {
		const ledger = await place.caller.json<Ledger>("GET", "/api/v1/ledger");
		const counted = await countedOf(place, codes);
		const settled = ledger.inFlight === 0 && counted >= acknowledged;
		if (settled || performance.now() > patience) return { ...derived(ran), ...held(ledger, counted, ran) };
		await delay(LOOK_MS);
	}
}

async function countedOf({ caller }: Place, codes: readonly LoadCode[]): Promise<number> {
	const [from, to] = [-1, 2].map((days) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10));
	let counted = 0;
	for (let at = 0; at < codes.length; at += AT_ONCE) {
		const some = codes.slice(at, at + AT_ONCE).map(({ id }): [string, string] => ["code", id]);
		const query = new URLSearchParams([["from", from as string], ["to", to as string], ["bots", "true"], ...some]);
		counted += (await caller.json<{ scans: number }>("GET", `/api/v1/analytics/summary?${query}`)).scans;
	}
	return counted;
}

/** What was counted must be what was acknowledged; what was answered without a promise, or not at all, may be there too. */
export function held(ledger: Ledger, counted: number, ran: Measured): Measured {
	const { accepted, stored, duplicate, dropped, missing, inFlight, balanced } = ledger;
	const refused = Object.values(dropped).reduce((sum, n) => sum + n, 0);
	const acknowledged = ran["scans.acknowledged"] ?? 0;
	const may = (ran["scans.hurried"] ?? 0) + (ran["scans.unanswered"] ?? 0);
	return {
		"ledger.accepted": accepted,
		"ledger.stored": stored,
		"ledger.duplicate": duplicate,
		"ledger.dropped": refused,
		"ledger.missing": missing,
		"ledger.in_flight": inFlight,
		"ledger.unbalanced": balanced ? 0 : 1,
		"ledger.unaccounted": accepted - (stored + duplicate + refused + missing + inFlight),
		"scans.counted": counted,
		"scans.lost": Math.max(0, acknowledged - counted),
		"scans.too_many": Math.max(0, counted - acknowledged - may),
	};
}

function derived(ran: Measured): Measured {
	const { "cache.reads": reads, "cache.hits": hits } = ran;
	return reads === undefined || hits === undefined || reads === 0 ? {} : { "cache.percent": (100 * hits) / reads };
}
