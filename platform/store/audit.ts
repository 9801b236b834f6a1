/**
 * The audit: counts raw scans again and holds everything that was ever derived from them against the count. Nothing that
 * counting knows is used but the raw scans themselves. Shared by both stores, which say what is there, each in snapshots.
 * Memory is bounded by what one quarter hour, one day, or the list of codes holds, not by how many scans there are.
 */

import { BUCKET_DIMENSIONS } from "../../contracts/scan.ts";
import { compareDay, compareHour, compareMonth } from "./audit-closed.ts";
import { compareBucket, compareTally, Findings } from "./audit-findings.ts";
import type { AuditSource, AuditView, CountedScan, KeptBucket, Span } from "./audit-source.ts";
import { countScan, dimensionValues, emptyTally, type Tally } from "./bucket.ts";
import { DAY_MS, firstInstant, QUARTER_MS } from "./quarters.ts";
import type { AuditReport } from "./scan-store.ts";
import { monthEnd, monthStart } from "./utc-month.ts";

/** @param month only the quarters of that month, `YYYYMM` */
export async function audit(source: AuditSource, organisation: string, month?: string): Promise<AuditReport> {
	const findings = new Findings();
	const codes = await source.codes();
	const quartersFrom = await source.quartersFrom();
	const spans = (month === undefined ? await source.months() : [month])
		.map((one) => ({ from: Math.max(monthStart(one), quartersFrom), to: monthEnd(one) }))
		.filter(({ from, to }) => from < to);

	for (const code of codes) {
		for (const span of spans) {
			await source.snapshot((view) => compareQuarters(view, code, span, source.codesByPartition, findings));
		}
		if (month === undefined) await source.snapshot((view) => compareTotal(view, code, findings));
	}
	let scans = 0;
	for (const span of spans) {
		for (const day of daysOf(span)) {
			scans += await source.snapshot((view) => compareQuarters(view, undefined, day, true, findings));
		}
	}
	let days = 0;
	let months = 0;
	if (month === undefined) {
		await source.snapshot(async (view) => {
			await compareTotal(view, undefined, findings);
			await compareLedger(view, findings);
		});
		for (const at of await source.hours()) await source.snapshot((view) => compareHour(view, at, findings));
		for (const date of await source.dates()) {
			if (await source.snapshot((view) => compareDay(view, date, quartersFrom, findings))) days++;
		}
		for (const name of await source.closedMonths()) {
			if (await source.snapshot((view) => compareMonth(view, name, findings))) months++;
		}
	}
	const { count, differences } = findings;
	return { organisation, scans, codes: codes.length, days, months, clean: count === 0, differing: count, differences };
}

function* daysOf({ from, to }: Span): Generator<Span> {
	for (let day = from; day < to; day = firstInstant(day, DAY_MS) + DAY_MS)
		yield { from: day, to: Math.min(to, firstInstant(day, DAY_MS) + DAY_MS) };
}

/** Returns how many raw scans there were. */
async function compareQuarters(
	view: AuditView,
	code: string | undefined,
	span: Span,
	byPartition: boolean,
	findings: Findings,
) {
	let scans = 0;
	const expected = recountedQuarters(view.raw(code, span), byPartition)[Symbol.asyncIterator]();
	const found = keptQuarters(view.quarters(code, span))[Symbol.asyncIterator]();
	let [recounted, kept] = [await expected.next(), await found.next()];
	while (!recounted.done || !kept.done) {
		const at = Math.min(
			recounted.done ? Number.POSITIVE_INFINITY : recounted.value.at,
			kept.done ? Number.POSITIVE_INFINITY : kept.value.at,
		);
		const raw = !recounted.done && recounted.value.at === at ? recounted.value.buckets : NONE;
		const stored = !kept.done && kept.value.at === at ? kept.value.buckets : NONE;
		for (const bucket of raw.values()) scans += bucket.tally.scans + bucket.tally.bots;
		const where = new Date(at).toISOString();
		for (const partition of new Set([...raw.keys(), ...stored.keys()]))
			compareBucket({ what: "quarters", code, where }, raw.get(partition), stored.get(partition), findings);
		if (raw !== NONE) recounted = await expected.next();
		if (stored !== NONE) kept = await found.next();
	}
	return scans;
}

type Buckets = ReadonlyMap<number | undefined, Pick<KeptBucket, "tally" | "values">>;
const NONE: Buckets = new Map();

async function* recountedQuarters(scans: AsyncIterable<CountedScan> | Iterable<CountedScan>, apart: boolean) {
	let at = Number.NaN;
	let buckets = new Map<number | undefined, { tally: Tally; values: Map<string, Tally>[] }>();
	for await (const scan of scans) {
		const quarter = firstInstant(scan.at, QUARTER_MS);
		if (quarter !== at) {
			if (buckets.size > 0) yield { at, buckets };
			at = quarter;
			buckets = new Map();
		}
		const bucket = buckets.getOrInsertComputed(apart ? scan.partition : undefined, () => ({
			tally: emptyTally(),
			values: BUCKET_DIMENSIONS.map(() => new Map<string, Tally>()),
		}));
		countScan(bucket.tally, scan.bot, scan.first);
		for (const [index, value] of dimensionValues(scan).entries())
			countScan(
				(bucket.values[index] as Map<string, Tally>).getOrInsertComputed(value, emptyTally),
				scan.bot,
				scan.first,
			);
	}
	if (buckets.size > 0) yield { at, buckets };
}

async function* keptQuarters(kept: AsyncIterable<KeptBucket> | Iterable<KeptBucket>) {
	let at = Number.NaN;
	let buckets = new Map<number | undefined, KeptBucket>();
	for await (const bucket of kept) {
		if (bucket.at !== at) {
			if (buckets.size > 0) yield { at, buckets };
			at = bucket.at;
			buckets = new Map();
		}
		buckets.set(bucket.partition, bucket);
	}
	if (buckets.size > 0) yield { at, buckets };
}

async function compareTotal(view: AuditView, code: string | undefined, findings: Findings): Promise<void> {
	compareTally({ what: "totals", code }, await view.recount(code), await view.total(code), findings);
}

async function compareLedger(view: AuditView, findings: Findings): Promise<void> {
	const { accepted, stored, duplicate, dropped, missing } = await view.ledger();
	const { scans, bots } = await view.recount(undefined);
	if (stored !== scans + bots)
		findings.note({ what: "ledger", where: "stored", expected: scans + bots, found: stored });
	const sum = stored + duplicate + missing + Object.values(dropped).reduce((all, count) => all + count, 0);
	if (accepted !== sum) findings.note({ what: "ledger", where: "accepted", expected: sum, found: accepted });
}
