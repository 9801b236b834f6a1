/*
 * Whether everything is whole: first whatever only needs time, then, once and for all, each way of counting against the
 * client's record, against each other, and against what screens show.
 */
import type { Judgement } from "./judgement.ts";
import { countBy, differences, utcDay, visitorsOf } from "./judgement.ts";
import type { Numbers } from "./numbers.ts";
import type { Screens } from "./screens.ts";

/**
 * What still has to happen; empty when everything is whole.
 *
 * @param acknowledged how many scans must have been counted at least
 */
export async function notWholeYet(numbers: Numbers, screens: Screens, acknowledged: number): Promise<string[]> {
	const ledger = await numbers.ledger();
	const summary = await numbers.summary();
	const missing: string[] = [];
	const { scans, bots, visitors } = summary;
	if (!ledger.balanced || ledger.inFlight > 0 || ledger.missing > 0) missing.push(`ledger ${JSON.stringify(ledger)}`);
	if (scans + bots < acknowledged) missing.push(`${scans + bots} of ${acknowledged} acknowledged scans are counted`);
	if (scans + bots !== ledger.stored) missing.push(`summary says ${scans + bots}, the ledger ${ledger.stored} stored`);
	if (!summary.complete) missing.push("the summary is not complete");
	for (const { screen, channel, state, total } of screens.shown()) {
		const due = channel === "org" ? summary : await numbers.summary(channel.slice("code:".length));
		const same = total?.scans === due.scans && total.visitors === due.visitors && total.bots === due.bots;
		if (state !== "live") missing.push(`${screen} is ${state}`);
		if (!same) missing.push(`${screen} shows ${JSON.stringify(total)}, the summary says ${scans}/${visitors}/${bots}`);
	}
	if (screens.feedState() !== "live") missing.push(`the feed is ${screens.feedState()}`);
	return missing;
}

export interface Verification {
	readonly numbers: Numbers;
	readonly judgement: Judgement;
	/** Ids, by the index that the record names them by. */
	readonly codes: readonly string[];
	readonly screens: Screens;
	say(line: string): void;
}

/** Every violation, in words. What is closed by the daily aggregation is compared before and after it. */
export async function verify(options: Verification): Promise<string[]> {
	const { numbers, say } = options;
	const violations = await compare("", options);
	for (const job of ["run_daily_aggregation", "audit"] as const) {
		const run = await numbers.run(job);
		const result = JSON.stringify(run.result ?? run.error);
		say(`${job} ${run.status}: ${result.slice(0, 400)}`);
		if (run.status !== "succeeded") violations.push(`${job} ${run.status}: ${result}`);
		else if (job === "audit") violations.push(...audited(run.result as Audited, options.judgement.counted));
	}
	violations.push(...(await compare("after the daily aggregation, ", options)));
	return violations;
}

/** The audit's own word: what it recounted, and whether everything derived agrees with it. */
interface Audited {
	readonly scans: number;
	readonly clean: boolean;
}

function audited(result: Audited, counted: number): string[] {
	const violations = result.clean ? [] : [`the audit found differences: ${JSON.stringify(result)}`];
	if (result.scans !== counted) violations.push(`the audit recounted ${result.scans} scans of ${counted}`);
	return violations;
}

async function compare(when: string, { numbers, judgement, codes, screens }: Verification): Promise<string[]> {
	const { present, counted } = judgement;
	const violations: string[] = [];
	const codeId = (index: number) => codes[index] as string;
	violations.push(
		...differences(
			"scans of code",
			countBy(present, ({ code }) => codeId(code)),
			await numbers.byCode(),
		),
	);
	// Of a redirect at midnight only the gateway knows on which day it was.
	const oneDay = new Set(present.filter(({ source }) => source !== "api").map(utcDay)).size <= 1;
	if (oneDay) violations.push(...differences("scans of day", countBy(present, utcDay), await numbers.byDay()));
	for (const { name, scans } of await numbers.inEveryWay()) {
		if (scans !== counted) violations.push(`${name} says ${scans}, the scans themselves are ${counted}`);
	}
	const bots = present.filter(({ bot }) => bot).length;
	const all = await numbers.summary();
	if (all.bots !== bots) violations.push(`bots: ${all.bots}, the record says ${bots}`);
	for (const [index, id] of codes.entries()) {
		const { visitors } = await numbers.summary(id);
		const due = visitorsOf(present, index);
		if (oneDay && visitors !== due) violations.push(`visitors of code ${id}: ${visitors}, the record says ${due}`);
	}
	const ledger = await numbers.ledger();
	const dropped = Object.values(ledger.dropped).reduce((sum, count) => sum + count, 0);
	const accounted = ledger.stored + ledger.duplicate + dropped + ledger.missing + ledger.inFlight;
	if (!ledger.balanced || ledger.accepted !== accounted || ledger.missing + dropped + ledger.inFlight > 0)
		violations.push(`the ledger is not balanced: ${JSON.stringify(ledger)}`);
	for (const { screen, channel, total } of screens.shown()) {
		const due = channel === "org" ? all : await numbers.summary(channel.slice("code:".length));
		if (total?.scans !== due.scans || total.visitors !== due.visitors || total.bots !== due.bots)
			violations.push(`${screen} shows ${JSON.stringify(total)}, the store has ${JSON.stringify(due)}`);
	}
	return violations.map((what) => when + what);
}
