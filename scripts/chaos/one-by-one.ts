/*
 * Strikes members one after the other, each when everything works, and says for how long counting and answering stood still
 * because of it: what the loss, the standstill or the orderly restart of any single process costs.
 */
import { setTimeout as delay } from "node:timers/promises";
import { until } from "../servers/until.ts";
import type { Growth, Standstill } from "./growth.ts";
import type { Strike } from "./schedule.ts";
import type { Target } from "./target.ts";

/** `each`: one member of each kind is killed, and stopped for a while. `rolling`: all processes are restarted in order. */
export type Course = "each" | "rolling";

export type Trial = Pick<Strike, "member" | "kind" | "pauseMs">;

/** What a strike at a single member cost. */
export interface TrialResult extends Trial {
	/** Longest time in which the store's count of some partition did not grow. */
	readonly counting: Standstill;
	/** Longest time in which no redirect, or no POST, was served. */
	readonly serving: Standstill;
}

export interface TrialOptions {
	readonly target: Target;
	/** Of the store's count, by partition. */
	readonly counting: Growth;
	/** Of what clients were served. */
	readonly serving: Growth;
	/** Told before a strike. */
	onStrike(trial: Trial): void;
	onResult(result: TrialResult): void;
}

/** Longer than an owner of counting may be silent: its work is taken from it, and it comes back to find that out. */
const PAUSE_MS = 9_000;
/** While one of them is away there is nothing to count from, or into: what counts is how soon counting goes on after it. */
const COUNTED_THROUGH: readonly string[] = ["nats", "mongo"];
/** Watched for so long after the member works again: also its coming back may hold something up, ms. */
const SETTLES_MS = 2_500;
const STEADY_WITHIN_MS = 60_000;
/** No standstill may be so long, ms. */
const LIMIT_MS: Readonly<Record<Course, number>> = { each: 5_000, rolling: 2_000 };

/** @param members names of the stack, equal ones numbered */
export function planTrials(course: Course, members: readonly string[]): Trial[] {
	if (course === "rolling") {
		const processes = members.filter((member) => member.includes("-"));
		return processes.map((member) => ({ member, kind: "restart", pauseMs: 0 }));
	}
	const firsts = members.filter((member) => !/-(?!1$)\d+$/.test(member));
	return firsts.flatMap((member): Trial[] => [
		{ member, kind: "kill", pauseMs: 0 },
		{ member, kind: "pause", pauseMs: PAUSE_MS },
	]);
}

/** Resolves when every trial is over and everything grows again. @throws Error when it does not */
export async function strikeOneByOne(trials: readonly Trial[], options: TrialOptions): Promise<TrialResult[]> {
	const { counting, serving, onStrike, onResult } = options;
	const results: TrialResult[] = [];
	for (const trial of trials) {
		await steady(options);
		onStrike(trial);
		const begun = performance.now();
		const countedFrom = await strike(trial, options.target);
		await delay(SETTLES_MS);
		await steady(options);
		const result = { ...trial, counting: counting.longest(countedFrom), serving: serving.longest(begun) };
		results.push(result);
		onResult(result);
	}
	return results;
}

/** What a trial cost more than it may, in words. */
export function tooLong(course: Course, { member, kind, counting, serving }: TrialResult): string[] {
	return [counting, serving]
		.filter(({ ms }) => ms >= LIMIT_MS[course])
		.map(({ name, ms }) => `${member} (${kind}): ${name} stood still for ${ms} ms`);
}

/** Resolves when the member works again, with the moment from which counting should go on. */
async function strike({ member, kind, pauseMs }: Trial, target: Target): Promise<number> {
	const begun = performance.now();
	if (kind === "pause") {
		await target.signal(member, "SIGSTOP");
		await delay(pauseMs);
		await target.signal(member, "SIGCONT");
	} else {
		await target.signal(member, kind === "kill" ? "SIGKILL" : "SIGTERM");
		await target.serves(member);
	}
	return COUNTED_THROUGH.includes(member) ? performance.now() : begun;
}

/** Resolves when all that should grow has grown since now. */
async function steady({ counting, serving }: TrialOptions): Promise<void> {
	const since = performance.now();
	await until(() => counting.allSince(since) && serving.allSince(since), {
		what: "scans to be taken and counted in every partition",
		timeoutMs: STEADY_WITHIN_MS,
	});
}
