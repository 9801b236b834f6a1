/*
 * Carries a schedule out. Each member's strikes wait for it to serve, so that every strike hits a process that works; what
 * one member takes to come back delays no other.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Strike } from "./schedule.ts";
import type { Target } from "./target.ts";

const LATE_MS = 100;
/** So long a member works between coming back and a strike that was due before, ms. */
const WORKS_MS = 1_500;

/** A strike as it happened. */
export interface Struck extends Strike {
	/** When it hit, from the beginning of the run, ms; undefined when the member came back too late for it. */
	readonly hitMs: number | undefined;
}

/**
 * Resolves when every strike was carried out and no process is stopped any more, in the order of their moments.
 *
 * @param untilMs strikes whose member does not serve again before then are left out
 */
export async function carryOut(
	strikes: readonly Strike[],
	target: Target,
	untilMs: number,
	tell: (struck: Struck) => void,
): Promise<Struck[]> {
	const begun = performance.now();
	const sinceBegin = () => Math.round(performance.now() - begun);
	const strike = async (planned: Strike): Promise<Struck> => {
		const { member, kind, pauseMs } = planned;
		await delay(Math.max(0, planned.atMs - sinceBegin()));
		await target.serves(member);
		// A member that has only just come back does some work first: there is little to lose in one that did none.
		if (sinceBegin() - planned.atMs > LATE_MS) await delay(WORKS_MS);
		await target.serves(member);
		const hitMs = sinceBegin() <= untilMs ? sinceBegin() : undefined;
		const struck = { ...planned, hitMs };
		tell(struck);
		if (hitMs === undefined) return struck;
		if (kind !== "pause") await target.signal(member, kind === "kill" ? "SIGKILL" : "SIGTERM");
		else {
			const pid = target.pid(member);
			await target.signal(member, "SIGSTOP");
			await delay(pauseMs);
			if (target.pid(member) === pid) await target.signal(member, "SIGCONT");
		}
		return struck;
	};
	const oneAfterAnother = async (own: readonly Strike[]) => {
		const struck: Struck[] = [];
		for (const planned of own) struck.push(await strike(planned));
		return struck;
	};
	const byMember = Map.groupBy(strikes, ({ member }) => member);
	const all = await Promise.all([...byMember.values()].map(oneAfterAnother));
	return all.flat().sort((a, b) => a.atMs - b.atMs);
}
