/** Closed hours and days held against their quarter hours, closed months against their days. */

import { BUCKET_DIMENSIONS, OTHER } from "../../contracts/scan.ts";
import { compareBucket, compareTally, type Findings, type Place } from "./audit-findings.ts";
import type { AuditView, KeptHour, KeptRollup, Span } from "./audit-source.ts";
import { addTally, emptyTally, type Tally } from "./bucket.ts";
import { type Rollup, RollupFold } from "./rollup.ts";

/** Nothing is compared of an hour that was added to since it was written, or that is gone. */
export async function compareHour(view: AuditView, at: number, findings: Findings): Promise<void> {
	const found = await view.hour(at);
	if (!found) return;
	const { hour, codes } = found;
	const place = { what: "hours", where: new Date(at).toISOString() } as const;
	const sums = await sumQuarters(view, undefined, { from: hour.start, to: hour.end });
	compareTally(place, sums.tally, hour.tally, findings);
	comparePacked(place, { ...sums, codes: hour.unpacked.codes && codes }, hour, findings);
}

/** False when the day is open, or its quarters are gone. */
export async function compareDay(
	view: AuditView,
	date: string,
	quartersFrom: number,
	findings: Findings,
): Promise<boolean> {
	const days = await view.days(date);
	const own = days.find(({ code }) => code === undefined);
	if (!own || own.start < quartersFrom) return false;
	const codes = emptyTally();
	for (const day of days) {
		const place = { what: "days", code: day.code, where: date } as const;
		const sums = await sumQuarters(view, day.code, { from: day.start, to: day.end });
		compareBucket(place, sums, day, findings);
		compareTally({ ...place, dimension: "hour" }, day.tally, sumOf(day.hours), findings);
		comparePacked(place, { ...sums, codes: day.codes }, day, findings);
		compareColumns(place, { ...sums, codes: day.codes }, day, findings);
		if (day.code === undefined) continue;
		addTally(codes, day.tally);
		if (own.codes) compareTally(place, day.tally, own.codes.get(day.code), findings);
	}
	compareTally({ what: "days", where: date, dimension: "code" }, own.tally, codes, findings);
	return true;
}

/** False when the month is open, or its days are not those that it was closed from. */
export async function compareMonth(view: AuditView, name: string, findings: Findings): Promise<boolean> {
	const codes = await view.codesOfMonth(name);
	const own = codes && (await view.month(name, undefined));
	if (!codes || !own?.month || !isChain(own.month, own.days)) return false;
	const sums = emptyTally();
	for (const code of [undefined, ...codes]) {
		const { month, days } = code === undefined ? own : await view.month(name, code);
		const place = { what: "months", code, where: name } as const;
		const fold = RollupFold.month(code === undefined ? "organisation" : "code");
		for (const day of days) fold.addDay({ ...day, quarters: day.unpacked?.quarters }, day.name, day.start);
		const expected = fold.rollup();
		compareBucket(place, expected, month, findings);
		for (const [hour, tally] of expected.hours.entries())
			compareTally({ ...place, dimension: "hour", value: String(hour) }, tally, month?.hours[hour], findings);
		if (month) comparePacked(place, { ...expected, codes: month.codes }, month, findings);
		const byDay = new Map(month?.days?.map((day) => [day.at, day]));
		for (const { name, start, tally } of days)
			compareTally({ ...place, dimension: "day", value: name }, tally, byDay.get(start), findings);
		if (code === undefined) continue;
		addTally(sums, expected.tally);
		if (own.month.codes) compareTally(place, expected.tally, own.month.codes.get(code), findings);
	}
	compareTally({ what: "months", where: name, dimension: "code" }, own.month.tally, sums, findings);
	return true;
}

/** What is packed must say the same. @param expected its quarters are absent where those of an earlier release are not known */
function comparePacked(
	place: Place,
	{ tally, values, codes, quarters }: Pick<Rollup, "tally" | "values" | "codes" | "quarters">,
	{ unpacked }: Pick<KeptRollup, "unpacked"> | KeptHour,
	findings: Findings,
): void {
	if (!unpacked) return;
	compareBucket(place, { tally, values }, { tally, values: unpacked.values }, findings);
	compareCodes(place, codes, unpacked.codes, findings);
	compareQuarters(place, quarters, unpacked.quarters, findings);
}

/** What filters read must say the same, but of values that a cap merged, which it knows better. */
function compareColumns(
	place: Place,
	{ tally, values, codes, quarters }: Pick<Rollup, "tally" | "values" | "codes" | "quarters">,
	{ columns }: KeptRollup,
	findings: Findings,
): void {
	if (!columns) return;
	const known = (those: Rollup["values"]) => those.map((one, index) => (values[index]?.has(OTHER) ? new Map() : one));
	compareBucket(place, { tally, values: known(values) }, { ...columns, values: known(columns.values) }, findings);
	compareCodes(place, codes ?? columns.codes, columns.codes, findings);
	compareQuarters(place, quarters, columns.quarters, findings);
}

function compareCodes(place: Place, expected: Rollup["codes"], found: Rollup["codes"], findings: Findings): void {
	compareEach(expected ?? new Map(), found ?? new Map(), (code, one, other) =>
		compareTally({ ...place, dimension: "code", value: code }, one, other, findings),
	);
}

function compareQuarters(place: Place, expected: Rollup["quarters"], found: Rollup["quarters"], findings: Findings) {
	if (!expected || !found) return;
	compareEach(expected, found, (at, one, other) =>
		compareTally({ ...place, dimension: "quarter", value: new Date(at).toISOString() }, one, other, findings),
	);
}

function compareEach<K>(
	expected: ReadonlyMap<K, Readonly<Tally>>,
	found: ReadonlyMap<K, Readonly<Tally>>,
	compare: (key: K, expected: Readonly<Tally>, found: Readonly<Tally> | undefined) => void,
): void {
	for (const key of new Set([...expected.keys(), ...found.keys()]))
		compare(key, expected.get(key) ?? emptyTally(), found.get(key));
}

/** Whether the days follow each other through all of the month, in its own zone. */
function isChain(month: KeptRollup, days: readonly KeptRollup[]): boolean {
	let end = month.start;
	for (const day of days) {
		if (day.start !== end || day.timeZone !== month.timeZone) return false;
		end = day.end;
	}
	return end === month.end;
}

/** What the quarters of a code, or the organisation's own, add up to. */
async function sumQuarters(view: AuditView, code: string | undefined, span: Span) {
	const sums = { tally: emptyTally(), values: BUCKET_DIMENSIONS.map(() => new Map<string, Tally>()) };
	const quarters = new Map<number, Tally>();
	for await (const { at, tally, values } of view.quarters(code, span)) {
		addTally(sums.tally, tally);
		addTally(quarters.getOrInsertComputed(at, emptyTally), tally);
		for (const [index, gained] of values.entries())
			for (const [value, one] of gained)
				addTally((sums.values[index] as Map<string, Tally>).getOrInsertComputed(value, emptyTally), one);
	}
	return { ...sums, quarters };
}

function sumOf(tallies: Iterable<Readonly<Tally>>): Tally {
	const sum = emptyTally();
	for (const tally of tallies) addTally(sum, tally);
	return sum;
}
