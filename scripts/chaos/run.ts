/*
 * One run of chaos: something real is started, a crowd scans it, a schedule strikes it, and when it was given time to
 * become whole every number it shows is held against the crowd's record.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Code } from "../../contracts/code.ts";
import { until } from "../servers/until.ts";
import { Caller, KNOWN_EVERYWHERE_MS } from "./ask.ts";
import { startCrowd } from "./crowd.ts";
import { Ends } from "./ends.ts";
import { Growth } from "./growth.ts";
import { type Judgement, judge } from "./judgement.ts";
import { Numbers } from "./numbers.ts";
import { type Course, planTrials, strikeOneByOne, type Trial, type TrialResult, tooLong } from "./one-by-one.ts";
import { readRecord, ScanRecord } from "./record.ts";
import { planStrikes } from "./schedule.ts";
import { openScreens, type Screens } from "./screens.ts";
import { watchStored } from "./stored.ts";
import { carryOut, type Struck } from "./strikes.ts";
import { startTarget } from "./target.ts";
import { notWholeYet, verify } from "./verify.ts";

export interface ChaosOptions {
	readonly seed: number;
	/** How long it is struck at random, ms; a course takes as long as it takes. */
	readonly durationMs: number;
	readonly embedded: boolean;
	/** Members of the stack are struck one after the other instead, for as long as that takes. */
	readonly course?: Course;
	/** Members that a course leaves out are not struck. @defaultValue all */
	readonly only?: (trial: Trial) => boolean;
	/** It must be whole so soon after the last strike, ms. @defaultValue 30000 */
	readonly wholeWithinMs?: number;
	/** Told what happens, line by line. */
	print(line: string): void;
}

export interface ChaosReport extends Omit<Judgement, "present"> {
	/** Of a run at random. */
	readonly strikes: readonly Struck[];
	/** Of a course. */
	readonly trials: readonly TrialResult[];
	/** Requests that were not served by asking once more. */
	readonly noticed: number;
	/** Scans that were sent again by their id after they had been acknowledged. */
	readonly repeated: number;
	/** Longest time in which the screen of some code saw its total stand still, ms. */
	readonly longestPauseMs: number;
	/** When that pause ended, from the beginning of the run, ms. */
	readonly pauseEndedAtMs: number;
	/** From the end of the last strike until everything was whole, ms; undefined when it did not become so in time. */
	readonly wholeAfterMs: number | undefined;
	/** Where data, logs and record are; removed when there was no violation. */
	readonly dir: string;
}

const KEY = "a-key-for-chaos-00000001";
const CODES = 6;
/** So many have some in every partition. */
const CODES_OF_A_COURSE = 16;
/** A client of a gateway that stands still turns to another after this, ms. */
const COURSE_PATIENCE_MS = 2_000;
/** A single process answers more, and what it must not lose is in it alone: it is mostly killed, under more load. */
const EMBEDDED = { shares: { killShare: 0.8, restartShare: 0.08 }, rate: 100 };
const STACK = { shares: {}, rate: 40 };
const AGGREGATE_EVERY_MS = 7_000;
const ANSWERED_WITHIN_MS = 30_000;
const STARTS_WITHIN_MS = 30_000;
/** A feed samples by the second: what comes after a quiet one it shows whole, ms. */
const FEED_RESTS_MS = 1_100;
/** The last scans must be on every screen so soon, ms. */
const SHOWN_WITHIN_MS = 5_000;

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
	const { seed, durationMs, embedded, course, only = () => true, wholeWithinMs = 30_000, print } = options;
	const { shares, rate } = embedded ? EMBEDDED : STACK;
	const dir = await mkdtemp(path.join(tmpdir(), "scanpulse-chaos-"));
	const begun = performance.now();
	const say = (line: string) => print(`${((performance.now() - begun) / 1_000).toFixed(1).padStart(6)} s  ${line}`);
	const violations: string[] = [];
	const ends = new Ends();
	const target = await startTarget({
		...{ dir, embedded, key: KEY },
		report: (member, what) => {
			say(`${member} ${what.split("\n")[0]}`);
			const violation = ends.judge(member, what);
			if (violation) violations.push(violation);
		},
	});
	const caller = new Caller(target.url, KEY);
	const [counting, serving] = [new Growth(), new Growth()];
	const stored = course && watchStored(target.mongoUrl as string, counting);
	let screens: Screens | undefined;
	try {
		const codes = await makeCodes(caller, course ? CODES_OF_A_COURSE : CODES);
		const shown = codes.slice(0, CODES).map(({ id }) => id);
		screens = openScreens({ url: target.realtimeUrl, token: KEY, codes: shown });
		await allLive(screens);
		const recordFile = path.join(dir, "scans.ndjson");
		const crowd = startCrowd({
			...{ url: target.url, key: KEY, seed, rate, slugs: codes.map(({ slug }) => slug) },
			record: new ScanRecord(recordFile),
			...(course && { answerTimeoutMs: COURSE_PATIENCE_MS, orderly: course === "rolling" }),
			onServed: (kind) => serving.happened(kind),
		});
		say(`${embedded ? "the embedded product" : "the stack"} serves, ${codes.length} codes are scanned`);

		const calm = new AbortController();
		const aggregating = aggregateAllAlong(caller, calm.signal);
		const strikes = course ? [] : await strikeAtRandom();
		const trials = course ? await takeCourse(course) : [];
		if (course === "rolling" && crowd.noticed() > 0)
			violations.push(`${crowd.noticed()} requests were not served by asking once more`);
		const calmAt = performance.now();
		calm.abort();
		await Promise.all([aggregating, ...target.members.map((member) => target.serves(member))]);
		say(`everything serves again, ${crowd.acknowledged()} scans are acknowledged`);
		await crowd.finish(ANSWERED_WITHIN_MS);
		screens.pauses.end();
		say("everything is answered");

		const numbers = new Numbers(caller);
		const left = () => wholeWithinMs - (performance.now() - calmAt);
		const counted = () => notWholeYet(numbers, open, crowd.acknowledged());
		const open = screens;
		let missing = await still(counted, left());
		const wholeAfterMs = missing.length === 0 ? Math.round(performance.now() - calmAt) : undefined;
		if (wholeAfterMs !== undefined) say(`everything is whole after ${wholeAfterMs} ms`);
		await delay(FEED_RESTS_MS);
		const last = await crowd.last(ANSWERED_WITHIN_MS);
		missing = [
			...missing,
			...(await still(async () => [...(await counted()), ...open.feedLacks(last)], SHOWN_WITHIN_MS)),
		];
		violations.push(...[...new Set(missing)].map((what) => `not whole in ${wholeWithinMs} ms: ${what}`));

		const scans = readRecord(recordFile);
		const judgement = judge(scans, await numbers.byName(scans.length));
		violations.push(...judgement.violations, ...crowd.complaints, ...screens.violations);
		violations.push(...(await verify({ numbers, judgement, codes: codes.map(({ id }) => id), screens, say })));
		const { present, ...tally } = judgement;
		const { ms: longestPauseMs, endedAtMs: pauseEndedAtMs } = screens.pauses.longest;
		const figures = { repeated: crowd.repeated(), longestPauseMs, pauseEndedAtMs, wholeAfterMs };
		return { ...tally, violations, strikes, trials, noticed: crowd.noticed(), ...figures, dir };
	} finally {
		screens?.close();
		await stored?.stop();
		caller.close();
		await target.close();
		if (violations.length === 0) await rm(dir, { recursive: true, force: true, maxRetries: 5 });
	}

	async function strikeAtRandom(): Promise<Struck[]> {
		const end = delay(durationMs);
		const planned = planStrikes({ seed, durationMs, ...shares, members: target.members });
		const strikes = await carryOut(planned, target, durationMs, (struck) => {
			if (struck.hitMs !== undefined) ends.expect(struck);
			say(described(struck));
		});
		await end;
		return strikes;
	}

	async function takeCourse(course: Course): Promise<TrialResult[]> {
		const trials = planTrials(course, target.members).filter(only);
		const results = await strikeOneByOne(trials, {
			...{ target, counting, serving },
			onStrike: (trial) => ends.expect(trial),
			onResult: (result) => say(resultOf(result)),
		});
		violations.push(...results.flatMap((result) => tooLong(course, result)));
		return results;
	}
}

/** Asks until nothing is missing, for at most `withinMs`. @returns what was missing when the time was up */
async function still(missing: () => Promise<readonly string[]>, withinMs: number): Promise<readonly string[]> {
	let last: readonly string[] = [];
	const gone = async () => {
		last = await missing().catch((error: Error) => [error.message]);
		return last.length === 0;
	};
	await until(gone, { what: "everything to be whole", timeoutMs: Math.max(0, withinMs), everyMs: 250 }).catch(
		() => false,
	);
	return last;
}

type Made = Pick<Code, "id" | "slug">;

/** Codes that every gateway knows. */
async function makeCodes(caller: Caller, count: number): Promise<Made[]> {
	const codes: Made[] = [];
	for (let number = 0; number < count; number++) {
		const make = () => caller.json<Made>("POST", "/api/v1/codes", { url: `https://example.org/${number}` });
		// A process that has only just begun may not be heard of by all others yet.
		codes.push(await until(make, { what: "a code to be made", timeoutMs: STARTS_WITHIN_MS, everyMs: 250 }));
	}
	await delay(KNOWN_EVERYWHERE_MS);
	await until(
		async () => {
			const asked = codes.flatMap(({ slug }) => [slug, slug, slug, slug]);
			const replies = await Promise.all(asked.map((slug) => caller.ask({ method: "HEAD", path: `/q/${slug}` })));
			return replies.every(({ status }) => status === 302);
		},
		{ what: "every gateway to know the codes", timeoutMs: STARTS_WITHIN_MS },
	);
	return codes;
}

async function allLive(screens: Screens): Promise<void> {
	const states = () => [...screens.shown().map(({ state }) => state), screens.feedState()];
	await until(() => states().every((state) => state === "live"), {
		what: "every screen to be live",
		timeoutMs: STARTS_WITHIN_MS,
	});
}

/** Days are closed while late scans arrive and things are killed. */
async function aggregateAllAlong(caller: Caller, signal: AbortSignal): Promise<void> {
	while (!signal.aborted) {
		await delay(AGGREGATE_EVERY_MS, undefined, { signal }).catch(() => undefined);
		await caller.ask({ method: "POST", path: "/api/v1/jobs/run_daily_aggregation/run" }).catch(() => undefined);
	}
}

/** A strike in words. */
export function described({ member, kind, pauseMs, atMs, hitMs }: Struck): string {
	if (hitMs === undefined) return `${member}, to be struck at ${atMs} ms, came back too late for it`;
	const late = hitMs - atMs > 250 ? `, ${hitMs - atMs} ms late` : "";
	return `${signalsOf({ kind, pauseMs })} ${member}${late}`;
}

/** What a trial cost, in words. */
export function resultOf({ member, kind, pauseMs, counting, serving }: TrialResult): string {
	const stood = [counting, serving].map(({ name, ms }) => `${name} stood still for ${ms} ms`).join(", ");
	return `${signalsOf({ kind, pauseMs })} ${member}: ${stood}`;
}

function signalsOf({ kind, pauseMs }: Pick<Trial, "kind" | "pauseMs">): string {
	return kind === "pause" ? `SIGSTOP for ${pauseMs} ms` : kind === "kill" ? "SIGKILL" : "SIGTERM";
}
