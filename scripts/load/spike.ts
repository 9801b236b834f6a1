/*
 * Capacity, three times as much, capacity again; before all that a while at capacity that is not judged. Whether what was
 * served was served as quickly, whether everything was answered as it may be, and when all was as before.
 */
import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type LeanResult, leanLoad, quantile, type SecondOf } from "./lean-load.ts";
import type { LoadPlan } from "./plan.ts";
import type { Metrics } from "./screens.ts";

export interface SpikeOptions {
	/** Requests a second. */
	readonly capacity: number;
	readonly warmUpSeconds: number;
	readonly capacitySeconds: number;
	readonly spikeSeconds: number;
	readonly connections: number;
	/** Of a hundred requests, how many are redirects. */
	readonly redirects: number;
}

const TIMES = 3;
const LOOK_MS = 500;
/** A second is as before when so much of it was served, and no slower than twice what was usual at capacity. */
const SERVED_SHARE = 0.95;
const SLOWER = 2;
/** All is as before from the first of so many such seconds in a row. */
const IN_A_ROW = 3;

/** The names of metrics by phase; no name may be part of another. */
const PHASES = { capacity: "capacity_ms", spike: "spike_ms", afterwards: "afterwards_ms" } as const;

export async function runSpike(plan: LoadPlan, metrics: Metrics, options: SpikeOptions): Promise<void> {
	const { capacity, warmUpSeconds, capacitySeconds, spikeSeconds, connections, redirects } = options;
	const { url, key, busy } = plan;
	const phases = [
		{ name: "warm-up", rate: capacity, seconds: warmUpSeconds },
		{ name: "capacity", rate: capacity, seconds: capacitySeconds },
		{ name: "spike", rate: TIMES * capacity, seconds: spikeSeconds },
		{ name: "afterwards", rate: capacity, seconds: capacitySeconds },
	];
	const slugs = busy.map(({ slug }) => slug);
	const watched = new AbortController();
	const backlog = watchBacklog(plan, watched.signal);
	const result = await leanLoad({ url, key, slugs, phases, connections, redirects });
	watched.abort();
	writeFileSync(plan.secondsFile, JSON.stringify(result.seconds));
	tell(result, metrics);
	const spikeEndsAt = result.begunAt + 1_000 * (warmUpSeconds + capacitySeconds + spikeSeconds);
	const looks = await backlog;
	metrics.emit("counter", "backlog.most", Math.max(0, ...looks.map(({ scans }) => scans)));
	metrics.emit("counter", "backlog.seconds", backlogSeconds(looks, spikeEndsAt, capacity));
}

/** How many scans were accepted and not yet counted, at an instant, epoch ms. */
export interface BacklogLook {
	readonly at: number;
	readonly scans: number;
}

/** Looks at the ledger again and again, until told to stop. */
async function watchBacklog({ url, key }: LoadPlan, stop: AbortSignal): Promise<BacklogLook[]> {
	const looks: BacklogLook[] = [];
	const headers = { authorization: `Bearer ${key}` };
	while (!stop.aborted) {
		const answer = await fetch(`${url}/api/v1/ledger`, { headers }).catch(() => undefined);
		const at = Date.now();
		if (answer?.ok) looks.push({ at, scans: ((await answer.json()) as { inFlight: number }).inFlight });
		else await answer?.body?.cancel();
		await delay(LOOK_MS, undefined, { signal: stop }).catch(() => undefined);
	}
	return looks;
}

/** Seconds from `since` until no more was uncounted than comes in a second; until the last look when it never was. */
export function backlogSeconds(looks: readonly BacklogLook[], since: number, perSecond: number): number {
	const after = looks.filter(({ at }) => at >= since);
	const caughtUp = after.find(({ scans }) => scans <= perSecond) ?? after.at(-1);
	return caughtUp ? (caughtUp.at - since) / 1_000 : Number.POSITIVE_INFINITY;
}

function tell({ phases, seconds, statuses }: LeanResult, metrics: Metrics): void {
	for (const { name, outcomes } of phases) {
		const metric = PHASES[name as keyof typeof PHASES];
		for (const [kind, outcome] of Object.entries(outcomes)) {
			const { served, durable, refused, forbidden, unanswered } = outcome;
			const counts = { served, refused, forbidden };
			for (const [answer, n] of Object.entries(counts)) metrics.emit("counter", `answers.${answer}`, n);
			metrics.emit("counter", "scans.acknowledged", durable);
			metrics.emit("counter", "scans.hurried", kind === "redirects" ? served - durable : 0);
			metrics.emit("counter", "scans.unanswered", unanswered);
			metrics.emit("counter", "redirects.refused", kind === "redirects" ? refused : 0);
			if (!metric) continue;
			metrics.emit("counter", `spike.${name}_refused`, refused);
			for (const ms of outcome.servedMs) metrics.emit("histogram", `served_${metric}`, ms);
			for (const ms of outcome.refusedMs) metrics.emit("histogram", `refused_${metric}`, ms);
		}
	}
	for (const [status, n] of Object.entries(statuses)) metrics.emit("counter", `statuses.${status}`, n);
	const p99 = (name: string) => {
		const outcomes = Object.values(phases.find((phase) => phase.name === name)?.outcomes ?? {});
		return quantile(
			outcomes.flatMap(({ servedMs }) => [...servedMs]),
			0.99,
		);
	};
	const usual = p99("capacity");
	metrics.emit("counter", "spike.slowdown_percent", Math.round((100 * p99("spike")) / usual));
	metrics.emit("counter", "spike.recovery_seconds", recoverySeconds(seconds, usual));
}

/** Seconds from the spike's end until all was as before; as many as were looked at when it never was. */
export function recoverySeconds(seconds: readonly SecondOf[], usualMs: number): number {
	const after = seconds.filter(({ phase }) => phase === "afterwards");
	const well = after.map(({ due, served, p99 }) => served >= SERVED_SHARE * due && p99 <= SLOWER * usualMs);
	const found = well.findIndex((_, at) => at + IN_A_ROW <= well.length && well.slice(at, at + IN_A_ROW).every(Boolean));
	return found < 0 ? after.length : found;
}
