/*
 * What the client's record says of the numbers: pure comparisons, each difference a sentence.
 */
import { nameOf } from "./crowd.ts";
import type { Outcome, RecordedScan } from "./record.ts";

/** How the scans of a record ended, and how many the store has of those that it may have. */
export interface Tally {
	readonly sent: number;
	readonly acknowledged: number;
	readonly hurried: number;
	readonly refused: number;
	readonly unanswered: number;
	/** Of those without an acknowledgement, how many were counted all the same, as they may be. */
	readonly countedUnacknowledged: number;
	readonly lost: number;
	readonly doubled: number;
	/** What was counted in all. */
	readonly counted: number;
}

export interface Judgement extends Tally {
	readonly violations: readonly string[];
	/** Those of the record that are in the store. */
	readonly present: readonly RecordedScan[];
}

const EXAMPLES = 5;

/** Every acknowledged scan exactly once, every other at most once, and nothing that nobody sent. */
export function judge(scans: readonly RecordedScan[], byName: ReadonlyMap<string, number>): Judgement {
	const countOf = ({ key }: RecordedScan) => byName.get(nameOf(key)) ?? 0;
	const of = (outcome: Outcome | undefined) => scans.filter((scan) => scan.outcome === outcome);
	const present = scans.filter((scan) => countOf(scan) > 0);
	const lost = of("acknowledged").filter((scan) => countOf(scan) === 0);
	const doubled = scans.filter((scan) => countOf(scan) > 1);
	const contradicted = of("refused").filter((scan) => countOf(scan) > 0);
	const names = new Set(scans.map(({ key }) => nameOf(key)));
	const strangers = [...byName.keys()].filter((name) => !names.has(name));
	const few = (some: readonly RecordedScan[]) => some.slice(0, EXAMPLES).map((scan) => JSON.stringify(scan));
	const violations = (
		[
			["acknowledged scans are lost", lost],
			["scans are counted more than once", doubled],
			["refused scans are counted", contradicted],
			["scans were never answered", of(undefined)],
		] as const
	).flatMap(([what, those]) => (those.length > 0 ? [`${those.length} ${what}, such as ${few(those).join(" ")}`] : []));
	if (strangers.length > 0) violations.push(`${strangers.length} scans that nobody sent are counted: ${strangers[0]}`);
	return {
		sent: scans.length,
		acknowledged: of("acknowledged").length,
		hurried: of("hurried").length,
		refused: of("refused").length,
		unanswered: of("unanswered").length,
		countedUnacknowledged: present.filter(({ outcome }) => outcome !== "acknowledged").length,
		lost: lost.length,
		doubled: doubled.length,
		counted: [...byName.values()].reduce((sum, count) => sum + count, 0),
		violations,
		present,
	};
}

/** Says where two countings of the same things differ. */
export function differences(
	what: string,
	expected: ReadonlyMap<string, number>,
	found: ReadonlyMap<string, number>,
): string[] {
	return [...new Set([...expected.keys(), ...found.keys()])].flatMap((key) => {
		const [due, is] = [expected.get(key) ?? 0, found.get(key) ?? 0];
		return due === is ? [] : [`${what} ${key}: ${is}, the record says ${due}`];
	});
}

/** How many scans there are of each kind. */
export function countBy(scans: readonly RecordedScan[], kind: (scan: RecordedScan) => string): Map<string, number> {
	const counts = new Map<string, number>();
	for (const scan of scans) counts.set(kind(scan), (counts.get(kind(scan)) ?? 0) + 1);
	return counts;
}

/** First visits: visitors of each code and UTC day, bots apart. */
export function visitorsOf(scans: readonly RecordedScan[], code: number): number {
	const people = scans.filter(({ code: of, bot, visitor }) => of === code && !bot && visitor !== undefined);
	return new Set(people.map((scan) => `${utcDay(scan)} ${scan.visitor}`)).size;
}

export const utcDay = ({ at }: RecordedScan): string => new Date(at).toISOString().slice(0, 10);
